// Offline into files, online from them.
#include "runtime/material/MaterialFile.h"
#include "runtime/vm/Party.h"
#include "runtime/vm/StoredSession.h"
#include "tests/unit/core/TempDir.h"
#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

namespace {

/// A product with a weight, one with a constant, a truncation each.
plan::Plan samplePlan() {
  PlanBuilder b;
  Reg x = b.input({2, 3}, 40);
  Reg w = b.weight({3, 4}, 40);
  Reg y = b.op(PlanOp::MatMul, Form::Additive, 40, {2, 4}, {x, w},
               {{1}, {2}, {3}, {4}, {0}, {0}});
  Reg z = b.op(PlanOp::Trunc, Form::Masked, 36, {2, 4}, {y}, {{4}, {0}});
  b.flush();
  Reg c = b.op(
      PlanOp::MatMulConst, Form::Masked, 36, {2, 1}, {z},
      {{b.constant({4, 1}, {1, 2, 3, 4})}, {1}, {1}, {2}, {4}, {1}, {0}, {0}});
  b.output(c);
  return b.done();
}

const Ints kInput = {1, -2, 3, 400, 500, -600};
const Ints kWeight = {16, 32, 48, 64, 80, -96, 112, 128, 16, 0, 16, 16};

} // namespace

TEST_CASE("stored material gives what streamed material gives", "[vm]") {
  const plan::Plan plan = samplePlan();
  const std::vector<core::NpyArray> inputs = {
      core::NpyArray::of<int64_t>({2, 3}, kInput)};
  const plan::Weights weights = weightsOf(plan, {kWeight});
  TempDir dir;
  vm::InProcessOptions options;
  auto streamed = vm::runInProcess(plan, weights, inputs, options);
  REQUIRE(streamed);
  options.materialDir = dir.path;
  for (int run = 0; run < 2; ++run) {
    auto stored = vm::runInProcess(plan, weights, inputs, options);
    if (!stored)
      FAIL(stored.error().message);
    checkCost(plan, *stored);
    CHECK(stored->outputs[0].bytes == streamed->outputs[0].bytes);
  }
  // Used material is gone, what was used is on record.
  CHECK(dir.entries() == 2);
  CHECK(std::filesystem::file_size(dir.file("party1.spent")) == 64);
  CHECK(std::filesystem::file_size(dir.file("party2.spent")) == 64);
}

TEST_CASE("material of another plan, party or size is refused", "[vm]") {
  const plan::Plan plan = samplePlan();
  TempDir dir;
  const std::string path = dir.file("m");
  const auto write = [&](material::MaterialId id, uint64_t extra) {
    const uint64_t n = vm::EvaluatorSession::kSecretBytes +
                       vm::materialBytes(plan, id.party) + extra;
    auto w = material::MaterialWriter::create(path, id, n);
    REQUIRE(w);
    REQUIRE(w->put(std::vector<uint8_t>(n)));
    REQUIRE(w->commit());
  };
  const auto message = [&] {
    auto s = vm::openSession(plan, 1, path, nullptr);
    return s ? std::string() : s.error().message;
  };
  write({plan.hash(), {}, 1}, 0);
  CHECK(message() == "");
  write({{}, {}, 1}, 0);
  CHECK(message() == path + ": the material is of another plan");
  write({plan.hash(), {}, 2}, 0);
  CHECK(message() == path + ": the material is party 2's");
  write({plan.hash(), {}, 1}, 1);
  CHECK(message() ==
        path + ": the material has another size than the plan needs");
}

TEST_CASE("weights beyond the budget are packed in the sessions", "[vm]") {
  const plan::Plan plan = samplePlan();
  const std::vector<core::NpyArray> inputs = {
      core::NpyArray::of<int64_t>({2, 3}, kInput)};
  std::vector<uint8_t> first;
  for (size_t budget : {size_t{1} << 20, size_t{100}, size_t{0}}) {
    const auto out =
        runAndCheck(plan, inputs, weightsOf(plan, {kWeight}), 1, budget);
    if (first.empty())
      first = out[0].bytes;
    CHECK(out[0].bytes == first);
  }
}

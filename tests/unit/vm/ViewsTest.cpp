// What each single party receives must not depend on the secrets. Distributions
// are tested byte by byte; fixed numbers of samples, thresholds far out.
#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

namespace {

/// Chi-square of the byte histogram against uniform, 255 degrees of freedom.
double chiSquare(std::span<const uint8_t> bytes) {
  std::array<double, 256> count{};
  for (uint8_t b : bytes)
    ++count[b];
  const double want = static_cast<double>(bytes.size()) / 256;
  double sum = 0;
  for (double c : count)
    sum += (c - want) * (c - want) / want;
  return sum;
}

/// mean 255, standard deviation 22.6: beyond 8 sigma once in 10^12 runs.
constexpr double kLimit = 255 + 8 * 22.6;

/// Products, truncations, comparisons, selection, exp, fourier: everything a
/// party receives is whole bytes of uniform bits (rings of 8 k bits).
PlanBuilder uniformPlan() {
  constexpr int64_t kN = 4096;
  PlanBuilder b;
  Reg x = b.input({kN}, 48), w = b.weight({kN}, 48);
  Reg p = b.trunc(b.op(PlanOp::Mul, Form::Additive, 48, {kN}, {x, w}, {}), 16);
  Reg low = b.op(PlanOp::Drop, Form::Masked, 24, {kN}, {p}, {}, 20);
  Reg up = b.op(PlanOp::Extend, Form::Masked, 40, {kN}, {low}, {});
  b.flush();
  Reg s = b.sign(up, 16, 2, 5);
  Reg relu = b.op(PlanOp::BitMul, Form::Additive, 40, {kN}, {s, up}, {});
  b.output(b.trunc(relu, 8, false));
  b.output(b.trunc(b.op(PlanOp::Exp, Form::Additive, 48, {kN}, {up},
                        {{14}, {1}, {10}, {12}, {12}}),
                   16));
  constexpr int64_t kOne = int64_t{1} << 40;
  b.output(b.trunc(b.op(PlanOp::Fourier, Form::Additive, 48, {kN}, {up},
                        {{b.constant({2, 4}, {kOne, 0, 12, 12, 0, kOne, 8, 8})},
                         {14},
                         {1},
                         {24},
                         {0},
                         {256}}),
                   16));
  return b;
}

void requireUniform(const std::vector<uint8_t> &bytes, const char *what) {
  INFO(what << ", " << bytes.size() << " bytes");
  REQUIRE(bytes.size() > 8000);
  CHECK(chiSquare(bytes) < kLimit);
}

} // namespace

TEST_CASE("views of P1 and P2 look uniform whatever the input", "[vm]") {
  const plan::Plan plan = uniformPlan().done();
  vm::InProcessOptions options;
  options.recordViews = true;
  for (int64_t value : {int64_t{0}, (int64_t{1} << 46) - 1, int64_t{-1}}) {
    INFO("value " << value);
    const Ints x(4096, value), w(4096, value / 3);
    auto r = vm::runInProcess(
        plan, weightsOf(plan, {w}),
        std::vector{core::NpyArray::of<int64_t>({4096}, x)}, options);
    if (!r)
      FAIL(r.error().message);
    requireUniform(r->views[1][2], "P1 from P2");
    requireUniform(r->views[2][1], "P2 from P1");
    requireUniform(r->views[2][0], "P2 from P0");
    requireUniform(r->views[1][3], "P1 from the client");
    requireUniform(r->views[2][3], "P2 from the client");
    requireUniform(r->views[1][4], "P1 from the owner");
    requireUniform(r->views[2][4], "P2 from the owner");
    // P0: two keys, and per evaluator nonces and a contribution; the greetings
    // besides. Nothing that could depend on a value.
    CHECK(r->views[0][4].size() == 56 + 32);
    CHECK(r->views[0][1].size() == 56 + 48);
    CHECK(r->views[0][2].size() == 56 + 48);
    CHECK(r->views[0][3].empty());
    // P1 gets no dealt values in this plan: all of its shares are from PRG.
    CHECK(r->views[1][0].size() == 56 + 16);
  }
}

TEST_CASE("DPF keys look uniform whatever the mask", "[vm]") {
  constexpr int64_t kN = 700;
  PlanBuilder b;
  Reg x = b.input({kN}, 24);
  b.output(b.trunc(
      b.op(PlanOp::OneHot, Form::Additive, 16, {kN, 16}, {x}, {{4}, {16}}), 0));
  const plan::Plan plan = b.done();
  vm::InProcessOptions options;
  options.recordViews = true;
  const Ints v(kN, 3);
  auto r = vm::runInProcess(plan, weightsOf(plan, {}),
                            std::vector{core::NpyArray::of<int64_t>({kN}, v)},
                            options);
  if (!r)
    FAIL(r.error().message);
  requireUniform(r->views[1][0], "P1 from P0");
  CHECK(r->views[1][0].size() - 16 == r->views[2][0].size() - 16);
  CHECK(std::equal(r->views[1][0].begin() + 72, r->views[1][0].end(),
                   r->views[2][0].begin() + 72));
}

TEST_CASE("two sessions share no mask", "[vm]") {
  const plan::Plan plan = uniformPlan().done();
  vm::InProcessOptions options;
  options.recordViews = true;
  const Ints x(4096, 5), w(4096, 7);
  const auto once = [&] {
    auto r = vm::runInProcess(
        plan, weightsOf(plan, {w}),
        std::vector{core::NpyArray::of<int64_t>({4096}, x)}, options);
    if (!r)
      FAIL(r.error().message);
    return std::move(*r);
  };
  const auto first = once(), second = once();
  for (size_t from : {2, 3, 4}) {
    const auto &a = first.views[1][from], &b = second.views[1][from];
    REQUIRE(a.size() == b.size());
    size_t same = 0;
    for (size_t i = 0; i < a.size(); ++i)
      same += a[i] == b[i];
    // One in 256 by chance.
    CHECK(same < a.size() / 64 + 80);
  }
}

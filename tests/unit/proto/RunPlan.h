//===- tests/unit/proto/RunPlan.h - run a plan and check what always holds ===//
//
// Runs a plan among three in-process parties and requires: outputs equal the
// emulator's to the bit under the same coins, and the bytes on each link and
// the rounds equal the declared cost.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/emu/Emulator.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/vm/InProcessRun.h"
#include "tests/unit/proto/PlanBuilder.h"

#include <catch2/catch.hpp>

namespace mpc::test {

inline void checkCost(const plan::Plan &plan, const vm::InProcessResult &r) {
  const plan::PlanCost want = plan::totalCost(plan);
  const vm::RunStats &got = r.stats;
  CHECK(got.rounds == want.rounds);
  CHECK(r.parties[2].rounds == want.rounds);
  const uint64_t open = plan::publicInputBytes(plan);
  CHECK(got.openClientToP1 == open);
  CHECK(got.openClientToP2 == open);
  CHECK(got.openP1ToP0 == open);
  CHECK(got.p0ToP1 == want.p0ToP1);
  CHECK(got.p0ToP2 == want.p0ToP2);
  CHECK(got.p1ToP2 == want.p1ToP2);
  CHECK(got.p2ToP1 == want.p2ToP1);
  CHECK(got.clientToP1 == want.clientToP1);
  CHECK(got.clientToP2 == want.clientToP2);
  CHECK(got.p1ToClient == want.p1ToClient);
  CHECK(got.p2ToClient == want.p2ToClient);
}

inline std::vector<core::NpyArray>
runAndCheck(const plan::Plan &plan, const std::vector<core::NpyArray> &inputs,
            const plan::Weights &weights, unsigned threads = 1,
            size_t packBudget = size_t{1} << 30) {
  vm::InProcessOptions options;
  options.packBudget = packBudget;
  options.recordCoins = true;
  options.threads = threads;
  auto r = vm::runInProcess(plan, weights, inputs, options);
  if (!r)
    FAIL(r.error().message);
  checkCost(plan, *r);
  emu::RecordedCoins coins(r->coins);
  emu::EmulateOptions one;
  one.threads = 1;
  auto plain = emu::emulate(plan, weights, inputs, coins, one);
  if (!plain)
    FAIL(plain.error().message);
  REQUIRE_FALSE(coins.missing());
  REQUIRE(plain->size() == r->outputs.size());
  for (size_t i = 0; i < plain->size(); ++i) {
    INFO("output " << i);
    CHECK((*plain)[i].shape == r->outputs[i].shape);
    CHECK((*plain)[i].bytes == r->outputs[i].bytes);
  }
  return std::move(r->outputs);
}

/// Integers in, integers out.
inline std::vector<Ints> run(const PlanBuilder &b,
                             const std::vector<Ints> &inputs,
                             const std::vector<Ints> &weights = {},
                             unsigned threads = 1,
                             size_t packBudget = size_t{1} << 30) {
  const plan::Plan plan = b.done();
  std::vector<core::NpyArray> arrays;
  for (size_t i = 0; i < inputs.size(); ++i)
    arrays.push_back(
        core::NpyArray::of<int64_t>(plan.inputs[i].shape, inputs[i]));
  std::vector<Ints> out;
  for (const core::NpyArray &a : runAndCheck(
           plan, arrays, weightsOf(plan, weights), threads, packBudget)) {
    const auto v = a.as<int64_t>();
    out.emplace_back(v.begin(), v.end());
  }
  return out;
}

} // namespace mpc::test

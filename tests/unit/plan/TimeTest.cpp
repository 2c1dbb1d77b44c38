//===- tests/unit/plan/TimeTest.cpp ---------------------------------------===//
#include "SamplePlan.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/plan/PlanTime.h"

#include <catch2/catch.hpp>

using namespace mpc::plan;

namespace {

double sum(const TimeEstimate &t, double PhaseTimes::*part) {
  double s = 0;
  for (const PhaseTimes &n : t.nodes)
    s += n.*part;
  return s;
}

} // namespace

TEST_CASE("Time: the nodes add up to the plan") {
  const Plan plan = sample::make();
  for (const char *name : {"loopback", "lan", "wan"}) {
    const Profile profile = *Profile::named(name);
    const TimeEstimate t = estimateTime(plan, profile);
    REQUIRE(t.nodes.size() == plan.locations.size());
    CHECK(sum(t, &PhaseTimes::offline) == Approx(t.total.offline));
    CHECK(sum(t, &PhaseTimes::online) == Approx(t.total.online));
    CHECK(t.total.online ==
          Approx(t.total.rounds + t.total.lines + t.total.compute));
    CHECK(t.total.setup > 0);
    for (const PhaseTimes &n : t.nodes)
      CHECK((n.offline >= 0 && n.rounds >= 0 && n.compute >= 0));
  }
}

TEST_CASE("Time: every round waits half a round trip, and the client one") {
  const Plan plan = sample::make();
  Profile p = Profile::wan();
  p.machine.round = 0;
  const double rounds = totalCost(plan).rounds;
  CHECK(estimateTime(plan, p).total.rounds == Approx((rounds / 2 + 1) * 0.040));
}

TEST_CASE("Time: offline is as long as its busiest resource") {
  const Plan plan = sample::make();
  Profile p = Profile::lan();
  p.dealerToP2.rttSeconds = 0;
  p.dealerToP2.bytesPerSecond = 1; // a byte a second
  CHECK(estimateTime(plan, p).total.offline ==
        Approx(static_cast<double>(totalCost(plan).p0ToP2)));
  p = Profile::lan();
  p.dealerToP2.rttSeconds = 0;
  p.machine.instruction = 1; // a second an instruction, on every core
  p.machine.cores = 1;
  const double seconds = estimateTime(plan, p).total.offline;
  p.machine.cores = 4;
  CHECK(estimateTime(plan, p).total.offline == Approx(seconds / 4));
  p.machine.shared = true; // three parties on the four cores, one thread each
  CHECK(estimateTime(plan, p).total.offline == Approx(seconds * 3 / 4));
}

TEST_CASE("Time: work is counted where it is done") {
  const Plan plan = sample::make();
  const std::vector<PlanWork> work = instrWork(plan);
  const std::vector<PlanCost> costs = instrCosts(plan);
  for (size_t i = 0; i < plan.code.size(); ++i) {
    CHECK(work[i].online.exchangedByte == static_cast<double>(costs[i].p1ToP2));
    CHECK(work[i].dealer.dealtByte ==
          static_cast<double>(costs[i].p0ToP1 + costs[i].p0ToP2));
    CHECK(work[i].dealer.exchangedByte == 0);
    CHECK(work[i].online.macU32 + work[i].online.macU64 ==
          static_cast<double>(costs[i].onlineGemmMacs));
    if (plan.code[i].op == PlanOp::Spline) // 4 leaves of 2 words, a tree
      CHECK(work[i].online.dpfLeaf == 8 * 4 * 3);
  }
}

TEST_CASE("Time: memory grows with weights and with what is alive") {
  const Plan plan = sample::make();
  const auto before = estimateMemory(plan);
  CHECK(before[2] > before[1]); // gets more material
  constexpr uint64_t kMany = 1 << 24;
  Plan weights = plan, inputs = plan;
  // A product's own weight is packed as it arrives; one of two, from words:
  // its masks, their sum.
  const Instr product = weights.code[2];
  REQUIRE(product.op == PlanOp::MatMul);
  weights.regs[product.in[1]].shape = {kMany};
  CHECK(estimateMemory(weights)[0] < before[0] + kMany);
  CHECK(estimateMemory(weights)[1] > before[1] + 4 * kMany);
  CHECK(estimateMemory(weights)[1] < before[1] + 6 * kMany);
  weights.code.push_back(product);
  CHECK(estimateMemory(weights)[0] > before[0] + 3 * 8 * kMany);
  CHECK(estimateMemory(weights)[1] > before[1] + 2 * 8 * kMany);
  // Two words an element; the offline phase runs at the same time.
  inputs.regs[inputs.code[0].out].shape = {kMany};
  CHECK(estimateMemory(inputs)[0] > before[0] + 2 * 8 * kMany);
  CHECK(estimateMemory(inputs)[1] > before[1] + 3 * 8 * kMany);
}

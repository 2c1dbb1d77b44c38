#include "SamplePlan.h"
#include "runtime/plan/Digits.h"
#include "runtime/plan/PlanCost.h"

#include <catch2/catch.hpp>
#include <map>

using namespace mpc::plan;

namespace {

PlanCost make(void (*set)(PlanCost &)) {
  PlanCost c;
  set(c);
  return c;
}

/// Of the sample's instruction that writes the register.
const std::map<Reg, PlanCost> &expected() {
  using C = PlanCost;
  // n = 8 elements unless a comment says otherwise.
  static const std::map<Reg, PlanCost> kExpected = {
      {0, make([](C &c) { // 6 x 40 bits
         c.p1ToClient = c.p2ToClient = c.clientToP1 = c.clientToP2 = 30;
       })},
      {2, make([](C &c) { // product with a weight: one GEMM before, one online
         c.p0ToP2 = 8 * 40 / 8;
         c.onlineGemmMacs = c.offlineGemmMacs = 2 * 3 * 4;
       })},
      {3, make([](C &c) { c.p1ToP2 = c.p2ToP1 = 8 * 28 / 8; })},
      {10, make([](C &c) { // P0 has both halves of a mask
         c.onlineGemmMacs = 16;
         c.offlineGemmMacs = 2 * 16;
       })},
      {17, make([](C &c) { // 12 new bits
         c.p1ToP2 = c.p2ToP1 = 12;
         c.p0ToP2 = 24;
       })},
      {18, make([](C &c) { c.p0ToP2 = 40; })},
      {19, make([](C &c) { // no level, two words of 30 bits for 4 points
         c.p0ToP1 = c.p0ToP2 = 8 * (4 * 60) / 8;
       })},
      {20, make([](C &c) { c.p0ToP2 = 8 * 4 * 60 / 8; })},
      {21, make([](C &c) { // 19 bits: digits of 5, 5, 5, 4
         c.p0ToP2 = 8 * (31 + 31 + 31 + 15) / 8;
         c.p1ToP2 = c.p2ToP1 = 8 * 7 / 8;
       })},
      {22, make([](C &c) { // q = 4: 24 - 9 = 15 products, and the top bit
         c.p0ToP2 = 8 * (15 + 1) / 8;
         c.p1ToP2 = c.p2ToP1 = 1;
       })},
      {24, make([](C &c) { c.p0ToP2 = c.p1ToP2 = c.p2ToP1 = 1; })},
      {26, make([](C &c) { c.p0ToP2 = 8; })},
      {27, make([](C &c) { c.p1ToP2 = c.p2ToP1 = 8; })},
      {28, make([](C &c) { c.p0ToP2 = 2 * 28; })},
      {29, make([](C &c) { // 2 x 3 bits
         c.p1ToClient = c.p2ToClient = c.clientToP1 = c.clientToP2 = 1;
       })},
      {32, make([](C &c) { // 13 bits an element
         c.p0ToP2 = 13;
         c.p1ToP2 = c.p2ToP1 = 1;
       })},
      {33, make([](C &c) { // two planes of 36 bits, two of 36 - 4
         c.p0ToP2 = 2 * (8 * 36 / 8) + 2 * (8 * 32 / 8);
       })},
      {35, make([](C &c) { // 2 x 8 payload bits, no tree; 2 x 5 bits
         c.p0ToP1 = c.p0ToP2 = 2;
         c.p1ToP2 = c.p2ToP1 = 2;
       })},
      {36, make([](C &c) { c.p0ToP2 = c.p1ToP2 = c.p2ToP1 = 14; })},
      {37, make([](C &c) { // bits in rings of 20, 19, ..., 7
         c.p0ToP2 = 14 * (20 + 7) / 2;
       })},
      {38, make([](C &c) { // 8 elements, 2^3 + 2^4 bits
         c.p0ToP2 = 8 * 24 / 8;
         c.p1ToP2 = c.p2ToP1 = 8;
       })},
      {30, make([](C &c) { // 2 x (a level, 40 bits for 4 points) = 576 bits
         c.p0ToP1 = c.p0ToP2 = 72;
       })},
  };
  return kExpected;
}

} // namespace

TEST_CASE("each op costs what it declares", "[plan][cost]") {
  Plan p = sample::make();
  std::vector<PlanCost> costs = instrCosts(p);
  REQUIRE(costs.size() == p.code.size());
  PlanCost sum;
  for (size_t i = 0; i < p.code.size(); ++i) {
    const Instr &in = p.code[i];
    INFO(info(in.op).mnemonic << " %" << in.out);
    PlanCost want;
    if (in.op == PlanOp::Flush)
      want.rounds = 1;
    else if (in.op == PlanOp::Output)
      want.p1ToClient = want.p2ToClient = in.scalar(0) == 0 ? 2 * 28 : 2 * 8;
    else if (in.op == PlanOp::Guard)
      want.p1ToClient = want.p2ToClient = 16;
    else if (auto it = expected().find(in.out); it != expected().end())
      want = it->second;
    CHECK(costs[i] == want);
    sum += costs[i];
    // Traffic between evaluators is what the table calls an exchange.
    CHECK((costs[i].p1ToP2 != 0) == info(in.op).exchange);
    CHECK(costs[i].p1ToP2 == costs[i].p2ToP1);
  }
  CHECK(totalCost(p) == sum);
  CHECK(sum.rounds == 8);
}

TEST_CASE("costs by location", "[plan][cost]") {
  Plan p = sample::make();
  std::vector<PlanCost> by = locationCosts(p);
  REQUIRE(by.size() == 3);
  CHECK(by[0].rounds ==
        6); // sign, and, trunc, in_range, two of the row selection
  CHECK(by[1].rounds == 1); // the Gemm's truncation
  CHECK(by[2].rounds == 1); // extend and digits share one
  CHECK(by[1].p0ToP2 == 40);
  CHECK(by[1].p1ToP2 == 28);
  PlanCost sum, total = totalCost(p);
  for (const PlanCost &c : by)
    sum += c;
  sum.rounds = total.rounds;
  CHECK(sum == total);
}

TEST_CASE("products of two activations cost half a GEMM more", "[plan][cost]") {
  Plan p = sample::make(sample::edited(
      "%31 = weight index=1 : masked<40,12,2>[5x4]\n",
      "%31 = weight index=1 : masked<40,12,2>[5x4]\n"
      "%39 = strided %17, offset=0, strides=[1 4] : masked<40,12,6>[4x2]\n"
      "%40 = matmul %17, %39, batch=1, m=2, k=4, n=2, strideA=0, strideB=0 : "
      "additive<40,24,14>[2x2]\n"
      "%41 = strided %31, offset=0, strides=[1 4] : masked<40,12,2>[4x5]\n"
      "%42 = matmul %17, %41, batch=1, m=2, k=4, n=5, strideA=0, strideB=0 : "
      "additive<40,24,14>[2x5]\n"));
  std::vector<PlanCost> costs = instrCosts(p);
  const PlanCost &both = costs[costs.size() - 3], &weight = costs.back();
  CHECK(both.onlineGemmMacs == 24);
  CHECK(both.offlineGemmMacs == 32);
  CHECK(weight.onlineGemmMacs == 40); // a moved weight is a weight
  CHECK(weight.offlineGemmMacs == 40);
  std::vector<bool> fixed = inputIndependent(p);
  CHECK(fixed[1]);
  CHECK(fixed[41]);
  CHECK_FALSE(fixed[0]);
  CHECK_FALSE(fixed[39]);
}

TEST_CASE("digits", "[plan][cost]") {
  CHECK(digitCount(16, 5) == 3);
  CHECK(digitWidth(16, 5, 0) == 5);
  CHECK(digitWidth(16, 5, 2) == 5);
  CHECK(digitCount(2, 5) == 1);
  CHECK(digitWidth(2, 5, 0) == 1);
  CHECK(digitWidth(20, 5, 3) == 4);
  CHECK(planeCount(16, 5) == 5);
  CHECK(signMonomials(1) == 0);
  CHECK(signMonomials(3) == 5);
}

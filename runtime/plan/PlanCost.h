//===- runtime/plan/PlanCost.h - what a plan costs, before it runs --------===//
//
// The one place with cost formulas. Bytes are payload on one directed link;
// every op's payload, and every dealt array, is packed to whole bytes by
// itself. `mpcc cost` predicts with these and the protocol tests compare them
// with what the network layer measured.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

namespace mpc::plan {

struct PlanCost {
  uint32_t rounds = 0;          ///< flushes between P1 and P2
  uint64_t p1ToP2 = 0;          ///< bytes, online
  uint64_t p2ToP1 = 0;          ///< bytes, online
  uint64_t p0ToP1 = 0;          ///< bytes, offline
  uint64_t p0ToP2 = 0;          ///< bytes, offline
  uint64_t clientToP1 = 0;      ///< bytes: masked inputs
  uint64_t clientToP2 = 0;      ///< bytes: masked inputs
  uint64_t p1ToClient = 0;      ///< bytes: mask words, masked outputs
  uint64_t p2ToClient = 0;      ///< bytes: mask words, masked outputs
  uint64_t onlineGemmMacs = 0;  ///< each evaluator
  uint64_t offlineGemmMacs = 0; ///< P0 or an evaluator, whichever does more
  PlanCost &operator+=(const PlanCost &o);
  bool operator==(const PlanCost &) const = default;
};

/// Bytes of the public inputs: the client sends them to P1 and to P2, P1 to P0,
/// when the session starts.
uint64_t publicInputBytes(const Plan &plan);

/// Precondition of all: the plan is verified.
PlanCost totalCost(const Plan &plan);
/// For each instruction; a flush has the round.
std::vector<PlanCost> instrCosts(const Plan &plan);
/// For each location. `rounds` counts the rounds the location has an exchange
/// in; locations share rounds, so these do not add up to the total.
std::vector<PlanCost> locationCosts(const Plan &plan);

/// Registers that hold a weight or something derived from weights and public
/// constants alone, the session's excepted: their products are partly offline
/// work.
std::vector<bool> inputIndependent(const Plan &plan);

} // namespace mpc::plan

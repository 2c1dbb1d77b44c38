//===- runtime/plan/PlanTime.h - how long a plan takes, before it runs ----===//
//
// Counts what each party does (Work.def), and prices it, the bytes of
// PlanCost.h and the rounds by a profile. A prediction, unlike PlanCost.h:
// phases are as long as their busiest resource (a party's cores, all cores of a
// shared machine, a line), online a round at a time. Offline and online do not
// overlap.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"
#include "runtime/plan/Profile.h"

#include <array>

namespace mpc::plan {

/// How often one party does each kind of work.
struct Work {
#define WORK(name, key, unit, value, doc) double name = 0;
#include "runtime/plan/Work.def"

  Work &operator+=(const Work &o);
  /// On one core.
  double seconds(const MachineProfile &m) const;
};

/// Of an instruction, or of a plan. P1 and P2 do nearly the same: P2's counts.
struct PlanWork {
  Work dealer;  ///< P0
  Work offline; ///< an evaluator
  Work online;  ///< an evaluator
  PlanWork &operator+=(const PlanWork &o);
};

/// Precondition of all: the plan is verified.
std::vector<PlanWork> instrWork(const Plan &plan);
/// Masking and sending the weights: of the owner, and of an evaluator.
std::array<Work, 2> setupWork(const Plan &plan);

struct PhaseTimes {
  double setup = 0, offline = 0, online = 0; ///< seconds
  /// Parts of `online`: waiting for the line, its bytes, computing.
  double rounds = 0, lines = 0, compute = 0;
};

struct TimeEstimate {
  PhaseTimes total;
  /// For each location; they add up to the total but for setup. Nodes share a
  /// round's fixed cost evenly; what belongs to none is location 0's.
  std::vector<PhaseTimes> nodes;
};
TimeEstimate estimateTime(const Plan &plan, const Profile &profile);

/// Dealt bytes that P0 queues at most, to send while it deals the next.
inline constexpr uint64_t kMostSentAhead = uint64_t{16} << 20;
/// Memory for streamed material is taken in blocks of so many bytes.
inline constexpr uint64_t kMaterialBlock = uint64_t{64} << 20;

/// Peak resident bytes of P0, P1, P2, where the online phase keeps pace with
/// streamed material.
std::array<uint64_t, 3> estimateMemory(const Plan &plan);

} // namespace mpc::plan

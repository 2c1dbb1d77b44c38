//===- passes/RingSearch.h - the cheapest rings ---------------------------===//
//
// Branch and bound over a dynamic program that goes through a module backwards.
// A state is what the readers so far ask of the values they read: a ring, a
// form, and how many rounds follow. Of two states one may dominate: whatever
// completes the other completes it at no more cost, perhaps with an extension
// or a round that what it saves pays for. And a state can be dropped if a lower
// bound of what it leads to is no less than the cost of a known solution. The
// bound is exact for values with one reader, rounds aside.
//
// The first known solution is that of the local rule, so that the result is
// never worse. Searches that keep more and more states improve it; the last
// one that drops none for their number proves it the optimum. A limit on work,
// counted in comparisons of states and not in time, ends them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/RingModel.h"

namespace mpc::passes {

struct RingSolution {
  std::vector<RingChoice> choices; ///< by node; empty: infeasible
  RingCost cost;                   ///< of `choices`, by evaluateRings
  bool exact = true;               ///< proved to be an optimum
  double least = 0;                ///< no solution costs less
  double localSeconds = 0;         ///< objective of the local rule
  size_t mostStates = 0;           ///< kept at one point
  uint64_t comparisons = 0;
};

/// Comparisons of states for each node; they take about half a millisecond.
inline constexpr uint64_t kRingWork = 5'000;

RingSolution solveRings(const RingProblem &problem, uint64_t work = kRingWork);

/// Backwards every value learns the widest ring its readers need; a truncation
/// either carries the missing bits through its exchange or stops at the bits
/// its own value needs and an extension makes up the difference, whichever is
/// cheaper by a local estimate; nothing else extends.
std::vector<RingChoice> localRings(const RingProblem &problem);

} // namespace mpc::passes

//===- passes/RingRounds.h - rounds until a value is there ----------------===//
//
// Least and most rounds, whatever rings are chosen. The dominator tree of the
// program compares paths: every path from the start to a value goes through the
// values above it, so what is common to two paths need not be known.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/RingModel.h"

namespace mpc::passes {

class RingRounds {
public:
  static constexpr uint32_t kStart = ~0u;
  explicit RingRounds(const RingProblem &problem);

  /// Until the value is there, from the start; until it is masked.
  int earliest(uint32_t node, bool masked) const {
    return masked ? at_[node].earliestMasked : at_[node].earliest;
  }
  /// Conversions of the node included.
  int most(uint32_t node) const {
    return at_[node].most + at_[node].conversions;
  }
  /// How much longer a path through b takes at least than one through a.
  int lead(uint32_t a, uint32_t b) const;

private:
  struct Above {
    uint32_t node = kStart;  ///< immediate dominator
    int depth = 0;           ///< in the tree
    int least = 0, most = 0; ///< by the dominators' path
    int earliest = 0, earliestMasked = 0;
    int conversions = 0; ///< rounds before it is read
  };
  int least(uint32_t node) const {
    return node == kStart ? 0 : at_[node].least;
  }
  int depthOf(uint32_t node) const {
    return node == kStart ? 0 : at_[node].depth;
  }
  int mostUntil(uint32_t node) const {
    return node == kStart ? 0 : at_[node].most;
  }
  uint32_t common(uint32_t a, uint32_t b) const;

  std::vector<Above> at_;
};

} // namespace mpc::passes

//===- passes/RingBound.h - what rings cost at least ----------------------===//
//
// Lower bounds of the objective, rounds aside. A value that one reader reads
// once belongs to that reader's tree. The least cost of a tree, for each ring
// and form that may be asked of its root, is found exactly.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/RingCandidates.h"
#include <array>

namespace mpc::passes {

class RingBound {
public:
  RingBound(const RingProblem &problem, const RingCandidates &candidates);

  /// Whether no tree but its own has the node.
  bool isRoot(uint32_t node) const { return root_[node]; }
  /// Of the tree below a node that is asked for `ring` and, in masked form
  /// (0: not at all), for `masked`; at least what its readers ask of a root
  /// whatever is decided.
  double tree(uint32_t node, int ring = 0, int masked = 0) const {
    if (root_[node]) {
      ring = std::max<int>(ring, ring_[node]);
      masked = std::max<int>(masked, masked_[node]);
    }
    return std::max(least_[node][0][static_cast<size_t>(ring)],
                    masked ? least_[node][1][static_cast<size_t>(masked)] : 0);
  }

private:
  double solve(uint32_t node, int ring, bool masked) const;
  double produce(uint32_t node, RingChoice choice) const;

  const RingProblem &p_;
  const RingCandidates &candidates_;
  /// By node, form and ring.
  std::vector<std::array<std::array<double, 65>, 2>> least_;
  std::vector<int> ring_, masked_; ///< asked for in any case
  std::vector<bool> root_;
};

} // namespace mpc::passes

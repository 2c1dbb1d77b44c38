//===- passes/MaxTree.h - the shape of the tree of maxima -----------------===//
#pragma once

#include <algorithm>
#include <cstdint>

namespace mpc::passes {

/// Most levels of two in a tree that lower-to-shares builds over n values: two
/// or four at a time, as the profile prices them; what is left over joins the
/// next level.
inline int maxTreeLevels(int64_t n) {
  if (n <= 1)
    return 0;
  const int pairs = 1 + maxTreeLevels(n / 2 + n % 2);
  return n < 4 ? pairs : std::max(pairs, 2 + maxTreeLevels(n / 4 + n % 4));
}

/// The same of the tree over segments of different lengths: what is left of
/// three or two makes a group of its own, so that no segment needs more levels
/// than a longer one.
inline int segmentTreeLevels(int64_t longest) {
  int levels = 0;
  while (longest > 1) {
    levels += longest > 2 ? 2 : 1;
    longest = (longest + 3) / 4;
  }
  return levels;
}

} // namespace mpc::passes

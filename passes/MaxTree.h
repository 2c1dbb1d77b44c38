//===- passes/MaxTree.h - the shape of the tree of maxima -----------------===//
#pragma once

#include <cstdint>

namespace mpc::passes {

/// Levels of two in the tree that lower-to-shares builds over n values: four
/// at a time as long as there are four, what is left over joins the next level.
inline int maxTreeLevels(int64_t n) {
  int levels = 0;
  while (n > 1) {
    levels += n >= 4 ? 2 : 1;
    n = n >= 4 ? n / 4 + n % 4 : n / 2 + n % 2;
  }
  return levels;
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

//===- runtime/kernels/Loops.h - the fewest loops over strided operands ---===//
//
// Operands that share a shape, each with its own strides: dimensions of size 1
// vanish, neighbours that every operand steps through evenly become one. A
// dense array ends as one loop, a bias addition as two, whatever the rank.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Shape.h"

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mpc::kernels {

struct Loops {
  /// Outermost first; never empty (a scalar is one loop of 1).
  core::Shape shape;
  /// strides[o][d]: operand o, dimension d.
  std::vector<core::Strides> strides;

  size_t rank() const { return shape.size(); }
};

/// Precondition: each element of `strides` has the rank of `shape`.
Loops collapseLoops(const core::Shape &shape,
                    std::vector<core::Strides> strides);

/// Offsets of N operands at flat position `index` of the leading `rank`
/// dimensions, and onwards from there in row-major order.
template <size_t N> class LoopCursor {
public:
  LoopCursor(const Loops &loops, size_t rank, int64_t index)
      : loops_(loops), at_(rank, 0) {
    for (size_t d = rank; d-- > 0;) {
      at_[d] = index % loops.shape[d];
      index /= loops.shape[d];
      for (size_t o = 0; o < N; ++o)
        offset[o] += at_[d] * loops.strides[o][d];
    }
  }
  void next() {
    for (size_t d = at_.size(); d-- > 0;) {
      bool wraps = ++at_[d] == loops_.shape[d];
      for (size_t o = 0; o < N; ++o)
        offset[o] += loops_.strides[o][d] * (wraps ? 1 - loops_.shape[d] : 1);
      if (!wraps)
        return;
      at_[d] = 0;
    }
  }

  std::array<int64_t, N> offset{};

private:
  const Loops &loops_;
  core::Shape at_;
};

} // namespace mpc::kernels

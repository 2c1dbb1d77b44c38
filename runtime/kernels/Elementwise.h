//===- runtime/kernels/Elementwise.h - out = f(a, b), with broadcasting ---===//
//
//   broadcastBinary(y, outShape, x, xShape, bias, biasShape, pool,
//                   [](uint64_t a, uint64_t b) { return a + b; });
//
// The functor is inlined into loops for the cases that matter (both dense,
// either one constant along the row), which the compiler vectorises.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Shape.h"
#include "runtime/kernels/Loops.h"
#include "runtime/kernels/ThreadPool.h"

#include <algorithm>
#include <cstdint>

namespace mpc::kernels {

/// Elements a thread takes at least.
constexpr int64_t kElementGrain = 16384;

/// out[i] = f(in[i]); out may be in.
template <class Out, class In, class F>
void mapElements(Out *out, const In *in, int64_t n, ThreadPool &pool, F f) {
  pool.parallelFor(static_cast<size_t>(n), kElementGrain,
                   [&](size_t begin, size_t end) {
                     for (size_t i = begin; i < end; ++i)
                       out[i] = f(in[i]);
                   });
}

/// out (dense, of outShape) = f(a, b). aShape and bShape broadcast to
/// outShape; out may be an operand that has outShape itself.
template <class Out, class A, class B, class F>
void broadcastBinary(Out *out, const core::Shape &outShape, const A *a,
                     const core::Shape &aShape, const B *b,
                     const core::Shape &bShape, ThreadPool &pool, F f) {
  if (core::numel(outShape) == 0)
    return;
  Loops loops =
      collapseLoops(outShape, {core::rowMajorStrides(outShape),
                               core::broadcastStrides(aShape, outShape),
                               core::broadcastStrides(bShape, outShape)});
  size_t last = loops.rank() - 1;
  int64_t sa = loops.strides[1][last], sb = loops.strides[2][last];
  auto row = [&](Out *o, const A *x, const B *y, int64_t n) {
    if (sa == 1 && sb == 1) {
      for (int64_t i = 0; i < n; ++i)
        o[i] = f(x[i], y[i]);
    } else if (sa == 1 && sb == 0) {
      const B c = *y;
      for (int64_t i = 0; i < n; ++i)
        o[i] = f(x[i], c);
    } else if (sa == 0 && sb == 1) {
      const A c = *x;
      for (int64_t i = 0; i < n; ++i)
        o[i] = f(c, y[i]);
    } else {
      for (int64_t i = 0; i < n; ++i)
        o[i] = f(x[i * sa], y[i * sb]);
    }
  };
  int64_t cols = loops.shape[last];
  if (last == 0) {
    pool.parallelFor(static_cast<size_t>(cols), kElementGrain,
                     [&](size_t begin, size_t end) {
                       auto i = static_cast<int64_t>(begin);
                       row(out + i, a + i * sa, b + i * sb,
                           static_cast<int64_t>(end) - i);
                     });
    return;
  }
  int64_t rows = 1;
  for (size_t d = 0; d < last; ++d)
    rows *= loops.shape[d];
  pool.parallelFor(
      static_cast<size_t>(rows), static_cast<size_t>(1 + kElementGrain / cols),
      [&](size_t begin, size_t end) {
        LoopCursor<3> at(loops, last, static_cast<int64_t>(begin));
        for (size_t r = begin; r < end; ++r, at.next())
          row(out + at.offset[0], a + at.offset[1], b + at.offset[2], cols);
      });
}

} // namespace mpc::kernels

//===- runtime/kernels/Strided.cpp ----------------------------------------===//
#include "runtime/kernels/Strided.h"

#include "runtime/kernels/Loops.h"

#include <algorithm>
#include <cstring>

namespace mpc::kernels {
namespace {

using core::Shape;
using core::Strides;

/// Elements a thread takes at least.
constexpr int64_t kGrain = 16384;
/// Rows a transposition copies at a time: a cache line of 8-byte elements, and
/// few enough for the lines written to share a set of the cache.
constexpr int64_t kBand = 8;

template <class T>
void copyRow(T *out, int64_t outStride, const T *in, int64_t inStride,
             int64_t n) {
  if (outStride == 1 && inStride == 1)
    std::memcpy(out, in, static_cast<size_t>(n) * sizeof(T));
  else if (outStride == 1 && inStride == 0)
    std::fill_n(out, n, *in);
  else
    for (int64_t i = 0; i < n; ++i)
      out[i * outStride] = in[i * inStride];
}

/// Copies rows x cols where `in` is contiguous down the rows: a cache line of
/// every column at a time, read whole, dealt to kBand rows of out.
template <class T>
void copyBand(T *out, int64_t outRow, int64_t outCol, const T *in,
              int64_t inCol, int64_t rows, int64_t cols) {
  if (rows == kBand)
    for (int64_t c = 0; c < cols; ++c)
      for (int64_t r = 0; r < kBand; ++r)
        out[r * outRow + c * outCol] = in[r + c * inCol];
  else
    for (int64_t c = 0; c < cols; ++c)
      for (int64_t r = 0; r < rows; ++r)
        out[r * outRow + c * outCol] = in[r + c * inCol];
}

/// Moves dimension d to the end but one.
void moveBeforeLast(Loops &loops, size_t d) {
  auto move = [d](auto &v) {
    std::rotate(v.begin() + static_cast<ptrdiff_t>(d),
                v.begin() + static_cast<ptrdiff_t>(d) + 1, v.end() - 1);
  };
  move(loops.shape);
  for (Strides &s : loops.strides)
    move(s);
}

} // namespace

template <class T>
void stridedCopy(T *out, const Strides &outStrides, const Shape &shape,
                 const T *in, const Strides &inStrides, ThreadPool &pool) {
  if (core::numel(shape) == 0)
    return;
  Loops loops = collapseLoops(shape, {outStrides, inStrides});
  size_t last = loops.rank() - 1;
  // Where the last dimension is not contiguous in `in` but another one is,
  // the two together are a transposition.
  bool transposes = false;
  if (loops.strides[1][last] != 1 && loops.strides[1][last] != 0)
    for (size_t d = last; d-- > 0 && !transposes;)
      if (loops.strides[1][d] == 1) {
        moveBeforeLast(loops, d);
        transposes = true;
      }
  const Strides &so = loops.strides[0], &si = loops.strides[1];
  int64_t cols = loops.shape[last];
  // Transposed, a unit of work is kBand rows of the last two dimensions.
  int64_t rows = transposes ? loops.shape[last - 1] : 1;
  int64_t bands = (rows + kBand - 1) / kBand;
  size_t outer = transposes ? last - 1 : last;
  int64_t units = bands;
  for (size_t d = 0; d < outer; ++d)
    units *= loops.shape[d];

  if (units == 1 && !transposes) {
    pool.parallelFor(static_cast<size_t>(cols), kGrain,
                     [&](size_t begin, size_t end) {
                       auto b = static_cast<int64_t>(begin);
                       copyRow(out + b * so[0], so[0], in + b * si[0], si[0],
                               static_cast<int64_t>(end) - b);
                     });
    return;
  }
  int64_t perUnit = std::min(rows, kBand) * cols;
  auto grain = static_cast<size_t>(1 + kGrain / perUnit);
  pool.parallelFor(
      static_cast<size_t>(units), grain, [&](size_t begin, size_t end) {
        auto u = static_cast<int64_t>(begin);
        LoopCursor<2> cursor(loops, outer, u / bands);
        for (; u < static_cast<int64_t>(end); ++u) {
          T *o = out + cursor.offset[0];
          const T *i = in + cursor.offset[1];
          if (transposes) {
            int64_t r = u % bands * kBand;
            copyBand(o + r * so[last - 1], so[last - 1], so[last], i + r,
                     si[last], std::min(kBand, rows - r), cols);
          } else {
            copyRow(o, so[last], i, si[last], cols);
          }
          if ((u + 1) % bands == 0)
            cursor.next();
        }
      });
}

template <class T>
void stridedCopy(T *out, const Shape &shape, const T *in,
                 const Strides &strides, ThreadPool &pool) {
  stridedCopy(out, core::rowMajorStrides(shape), shape, in, strides, pool);
}

#define MPC_INSTANTIATE(T)                                                     \
  template void stridedCopy<T>(T *, const Strides &, const Shape &, const T *, \
                               const Strides &, ThreadPool &);                 \
  template void stridedCopy<T>(T *, const Shape &, const T *, const Strides &, \
                               ThreadPool &);
MPC_INSTANTIATE(uint8_t)
MPC_INSTANTIATE(uint32_t)
MPC_INSTANTIATE(uint64_t)
#undef MPC_INSTANTIATE

} // namespace mpc::kernels

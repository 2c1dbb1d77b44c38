//===- runtime/kernels/BitMatMul.cpp --------------------------------------===//
//
// A thread takes columns of kWords words; the table is walked in blocks of rows
// that stay in the L2 cache while every tile of result rows passes over them.
//
//===----------------------------------------------------------------------===//
#include "runtime/kernels/BitMatMul.h"

#include "runtime/core/Secret.h"
#include "runtime/kernels/BitMatMulKernel.h"

#include <algorithm>

namespace mpc::kernels {
namespace bits {

void blockPortable(const uint64_t *select, const uint64_t *b, size_t rows,
                   size_t stride, uint64_t *acc) {
  block<0>(select, b, rows, stride, acc);
}

} // namespace bits

namespace {

using Words = core::SecretVector<uint64_t>;
using bits::kTile;
using bits::kWords;

constexpr size_t kRows = 512; ///< of a block: 128 KiB

size_t words(size_t bits) { return bits / 64 + (bits % 64 != 0); }

/// Bits [first, first + count) of `from`, to words of their own.
void copyBits(const uint64_t *from, size_t first, size_t count, uint64_t *to) {
  const unsigned shift = first % 64;
  from += first / 64;
  for (size_t i = 0; i < words(count); ++i) {
    to[i] = from[i] >> shift;
    if (shift && 64 * (i + 1) - shift < count)
      to[i] |= from[i + 1] << (64 - shift);
  }
  if (count % 64)
    to[count / 64] &= (uint64_t{1} << (count % 64)) - 1;
}

/// Rows [i, i + kTile) and columns [first, first + rows) of a, as masks.
void expand(const uint64_t *a, const BitMatMulDims &dims, size_t i,
            size_t first, size_t rows, uint64_t *to) {
  for (size_t t = 0; t < kTile; ++t)
    for (size_t r = 0; r < rows; ++r) {
      const size_t at = (i + t) * dims.k + first + r;
      to[r * kTile + t] = i + t < dims.m ? -(a[at / 64] >> (at % 64) & 1) : 0;
    }
}

} // namespace

void bitMatMul(const BitMatMulDims &dims, const uint64_t *a, const uint64_t *b,
               uint64_t *out, ThreadPool &pool) {
  const auto [m, k, n] = dims;
  if (m == 0 || k == 0 || n == 0)
    return;
  const auto block = pool.simd() == SimdLevel::Avx512 ? bits::blockAvx512
                                                      : bits::blockPortable;
  const size_t tiles = (m + kTile - 1) / kTile, width = words(n);
  const size_t columns = (width + kWords - 1) / kWords;

  // Rows that start inside a word, and columns that are no whole tile, are
  // copied; the others are read in place.
  const bool aligned = n % 64 == 0;
  Words sum = Words::zeros(columns * tiles * kTile * kWords);
  Words select(tiles * kRows * kTile); // [tile][row][kTile], as masks
  for (size_t first = 0; first < k; first += kRows) {
    const size_t rows = std::min(kRows, k - first);
    pool.parallelFor(tiles, 1, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t)
        expand(a, dims, t * kTile, first, rows,
               select.data() + t * kRows * kTile);
    });
    pool.parallelFor(columns, 1, [&](size_t begin, size_t end) {
      Words copy(kRows * kWords);
      for (size_t c = begin; c < end; ++c) {
        const size_t at = c * kWords;
        const uint64_t *from = b + first * (n / 64) + at;
        size_t stride = n / 64;
        if (!aligned || at + kWords > width) {
          std::fill_n(copy.data(), rows * kWords, 0);
          for (size_t r = 0; r < rows; ++r)
            copyBits(b, (first + r) * n + at * 64,
                     std::min(kWords * 64, n - at * 64),
                     copy.data() + r * kWords);
          from = copy.data();
          stride = kWords;
        }
        for (size_t t = 0; t < tiles; ++t)
          block(select.data() + t * kRows * kTile, from, rows, stride,
                sum.data() + (c * tiles + t) * kTile * kWords);
      }
    });
  }

  // Back to rows without gaps.
  for (size_t i = 0; i < m; ++i)
    for (size_t w = 0; w < width; ++w) {
      const uint64_t v =
          sum.data()[((w / kWords * tiles + i / kTile) * kTile + i % kTile) *
                         kWords +
                     w % kWords];
      const size_t to = i * n + w * 64;
      const unsigned shift = to % 64;
      out[to / 64] ^= v << shift;
      if (shift && to / 64 + 1 < words(m * n))
        out[to / 64 + 1] ^= v >> (64 - shift);
    }
}

} // namespace mpc::kernels

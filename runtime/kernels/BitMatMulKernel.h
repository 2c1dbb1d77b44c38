//===- runtime/kernels/BitMatMulKernel.h - inner loop of bitMatMul --------===//
//
// Included once per instruction set; see BitMatMul.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpc::kernels::bits {

constexpr size_t kTile = 4;   ///< rows of the result at a time
constexpr size_t kWords = 32; ///< words of them: the accumulators fill 16 ZMM

/// acc[t][w] ^= XOR over r of select[r * kTile + t] & b[r * stride + w], where
/// a select word is all ones or all zeros.
using Block = void (*)(const uint64_t *select, const uint64_t *b, size_t rows,
                       size_t stride, uint64_t *acc);
void blockPortable(const uint64_t *select, const uint64_t *b, size_t rows,
                   size_t stride, uint64_t *acc);
void blockAvx512(const uint64_t *select, const uint64_t *b, size_t rows,
                 size_t stride, uint64_t *acc);

template <int>
void block(const uint64_t *select, const uint64_t *b, size_t rows,
           size_t stride, uint64_t *acc) {
  using Vector = uint64_t __attribute__((vector_size(64), aligned(8)));
  constexpr size_t kVectors = kWords / 8;
  Vector sum[kTile][kVectors] = {};
  for (size_t r = 0; r < rows; ++r) {
    const auto *row = reinterpret_cast<const Vector *>(b + r * stride);
    for (size_t t = 0; t < kTile; ++t) {
      const Vector s = Vector{} + select[r * kTile + t];
      for (size_t v = 0; v < kVectors; ++v)
        sum[t][v] ^= row[v] & s;
    }
  }
  auto *to = reinterpret_cast<Vector *>(acc);
  for (size_t t = 0; t < kTile; ++t)
    for (size_t v = 0; v < kVectors; ++v)
      to[t * kVectors + v] ^= sum[t][v];
}

} // namespace mpc::kernels::bits

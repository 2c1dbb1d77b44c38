//===- runtime/kernels/Pack.h - k-bit elements on the wire ----------------===//
//
// n ring elements as exactly packedBytes(n, k) bytes: element i occupies bits
// [i k, (i + 1) k), bit b being bit b % 8 of byte b / 8; the last byte's spare
// bits are zero. Input bits above k are dropped: no unmasked carry reaches a
// wire. Unpacked elements are reduced; spare bits are ignored.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Ring.h"
#include "runtime/kernels/ThreadPool.h"

#include <cstddef>
#include <cstdint>

namespace mpc::kernels {

using core::packedBytes;

/// 64 elements fill 8 k whole bytes: ranges that start at a multiple of 64 may
/// be packed or unpacked independently, at out + packedBytes(start, k).
constexpr size_t kPackGroup = 64;

void packBits(const uint64_t *in, size_t n, unsigned k, uint8_t *out,
              SimdLevel simd = bestSimdLevel());
void unpackBits(const uint8_t *in, size_t n, unsigned k, uint64_t *out,
                SimdLevel simd = bestSimdLevel());

void packBits(const uint64_t *in, size_t n, unsigned k, uint8_t *out,
              ThreadPool &pool);
void unpackBits(const uint8_t *in, size_t n, unsigned k, uint64_t *out,
                ThreadPool &pool);

} // namespace mpc::kernels

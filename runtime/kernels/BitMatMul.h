//===- runtime/kernels/BitMatMul.h - products of bit matrices -------------===//
//
// Over Z_2, on packed bits (bit i is bit i % 64 of word i / 64, rows follow
// each other without gaps): the products that a row selector makes with a table
// of packed words. Time and memory accesses do not depend on either operand.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/ThreadPool.h"

#include <cstddef>
#include <cstdint>

namespace mpc::kernels {

struct BitMatMulDims {
  size_t m, k, n; ///< [m, k] times [k, n], in bits
};

/// out ^= a b. `out` has ceil(m n / 64) words.
void bitMatMul(const BitMatMulDims &dims, const uint64_t *a, const uint64_t *b,
               uint64_t *out, ThreadPool &pool);

} // namespace mpc::kernels

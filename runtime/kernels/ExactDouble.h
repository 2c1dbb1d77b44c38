//===- runtime/kernels/ExactDouble.h - the same on every machine ----------===//
//
// Steps of double arithmetic by which dealer, evaluators and emulator agree to
// the last bit: no libm, no branch, vectorisable. For files compiled with
// -ffp-contract=off.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/VectorTargets.h"

#include <bit>
#include <cstdint>

namespace mpc::kernels {

/// 2^e, a normal double.
MPC_INLINE double powerOfTwo(int64_t e) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 + e) << 52);
}

/// Adding it rounds |x| < 2^51 to an integer, in the sum's low bits.
inline constexpr double kRound = 0x1.8p52;

MPC_INLINE int64_t toInteger(double x) {
  return std::bit_cast<int64_t>(x + kRound) - std::bit_cast<int64_t>(kRound);
}

/// n < 2^52, exactly.
MPC_INLINE double toDouble(uint64_t n) {
  return std::bit_cast<double>(n | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
}

} // namespace mpc::kernels

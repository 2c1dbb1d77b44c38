//===- runtime/core/Ring.h - arithmetic in Z_{2^k}, 1 <= k <= 64 ----------===//
//
// A ring element is the low k bits of a uint64_t. Functions that take a value
// accept garbage above bit k unless they say otherwise; functions that return
// one return it reduced. Signed means two's complement in k bits.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace mpc::core {

constexpr bool isRingWidth(unsigned k) { return k >= 1 && k <= 64; }

/// 2^k - 1.
constexpr uint64_t ringMask(unsigned k) {
  assert(isRingWidth(k));
  return ~uint64_t{0} >> (64 - k);
}

constexpr uint64_t reduce(uint64_t x, unsigned k) { return x & ringMask(k); }

/// The representative of x in [-2^(k-1), 2^(k-1)).
constexpr int64_t toSigned(uint64_t x, unsigned k) {
  assert(isRingWidth(k));
  return static_cast<int64_t>(x << (64 - k)) >> (64 - k);
}

/// The residue of v modulo 2^k; any v, not only those in the signed range.
constexpr uint64_t fromSigned(int64_t v, unsigned k) {
  return reduce(static_cast<uint64_t>(v), k);
}

/// The signed range of the ring: [ringMin, ringMax].
constexpr int64_t ringMin(unsigned k) {
  return toSigned(uint64_t{1} << (k - 1), k);
}
constexpr int64_t ringMax(unsigned k) {
  return static_cast<int64_t>(ringMask(k) >> 1);
}

constexpr bool fitsSigned(int64_t v, unsigned k) {
  return v >= ringMin(k) && v <= ringMax(k);
}

/// Bits to hold v as an unsigned number: 0 for 0, 64 for 2^63.
constexpr unsigned bitWidth(uint64_t v) {
  return static_cast<unsigned>(std::bit_width(v));
}

/// Bits to hold v in two's complement, sign bit included: 1 for 0 and -1.
constexpr unsigned signedBitWidth(int64_t v) {
  return 1 + bitWidth(static_cast<uint64_t>(v < 0 ? ~v : v));
}

/// ceil(log2(n)), n >= 1: the width of an index below n.
constexpr unsigned ceilLog2(uint64_t n) {
  assert(n >= 1);
  return bitWidth(n - 1);
}

/// Bytes of n elements packed at k bits each: ceil(n * k / 8), without the
/// overflow of the product.
constexpr size_t packedBytes(size_t n, unsigned k) {
  assert(isRingWidth(k));
  return n / 8 * k + (n % 8 * k + 7) / 8;
}

} // namespace mpc::core

//===- runtime/proto/BitVector.h - packed bits: planes and payloads -------===//
//
// Bit i of a packed vector is bit i % 64 of word i / 64; the bits above the
// last one are zero. On a wire the same bits lie eight to a byte, least
// significant first.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/proto/Share.h"

#include <span>

namespace mpc::proto {

inline uint64_t bitAt(const Words &v, size_t i) {
  return v.data()[i / 64] >> (i % 64) & 1;
}

/// Bits [first, first + n) of `from`.
Words extractBits(const Words &from, size_t first, size_t n);

/// Ors `bits` (n of them) into `into` from bit `first` on.
void depositBits(Words &into, size_t first, const Words &bits, size_t n);

/// One word per bit, and back.
Words spreadBits(const Words &bits, size_t n);
Words gatherBits(const Words &spread);

/// Sets the bits above bit n of the last word to zero.
void clearTail(Words &bits, size_t n);

inline size_t bitBytes(size_t n) { return n / 8 + (n % 8 != 0); }
void bitsToBytes(const Words &bits, size_t n, std::span<uint8_t> out);
Words bitsFromBytes(std::span<const uint8_t> bytes, size_t n);

} // namespace mpc::proto

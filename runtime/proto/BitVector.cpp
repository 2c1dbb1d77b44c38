//===- runtime/proto/BitVector.cpp ----------------------------------------===//
#include "runtime/proto/BitVector.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace mpc::proto {

static_assert(std::endian::native == std::endian::little,
              "packed bits are copied to the wire as they lie in memory");

void clearTail(Words &bits, size_t n) {
  if (n % 64)
    bits[n / 64] &= core::ringMask(n % 64);
}

Words extractBits(const Words &from, size_t first, size_t n) {
  assert(n == 0 || bitWords(first + n) <= from.size());
  Words out(bitWords(n));
  const unsigned shift = first % 64;
  for (size_t i = 0, w = first / 64; i < out.size(); ++i, ++w) {
    uint64_t v = from.data()[w] >> shift;
    if (shift && w + 1 < from.size())
      v |= from.data()[w + 1] << (64 - shift);
    out.data()[i] = v;
  }
  clearTail(out, n);
  return out;
}

void depositBits(Words &into, size_t first, const Words &bits, size_t n) {
  assert(n == 0 || bitWords(first + n) <= into.size());
  const unsigned shift = first % 64;
  for (size_t i = 0, w = first / 64; i < bitWords(n); ++i, ++w) {
    const uint64_t v = bits.data()[i];
    into.data()[w] |= v << shift;
    if (shift && w + 1 < into.size())
      into.data()[w + 1] |= v >> (64 - shift);
  }
}

Words spreadBits(const Words &bits, size_t n) {
  Words out(n);
  kernels::unpackBits(reinterpret_cast<const uint8_t *>(bits.data()), n, 1,
                      out.data());
  return out;
}

Words gatherBits(const Words &spread) {
  const size_t n = spread.size();
  Words out = Words::zeros(bitWords(n));
  kernels::packBits(spread.data(), n, 1,
                    reinterpret_cast<uint8_t *>(out.data()));
  return out;
}

void bitsToBytes(const Words &bits, size_t n, std::span<uint8_t> out) {
  assert(out.size() == bitBytes(n) && bits.size() == bitWords(n));
  if (n)
    std::memcpy(out.data(), bits.data(), out.size());
}

Words bitsFromBytes(std::span<const uint8_t> bytes, size_t n) {
  assert(bytes.size() == bitBytes(n));
  Words out = Words::zeros(bitWords(n));
  if (n)
    std::memcpy(out.data(), bytes.data(), bytes.size());
  if (n)
    clearTail(out, n);
  return out;
}

} // namespace mpc::proto

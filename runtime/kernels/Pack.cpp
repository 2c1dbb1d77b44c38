//===- runtime/kernels/Pack.cpp -------------------------------------------===//
#include "runtime/kernels/Pack.h"

#include "runtime/kernels/PackKernels.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace mpc::kernels {
namespace {

static_assert(std::endian::native == std::endian::little,
              "words are stored as the bytes of the format");

/// Elements a thread takes at least: below this a wake-up costs more.
constexpr size_t kGrain = 16384;

template <class W> void narrow(const uint64_t *in, size_t n, uint8_t *out) {
  for (size_t i = 0; i < n; ++i) {
    W w = static_cast<W>(in[i]);
    std::memcpy(out + i * sizeof(W), &w, sizeof(W));
  }
}

template <class W> void widen(const uint8_t *in, size_t n, uint64_t *out) {
  for (size_t i = 0; i < n; ++i) {
    W w;
    std::memcpy(&w, in + i * sizeof(W), sizeof(W));
    out[i] = w;
  }
}

void packGeneric(const uint64_t *in, size_t n, unsigned k, uint8_t *out) {
  uint64_t mask = core::ringMask(k), word = 0;
  unsigned used = 0; // bits of `word` that are filled, below 64
  for (size_t i = 0; i < n; ++i) {
    uint64_t x = in[i] & mask;
    word |= x << used;
    used += k;
    if (used >= 64) {
      std::memcpy(out, &word, 8);
      out += 8;
      used -= 64;
      // What did not fit; a shift by k when nothing is left may be by 64.
      word = used == 0 ? 0 : x >> (k - used);
    }
  }
  std::memcpy(out, &word, (used + 7) / 8);
}

void unpackGeneric(const uint8_t *in, size_t n, unsigned k, uint64_t *out) {
  uint64_t mask = core::ringMask(k), word = 0;
  size_t left = packedBytes(n, k);
  unsigned have = 0; // bits of `word` not yet used, below 64
  for (size_t i = 0; i < n; ++i) {
    if (have >= k) {
      out[i] = word & mask;
      word = k == 64 ? 0 : word >> k;
      have -= k;
      continue;
    }
    uint64_t next = 0;
    size_t bytes = std::min<size_t>(8, left);
    if (bytes == 8)
      std::memcpy(&next, in, 8);
    else
      std::memcpy(&next, in, bytes);
    in += bytes;
    left -= bytes;
    out[i] = (word | next << have) & mask;
    unsigned taken = k - have; // from `next`, 1 to 64
    word = taken == 64 ? 0 : next >> taken;
    have = static_cast<unsigned>(8 * bytes) - taken;
  }
}

} // namespace

void packBits(const uint64_t *in, size_t n, unsigned k, uint8_t *out,
              SimdLevel simd) {
  assert(core::isRingWidth(k));
  if (n == 0)
    return;
  switch (k) {
  case 64:
    std::memcpy(out, in, n * 8);
    return;
  case 32:
    return narrow<uint32_t>(in, n, out);
  case 16:
    return narrow<uint16_t>(in, n, out);
  case 8:
    return narrow<uint8_t>(in, n, out);
  default:
    break;
  }
  if (simd == SimdLevel::Avx512) {
    size_t octets = n / 8;
    packOctetsAvx512(in, octets, k, out);
    in += octets * 8;
    n -= octets * 8;
    out += octets * k;
  }
  packGeneric(in, n, k, out);
}

void unpackBits(const uint8_t *in, size_t n, unsigned k, uint64_t *out,
                SimdLevel simd) {
  assert(core::isRingWidth(k));
  if (n == 0)
    return;
  switch (k) {
  case 64:
    std::memcpy(out, in, n * 8);
    return;
  case 32:
    return widen<uint32_t>(in, n, out);
  case 16:
    return widen<uint16_t>(in, n, out);
  case 8:
    return widen<uint8_t>(in, n, out);
  default:
    break;
  }
  if (simd == SimdLevel::Avx512) {
    size_t octets = n / 8;
    unpackOctetsAvx512(in, octets, k, out);
    in += octets * k;
    n -= octets * 8;
    out += octets * 8;
  }
  unpackGeneric(in, n, k, out);
}

void packBits(const uint64_t *in, size_t n, unsigned k, uint8_t *out,
              ThreadPool &pool) {
  static_assert(kGrain % kPackGroup == 0);
  pool.parallelFor(n, kGrain, [&](size_t begin, size_t end) {
    packBits(in + begin, end - begin, k, out + packedBytes(begin, k),
             pool.simd());
  });
}

void unpackBits(const uint8_t *in, size_t n, unsigned k, uint64_t *out,
                ThreadPool &pool) {
  pool.parallelFor(n, kGrain, [&](size_t begin, size_t end) {
    unpackBits(in + packedBytes(begin, k), end - begin, k, out + begin,
               pool.simd());
  });
}

} // namespace mpc::kernels

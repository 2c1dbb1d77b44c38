//===- runtime/crypto/VaesRounds.h - AES on four blocks a register --------===//
//
// What the loops compiled for VAES and AVX-512 share. Only for those files:
// everything here has internal linkage.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <immintrin.h>

#include "runtime/crypto/Aes.h"

namespace mpc::crypto {
namespace {

inline __m512i broadcast(const Block *p) {
  return _mm512_broadcast_i32x4(
      _mm_load_si128(reinterpret_cast<const __m128i *>(p)));
}

struct Rounds {
  __m512i k[11];
  explicit Rounds(const Block *rk) {
    for (int r = 0; r < 11; ++r)
      k[r] = broadcast(rk + r);
  }
  template <size_t N> void operator()(__m512i *x) const {
    for (size_t i = 0; i < N; ++i)
      x[i] = _mm512_xor_si512(x[i], k[0]);
    for (int r = 1; r < 10; ++r)
      for (size_t i = 0; i < N; ++i)
        x[i] = _mm512_aesenc_epi128(x[i], k[r]);
    for (size_t i = 0; i < N; ++i)
      x[i] = _mm512_aesenclast_epi128(x[i], k[10]);
  }
};

inline __m512i sigma(__m512i x) {
  const __m512i swapped = _mm512_shuffle_epi32(x, _MM_PERM_ENUM(0x4e));
  return _mm512_mask_xor_epi64(swapped, 0xaa, swapped, x);
}

/// v in the low word of each block.
inline __m512i inLow(uint64_t v) {
  return _mm512_maskz_set1_epi64(0x55, static_cast<long long>(v));
}

/// Both words of the blocks whose bit 0, the control bit, is set.
inline __mmask8 control(__m512i x) {
  return _mm512_test_epi64_mask(_mm512_shuffle_epi32(x, _MM_PERM_ENUM(0x44)),
                                _mm512_set1_epi64(1));
}

template <Lane L> inline __m512i addLanes(__m512i a, __m512i b) {
  if constexpr (L == Lane::Bit)
    return _mm512_xor_si512(a, b);
  else if constexpr (L == Lane::U32)
    return _mm512_add_epi32(a, b);
  else
    return _mm512_add_epi64(a, b);
}

} // namespace
} // namespace mpc::crypto

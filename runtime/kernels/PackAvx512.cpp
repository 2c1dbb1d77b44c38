//===- runtime/kernels/PackAvx512.cpp - eight elements at a time ----------===//
// Eight elements of k bits are k bytes, one masked store. First, while two
// elements fit a word, neighbours merge: lane i takes lane i + d shifted by
// k d. The fields left are 33 to 64 bits wide (or there is one), so an output
// word draws on at most three of them: three permutations, three shifts.
#include "runtime/kernels/PackKernels.h"

#if defined(__AVX512BW__)
#if !defined(__clang__)
// GCC 12 takes its own _mm512_undefined_epi32() for a mistake (PR 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace mpc::kernels {
namespace {

inline __m512i permute(__m512i index, __m512i x) {
  return _mm512_permutexvar_epi64(index, x);
}

} // namespace

void packOctetsAvx512(const uint64_t *in, size_t octets, unsigned k,
                      uint8_t *out) {
  unsigned step = 1, width = k; // lanes between fields, bits of a field
  while (step < 8 && 2 * width <= 64) {
    step *= 2;
    width *= 2;
  }
  // Word w begins in field f = 64 w / width, `skip` bits into it.
  alignas(64) uint64_t index[3][8], right[8], left[2][8];
  for (unsigned w = 0; w < 8; ++w) {
    unsigned f = 64 * w / width, skip = 64 * w - f * width;
    for (unsigned i = 0; i < 3; ++i)
      index[i][w] = (f + i) * step % 8;
    // A count of 64 gives zero: fields past the last, words past the end.
    bool inside = f * step < 8;
    right[w] = inside ? skip : 64;
    for (unsigned i = 0; i < 2; ++i) {
      bool exists = (f + i + 1) * step < 8;
      unsigned shift = (i + 1) * width - skip;
      left[i][w] = exists && shift < 64 ? shift : 64;
    }
  }
  const __m512i i0 = _mm512_load_si512(index[0]);
  const __m512i i1 = _mm512_load_si512(index[1]);
  const __m512i i2 = _mm512_load_si512(index[2]);
  const __m512i r0 = _mm512_load_si512(right);
  const __m512i l1 = _mm512_load_si512(left[0]);
  const __m512i l2 = _mm512_load_si512(left[1]);
  const __m512i mask =
      _mm512_set1_epi64(static_cast<int64_t>(~uint64_t{0} >> (64 - k)));
  const __mmask64 bytes = ~uint64_t{0} >> (64 - k);
  for (size_t o = 0; o < octets; ++o, in += 8, out += k) {
    __m512i x = _mm512_and_si512(_mm512_loadu_si512(in), mask);
    if (step >= 2)
      x = _mm512_or_si512(
          x, _mm512_sll_epi64(_mm512_alignr_epi64(x, x, 1),
                              _mm_cvtsi32_si128(static_cast<int>(k))));
    if (step >= 4)
      x = _mm512_or_si512(
          x, _mm512_sll_epi64(_mm512_alignr_epi64(x, x, 2),
                              _mm_cvtsi32_si128(static_cast<int>(2 * k))));
    if (step >= 8)
      x = _mm512_or_si512(
          x, _mm512_sll_epi64(_mm512_alignr_epi64(x, x, 4),
                              _mm_cvtsi32_si128(static_cast<int>(4 * k))));
    __m512i y = _mm512_srlv_epi64(permute(i0, x), r0);
    y = _mm512_or_si512(y, _mm512_sllv_epi64(permute(i1, x), l1));
    y = _mm512_or_si512(y, _mm512_sllv_epi64(permute(i2, x), l2));
    _mm512_mask_storeu_epi8(out, bytes, y);
  }
}

/// Elements of at most 57 bits lie within eight bytes: one permutation brings
/// them, one shift.
__attribute__((target("avx512vbmi"))) static void
unpackByBytes(const uint8_t *in, size_t octets, unsigned k, uint64_t *out) {
  alignas(64) uint8_t index[64];
  alignas(64) uint64_t right[8];
  for (unsigned i = 0; i < 8; ++i) {
    for (unsigned b = 0; b < 8; ++b)
      index[8 * i + b] = static_cast<uint8_t>((i * k / 8 + b) % 64);
    right[i] = i * k % 8;
  }
  const __m512i at = _mm512_load_si512(index);
  const __m512i r = _mm512_load_si512(right);
  const __m512i mask =
      _mm512_set1_epi64(static_cast<int64_t>(~uint64_t{0} >> (64 - k)));
  const __mmask64 bytes = ~uint64_t{0} >> (64 - k);
  for (size_t o = 0; o < octets; ++o, in += k, out += 8) {
    const __m512i x = _mm512_maskz_loadu_epi8(bytes, in);
    const __m512i y = _mm512_srlv_epi64(_mm512_permutexvar_epi8(at, x), r);
    _mm512_storeu_si512(out, _mm512_and_si512(y, mask));
  }
}

void unpackOctetsAvx512(const uint8_t *in, size_t octets, unsigned k,
                        uint64_t *out) {
  if (k <= 57 && __builtin_cpu_supports("avx512vbmi"))
    return unpackByBytes(in, octets, k, out);
  // Element i begins `skip` bits into word i k / 64 and may end in the next.
  alignas(64) uint64_t index[2][8], right[8], left[8];
  for (unsigned i = 0; i < 8; ++i) {
    unsigned w = i * k / 64, skip = i * k % 64;
    index[0][i] = w;
    index[1][i] = (w + 1) % 8; // past the end: above bit k, masked off
    right[i] = skip;
    left[i] = 64 - skip;
  }
  const __m512i i0 = _mm512_load_si512(index[0]);
  const __m512i i1 = _mm512_load_si512(index[1]);
  const __m512i r = _mm512_load_si512(right);
  const __m512i l = _mm512_load_si512(left);
  const __m512i mask =
      _mm512_set1_epi64(static_cast<int64_t>(~uint64_t{0} >> (64 - k)));
  const __mmask64 bytes = ~uint64_t{0} >> (64 - k);
  for (size_t o = 0; o < octets; ++o, in += k, out += 8) {
    __m512i x = _mm512_maskz_loadu_epi8(bytes, in);
    __m512i y = _mm512_or_si512(_mm512_srlv_epi64(permute(i0, x), r),
                                _mm512_sllv_epi64(permute(i1, x), l));
    _mm512_storeu_si512(out, _mm512_and_si512(y, mask));
  }
}

} // namespace mpc::kernels

#else // never called: no such machine reports SimdLevel::Avx512

namespace mpc::kernels {
void packOctetsAvx512(const uint64_t *, size_t, unsigned, uint8_t *) {
  __builtin_trap();
}
void unpackOctetsAvx512(const uint8_t *, size_t, unsigned, uint64_t *) {
  __builtin_trap();
}
} // namespace mpc::kernels

#endif

//===- runtime/crypto/SplineAvx512.cpp - weights and sum, eight points ----===//
//
// PreparedSpline::weights and the sum over leaves for eight points a register.
// Same integers as the portable form. Compiled with -mavx512*.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/SplineShare.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace mpc::crypto {
namespace {

using kernels::PreparedSpline;
constexpr long long kHalf = 1ll << (PreparedSpline::kGuardBits - 1);

/// Word J of the eight leaves at `from` (of the word's block), one a qword;
/// bits above a 32-bit lane are the neighbour's and do not matter.
template <Lane L, unsigned J> inline __m512i leafWords(const Block *from) {
  constexpr unsigned bit = J * static_cast<unsigned>(L) % 128;
  const __m512i pick = bit < 64 ? _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0)
                                : _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
  __m512i v = _mm512_permutex2var_epi64(_mm512_loadu_si512(from), pick,
                                        _mm512_loadu_si512(from + 4));
  return bit % 64 ? _mm512_srli_epi64(v, 32) : v;
}

constexpr unsigned binomial(unsigned n, unsigned k) {
  unsigned b = 1;
  for (unsigned i = 1; i <= k; ++i)
    b = b * (n - k + i) / i;
  return b;
}

/// K x by shifts and additions, one a bit of K.
template <unsigned K> inline __m512i times(__m512i x) {
  if constexpr (K == 1)
    return x;
  else if constexpr (K % 2 == 0)
    return _mm512_slli_epi64(times<K / 2>(x), 1);
  else
    return _mm512_add_epi64(times<K - 1>(x), x);
}

template <unsigned D, Lane L> struct Dot {
  const PreparedSpline &spline;
  const Block *blocks;
  size_t stride;
  unsigned ma;
  __m512i mb;
  __m128i h;

  /// B[J][I], a small multiple of B[0][I]: one table a power is read instead
  /// of one a pair, so that those of 2^11 segments stay in the L2 cache.
  template <unsigned J, unsigned I> __m512i coeff(unsigned p) const {
    const __m512i c = _mm512_loadu_si512(spline.coeff(0, I, ma) + p);
    if constexpr (J == 0)
      return c;
    const __m512i v = times<binomial(I, J)>(c);
    return J % 2 ? _mm512_sub_epi64(_mm512_setzero_si512(), v) : v;
  }

  /// Horner from power D down to I; J >= 1 or I >= 1.
  template <unsigned J, unsigned I> __m512i horner(unsigned p) const {
    if constexpr (I == D)
      return coeff<J, I>(p);
    else
      return _mm512_add_epi64(
          _mm512_sra_epi64(_mm512_mullo_epi64(horner<J, I + 1>(p), mb), h),
          coeff<J, I>(p));
  }

  /// Words J .. D of points p .. p + 7, onto sum.
  template <unsigned J> __m512i add(__m512i sum, unsigned p) const {
    if constexpr (J > D)
      return sum;
    else {
      __m512i w = _mm512_srai_epi64(
          _mm512_add_epi64(horner<J, J>(p), _mm512_set1_epi64(kHalf)),
          PreparedSpline::kGuardBits);
      return add<J + 1>(_mm512_add_epi64(sum, term<J>(w, p)), p);
    }
  }

  template <unsigned J> __m512i term(__m512i w, unsigned p) const {
    constexpr unsigned b = J * static_cast<unsigned>(L) / 128;
    return _mm512_mullo_epi64(w, leafWords<L, J>(blocks + b * stride + p));
  }

  uint64_t operator()() const {
    const auto &t = spline.table();
    const int drop =
        static_cast<int>(t.lowBits() + PreparedSpline::kGuardBits) -
        static_cast<int>(t.payloadFrac);
    const __m128i right = _mm_cvtsi32_si128(drop > 0 ? drop : 0);
    const __m128i left = _mm_cvtsi32_si128(drop > 0 ? 0 : -drop);
    const __m512i half = _mm512_set1_epi64(drop > 0 ? 1ll << (drop - 1) : 0);
    __m512i sum = _mm512_setzero_si512();
    for (unsigned p = 0; p < t.segments(); p += 8) {
      __m512i w = coeff<0, 0>(p);
      if constexpr (D > 0) {
        __m512i r = _mm512_mullo_epi64(horner<0, 1>(p), mb);
        r = _mm512_sra_epi64(_mm512_add_epi64(r, half), right);
        w = _mm512_add_epi64(w, _mm512_sll_epi64(r, left));
      }
      sum = add<1>(_mm512_add_epi64(sum, term<0>(w, p)), p);
    }
    // _mm512_reduce_add_epi64 adds as signed numbers, which may overflow.
    uint64_t part[8], total = 0;
    _mm512_storeu_si512(part, sum);
    for (uint64_t v : part)
      total += v;
    return total;
  }
};

template <unsigned D>
uint64_t run(const PreparedSpline &spline, uint64_t m, const Block *blocks,
             size_t stride, Lane lane) {
  const auto &t = spline.table();
  const unsigned h = t.lowBits();
  const uint64_t x = m & ((uint64_t{1} << t.inputBits) - 1);
  const unsigned ma = static_cast<unsigned>(x >> h);
  const __m512i mb =
      _mm512_set1_epi64(static_cast<long long>(x & ((uint64_t{1} << h) - 1)));
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(h));
  if (lane == Lane::U32)
    return Dot<D, Lane::U32>{spline, blocks, stride, ma, mb, shift}();
  return Dot<D, Lane::U64>{spline, blocks, stride, ma, mb, shift}();
}

uint64_t dot(const PreparedSpline &spline, uint64_t m, const Block *blocks,
             size_t stride, Lane lane) {
  static constexpr SplineDot kByDegree[] = {run<0>, run<1>, run<2>, run<3>,
                                            run<4>, run<5>, run<6>, run<7>};
  return kByDegree[spline.table().degree](spline, m, blocks, stride, lane);
}

} // namespace

SplineDot splineDotAvx512() { return dot; }

} // namespace mpc::crypto

#else
mpc::crypto::SplineDot mpc::crypto::splineDotAvx512() { return nullptr; }
#endif

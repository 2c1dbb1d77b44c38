//===- runtime/crypto/SplineAvx512.cpp - leaves, weights, sum together ----===//
//
// DpfWalk::convert, PreparedSpline::weights and the sum over leaves for eight
// points a register: payloads never go to memory, and multiplications run
// beside AES rounds. Same integers as the portable form. Compiled with -mvaes
// -mavx512*.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/SplineShare.h"

#if defined(__VAES__) && defined(__AVX512F__) && defined(__AVX512DQ__)
#include "runtime/crypto/DpfTree.h"
#include "runtime/crypto/VaesRounds.h"

namespace mpc::crypto {
namespace {

using kernels::PreparedSpline;
constexpr long long kHalf = 1ll << (PreparedSpline::kGuardBits - 1);

constexpr unsigned binomial(unsigned n, unsigned k) {
  unsigned b = 1;
  for (unsigned i = 1; i <= k; ++i)
    b = b * (n - k + i) / i;
  return b;
}

/// K x; the smaller K without a multiplication.
template <int64_t K> inline __m512i times(__m512i x) {
  constexpr uint64_t size = K < 0 ? -K : K;
  constexpr int even = __builtin_ctzll(size);
  const __m512i zero = _mm512_setzero_si512();
  if constexpr (K == 1)
    return x;
  else if constexpr (K == 3)
    return _mm512_add_epi64(_mm512_slli_epi64(x, 1), x);
  else if constexpr (K == -3 || K == -7)
    return _mm512_sub_epi64(x, _mm512_slli_epi64(x, K == -3 ? 2 : 3));
  else if constexpr (K == 5)
    return _mm512_add_epi64(_mm512_slli_epi64(x, 2), x);
  else if constexpr (K == 7)
    return _mm512_sub_epi64(_mm512_slli_epi64(x, 3), x);
  else if constexpr (size == uint64_t{1} << even)
    return K < 0 ? _mm512_sub_epi64(zero, _mm512_slli_epi64(x, even))
                 : _mm512_slli_epi64(x, even);
  else if constexpr (K == 6)
    return _mm512_slli_epi64(times<3>(x), 1);
  else
    return _mm512_mullo_epi64(x, _mm512_set1_epi64(K));
}

/// One element's leaves, hashed, corrected, weighted and added in registers. A
/// step takes kRegisters * 4 nodes, which have kPoints leaves.
template <unsigned D, Lane L, unsigned T> struct Dot {
  static constexpr unsigned kLane = static_cast<unsigned>(L);
  static constexpr unsigned kBlocks = (((D + 1) << T) * kLane + 127) / 128;
  static constexpr unsigned kRegisters = T == 0 ? 2 : 1;
  static constexpr unsigned kPoints = kRegisters * (4 << T);
  struct Leaves {
    __m512i r[kBlocks][kRegisters];
  };

  const PreparedSpline &spline;
  const Rounds &rounds;
  const Block *nodes;
  const Block *cw;
  unsigned ma;
  __m512i mb;
  __m512i h;

  Leaves leaves(size_t node) const {
    __m512i x[kBlocks * kRegisters], y[kBlocks * kRegisters];
    __mmask8 t[kRegisters];
    for (unsigned g = 0; g < kRegisters; ++g) {
      const __m512i n = _mm512_loadu_si512(nodes + node + 4 * g);
      t[g] = control(n);
      const __m512i s = sigma(n);
      for (unsigned b = 0; b < kBlocks; ++b)
        x[b * kRegisters + g] = y[b * kRegisters + g] =
            _mm512_xor_si512(s, inLow(DpfShape::kConvertTweak + b));
    }
    rounds.template operator()<kBlocks * kRegisters>(x);
    Leaves out;
    for (unsigned b = 0; b < kBlocks; ++b) {
      const __m512i c = broadcast(cw + b);
      for (unsigned g = 0; g < kRegisters; ++g) {
        const unsigned i = b * kRegisters + g;
        out.r[b][g] = addLanes<L>(_mm512_xor_si512(x[i], y[i]),
                                  _mm512_maskz_mov_epi64(t[g], c));
      }
    }
    return out;
  }

  /// Word J of the step's points 8 * Part and on, one a qword; bits above a
  /// 32-bit lane are the neighbour's and do not matter.
  template <unsigned J, unsigned Part>
  static __m512i word(const Leaves &leaves) {
    constexpr unsigned b = (J << T) * kLane / 128;
    constexpr unsigned dword = (J << T) * kLane % 128 / 32;
    const __m512i *r = leaves.r[b];
    if constexpr (T == 0) {
      const __m512i pick = dword < 2
                               ? _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0)
                               : _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
      const __m512i v = _mm512_permutex2var_epi64(r[0], pick, r[1]);
      return dword % 2 ? _mm512_srli_epi64(v, 32) : v;
    } else if constexpr (T == 1 && L == Lane::U64) {
      return r[0];
    } else if constexpr (T == 1) {
      return _mm512_shuffle_epi32(r[0], dword ? _MM_PERM_ENUM(0xfa)
                                              : _MM_PERM_ENUM(0x50));
    } else if constexpr (L == Lane::U64) {
      const __m512i pick = Part ? _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4)
                                : _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
      return _mm512_permutex2var_epi64(r[0], pick, leaves.r[b + 1][0]);
    } else {
      return _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(r[0], Part));
    }
  }

  /// B[J][I], a small multiple of B[0][I]: one table a power is read instead
  /// of one a pair, so that those of 2^11 segments stay in the L2 cache.
  template <unsigned J, unsigned I> __m512i coeff(unsigned p) const {
    const __m512i c = _mm512_loadu_si512(spline.coeff(0, I, ma) + p);
    if constexpr (J == 0)
      return c;
    return times<(J % 2 ? -1 : 1) * int64_t{binomial(I, J)}>(c);
  }

  /// Horner from power D down to I; J >= 1 or I >= 1.
  template <unsigned J, unsigned I> __m512i horner(unsigned p) const {
    if constexpr (I == D)
      return coeff<J, I>(p);
    else
      return _mm512_add_epi64(
          _mm512_srav_epi64(_mm512_mullo_epi64(horner<J, I + 1>(p), mb), h),
          coeff<J, I>(p));
  }

  /// Words J .. D of points p .. p + 7, onto sum.
  template <unsigned J, unsigned Part>
  __m512i add(__m512i sum, unsigned p, const Leaves &l) const {
    if constexpr (J > D)
      return sum;
    else {
      __m512i w = _mm512_srai_epi64(
          _mm512_add_epi64(horner<J, J>(p), _mm512_set1_epi64(kHalf)),
          PreparedSpline::kGuardBits);
      w = _mm512_mullo_epi64(w, word<J, Part>(l));
      return add<J + 1, Part>(_mm512_add_epi64(sum, w), p, l);
    }
  }

  uint64_t operator()() const {
    const auto &t = spline.table();
    const int drop =
        static_cast<int>(t.lowBits() + PreparedSpline::kGuardBits) -
        static_cast<int>(t.payloadFrac);
    const __m512i right = _mm512_set1_epi64(drop > 0 ? drop : 0);
    const __m512i left = _mm512_set1_epi64(drop > 0 ? 0 : -drop);
    const __m512i half = _mm512_set1_epi64(drop > 0 ? 1ll << (drop - 1) : 0);
    __m512i sum = _mm512_setzero_si512();
    auto eight = [&]<unsigned Part>(unsigned p, const Leaves &l) {
      __m512i w = coeff<0, 0>(p);
      if constexpr (D > 0) {
        __m512i r = _mm512_mullo_epi64(horner<0, 1>(p), mb);
        r = _mm512_srav_epi64(_mm512_add_epi64(r, half), right);
        w = _mm512_add_epi64(w, _mm512_sllv_epi64(r, left));
      }
      w = _mm512_mullo_epi64(w, word<0, Part>(l));
      sum = add<1, Part>(_mm512_add_epi64(sum, w), p, l);
    };
    for (unsigned p = 0; p < t.segments(); p += kPoints) {
      const Leaves l = leaves(p >> T);
      eight.template operator()<0>(p, l);
      if constexpr (kPoints == 16)
        eight.template operator()<1>(p + 8, l);
    }
    // _mm512_reduce_add_epi64 adds as signed numbers, which may overflow.
    uint64_t part[8], total = 0;
    _mm512_storeu_si512(part, sum);
    for (uint64_t v : part)
      total += v;
    return total;
  }
};

template <unsigned D, Lane L, unsigned T>
void run(const PreparedSpline &spline, const SplineLeaves &in, uint64_t *sums) {
  using D_ = Dot<D, L, T>;
  const auto &t = spline.table();
  const unsigned h = t.lowBits();
  const Rounds rounds(in.roundKeys);
  const __m512i shift = _mm512_set1_epi64(h);
  for (size_t e = 0; e < in.count; ++e) {
    const uint64_t x = in.m[e] & ((uint64_t{1} << t.inputBits) - 1);
    const unsigned ma = static_cast<unsigned>(x >> h);
    const __m512i mb =
        _mm512_set1_epi64(static_cast<long long>(x & ((uint64_t{1} << h) - 1)));
    sums[e] = D_{spline,
                 rounds,
                 in.nodes + (e << (t.segmentBits - T)),
                 in.corrections + e * D_::kBlocks,
                 ma,
                 mb,
                 shift}();
  }
}

using Run = void (*)(const PreparedSpline &, const SplineLeaves &, uint64_t *);

template <unsigned D> constexpr Run runOf(bool wide, unsigned terminate) {
  constexpr Run kRun[2][3] = {
      {run<D, Lane::U32, 0>, run<D, Lane::U32, 1>, run<D, Lane::U32, 2>},
      {run<D, Lane::U64, 0>, run<D, Lane::U64, 1>, run<D, Lane::U64, 2>}};
  return kRun[wide][terminate];
}

void dot(const PreparedSpline &spline, const DpfShape &shape,
         const SplineLeaves &in, uint64_t *sums) {
  static constexpr decltype(&runOf<0>) kByDegree[] = {
      runOf<0>, runOf<1>, runOf<2>, runOf<3>,
      runOf<4>, runOf<5>, runOf<6>, runOf<7>};
  kByDegree[spline.table().degree](shape.lane == Lane::U64,
                                   shape.terminate)(spline, in, sums);
}

} // namespace

SplineDot splineDotAvx512() { return dot; }

} // namespace mpc::crypto

#else
mpc::crypto::SplineDot mpc::crypto::splineDotAvx512() { return nullptr; }
#endif

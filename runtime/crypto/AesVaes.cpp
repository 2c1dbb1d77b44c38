//===- runtime/crypto/AesVaes.cpp - AES loops with VAES on 512 bits -------===//
//
// Four blocks a register, up to eight registers in flight. Compiled with
// -mvaes -mavx512*; only reached when the processor has them.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/Aes.h"

#if defined(__VAES__) && defined(__AVX512F__)
#include <immintrin.h>

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
  return _mm512_xor_si512(_mm512_shuffle_epi32(x, _MM_PERM_ENUM(0x4e)),
                          _mm512_maskz_mov_epi64(0xaa, x));
}

/// The qwords of blocks first..n of a register of four blocks.
inline __mmask8 lanes(size_t n) {
  return n >= 4 ? 0xff : static_cast<__mmask8>((1u << (2 * n)) - 1);
}

/// body<N>(first, mask): N full registers, or one under a mask.
template <size_t N, class Body> inline void inGroups(size_t n, Body body) {
  size_t i = 0;
  for (; i + 4 * N <= n; i += 4 * N)
    body.template operator()<N>(i, __mmask8(0xff));
  for (; i < n; i += 4)
    body.template operator()<1>(i, lanes(n - i));
}

void encrypt(const Block *rk, const Block *in, Block *out, size_t n) {
  const Rounds rounds(rk);
  inGroups<8>(n, [&]<size_t N>(size_t i, __mmask8 m) {
    __m512i x[N];
    for (size_t j = 0; j < N; ++j)
      x[j] = _mm512_maskz_loadu_epi64(m, in + i + 4 * j);
    rounds.operator()<N>(x);
    for (size_t j = 0; j < N; ++j)
      _mm512_mask_storeu_epi64(out + i + 4 * j, m, x[j]);
  });
}

void counter(const Block *rk, Block start, void *to, size_t n, uint64_t mask) {
  auto *out = static_cast<__m128i_u *>(to);
  const Rounds rounds(rk);
  const __m512i keep = _mm512_set1_epi64(static_cast<long long>(mask));
  const __m512i four = _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4);
  __m512i c = _mm512_add_epi64(broadcast(&start),
                               _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
  inGroups<8>(n, [&]<size_t N>(size_t i, __mmask8 m) {
    __m512i x[N];
    for (size_t j = 0; j < N; ++j) {
      x[j] = c;
      c = _mm512_add_epi64(c, four);
    }
    rounds.operator()<N>(x);
    for (size_t j = 0; j < N; ++j)
      _mm512_mask_storeu_epi64(out + i + 4 * j, m,
                               _mm512_and_si512(x[j], keep));
  });
}

void hash(const Block *rk, const Block *in, Block *out, size_t n,
          uint64_t tweak) {
  const Rounds rounds(rk);
  const long long t = static_cast<long long>(tweak);
  const __m512i tw = _mm512_set_epi64(0, t, 0, t, 0, t, 0, t);
  inGroups<8>(n, [&]<size_t N>(size_t i, __mmask8 m) {
    __m512i x[N], y[N];
    for (size_t j = 0; j < N; ++j)
      x[j] = y[j] = _mm512_xor_si512(
          sigma(_mm512_maskz_loadu_epi64(m, in + i + 4 * j)), tw);
    rounds.operator()<N>(x);
    for (size_t j = 0; j < N; ++j)
      _mm512_mask_storeu_epi64(out + i + 4 * j, m,
                               _mm512_xor_si512(x[j], y[j]));
  });
}

/// All ones where bit 0 of a block, the control bit, is set.
inline __m512i controlMask(__m512i x) {
  return _mm512_srai_epi32(
      _mm512_slli_epi32(_mm512_shuffle_epi32(x, _MM_PERM_ENUM(0)), 31), 31);
}

void expand(const Block *rk, size_t nElements, size_t n, const Block *parents,
            size_t parentStride, const Block *cw, Block *children,
            size_t childStride) {
  const Rounds rounds(rk);
  const __m512i one = _mm512_set_epi64(0, 1, 0, 1, 0, 1, 0, 1);
  // Left and right children interleaved: L0 R0 L1 R1 and L2 R2 L3 R3.
  const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
  const __m512i second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
  for (size_t e = 0; e < nElements; ++e) {
    const Block *from = parents + e * parentStride;
    Block *to = children + e * childStride;
    const __m512i cwL = broadcast(cw + 2 * e), cwR = broadcast(cw + 2 * e + 1);
    // Four parents at a time, also where there are fewer: the rest is padding,
    // or the next element's, which is written later.
    auto step = [&]<size_t N>(size_t i) {
      __m512i x[2 * N], y[2 * N], on[N];
      for (size_t j = 0; j < N; ++j) {
        __m512i p = _mm512_loadu_si512(from + i + 4 * j);
        on[j] = controlMask(p);
        p = sigma(p);
        x[2 * j] = y[2 * j] = p;
        x[2 * j + 1] = y[2 * j + 1] = _mm512_xor_si512(p, one);
      }
      rounds.operator()<2 * N>(x);
      for (size_t j = 0; j < N; ++j) {
        // 0x78: a ^ (b & c)
        __m512i l = _mm512_ternarylogic_epi64(
            _mm512_xor_si512(x[2 * j], y[2 * j]), on[j], cwL, 0x78);
        __m512i r = _mm512_ternarylogic_epi64(
            _mm512_xor_si512(x[2 * j + 1], y[2 * j + 1]), on[j], cwR, 0x78);
        Block *out = to + 2 * (i + 4 * j);
        _mm512_storeu_si512(out, _mm512_permutex2var_epi64(l, first, r));
        _mm512_storeu_si512(out + 4, _mm512_permutex2var_epi64(l, second, r));
      }
    };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
      step.operator()<2>(i);
    for (; i < n; i += 4)
      step.operator()<1>(i);
  }
}

template <Lane L> inline __m512i addLanes(__m512i a, __m512i b) {
  if constexpr (L == Lane::Bit)
    return _mm512_xor_si512(a, b);
  else if constexpr (L == Lane::U32)
    return _mm512_add_epi32(a, b);
  else
    return _mm512_add_epi64(a, b);
}

template <Lane L>
void convertLanes(const Block *rk, const Block *nodes, size_t n, uint64_t tweak,
                  Block cw, Block *out) {
  const Rounds rounds(rk);
  const long long t = static_cast<long long>(tweak);
  const __m512i tw = _mm512_set_epi64(0, t, 0, t, 0, t, 0, t);
  const __m512i c = broadcast(&cw);
  inGroups<4>(n, [&]<size_t N>(size_t i, __mmask8 m) {
    __m512i x[N], y[N], add[N];
    for (size_t j = 0; j < N; ++j) {
      __m512i node = _mm512_maskz_loadu_epi64(m, nodes + i + 4 * j);
      add[j] = _mm512_and_si512(controlMask(node), c);
      x[j] = y[j] = _mm512_xor_si512(sigma(node), tw);
    }
    rounds.operator()<N>(x);
    for (size_t j = 0; j < N; ++j)
      _mm512_mask_storeu_epi64(
          out + i + 4 * j, m,
          addLanes<L>(_mm512_xor_si512(x[j], y[j]), add[j]));
  });
}

void convert(const Block *rk, const Block *nodes, size_t n, uint64_t tweak,
             Lane lane, Block cw, Block *out) {
  auto f = lane == Lane::Bit   ? convertLanes<Lane::Bit>
           : lane == Lane::U32 ? convertLanes<Lane::U32>
                               : convertLanes<Lane::U64>;
  f(rk, nodes, n, tweak, cw, out);
}

} // namespace

const AesKernels *aesVaesKernels() {
  static constexpr AesKernels k{nullptr, encrypt, counter,
                                hash,    expand,  convert};
  return &k;
}

} // namespace mpc::crypto

#else
const mpc::crypto::AesKernels *mpc::crypto::aesVaesKernels() { return nullptr; }
#endif

//===- runtime/crypto/AesVaes.cpp - AES loops with VAES on 512 bits -------===//
//
// Four blocks a register, up to eight registers in flight. Compiled with
// -mvaes -mavx512*; only reached when the processor has them.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/Aes.h"

#if defined(__VAES__) && defined(__AVX512F__)
#include "runtime/crypto/VaesRounds.h"

namespace mpc::crypto {
namespace {

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
  const __m512i tw = inLow(tweak);
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

//===----------------------------------------------------------------------===//
// DPF
//===----------------------------------------------------------------------===//

/// The corrections of four nodes from i on. LogPer: 0, 1, or 2 for "at least
/// 2", when four nodes belong to one tree; then logPer tells.
template <unsigned LogPer> struct Corrections {
  const uint8_t *cw;
  size_t n;      ///< trees
  size_t stride; ///< bytes from one tree's correction to the next's
  unsigned logPer;

  __m512i operator()(size_t i) const {
    if constexpr (LogPer == 0) {
      __m512i c = _mm512_setzero_si512();
      if (i + 4 <= n) {
        if (stride == sizeof(Block))
          return _mm512_loadu_si512(cw + sizeof(Block) * i);
        c = at(i);
        c = also(c, 0x0c, i + 1);
        c = also(c, 0x30, i + 2);
        return also(c, 0xc0, i + 3);
      }
      for (size_t k = 0; i + k < n; ++k)
        c = also(c, static_cast<__mmask8>(3u << (2 * k)), i + k);
      return c;
    } else if constexpr (LogPer == 1) {
      const __m512i c = at(i / 2);
      return i / 2 + 1 < n ? also(c, 0xf0, i / 2 + 1) : c;
    } else {
      return at(i >> logPer);
    }
  }

private:
  __m128i load(size_t e) const {
    return _mm_loadu_si128(reinterpret_cast<const __m128i *>(cw + e * stride));
  }
  __m512i at(size_t e) const { return _mm512_broadcast_i64x2(load(e)); }
  __m512i also(__m512i c, __mmask8 where, size_t e) const {
    return _mm512_mask_broadcast_i64x2(c, where, load(e));
  }
};

/// run<LogPer>() for the case that holds.
template <class Run> inline void byLogPer(unsigned logPer, Run run) {
  if (logPer == 0)
    run.template operator()<0>();
  else if (logPer == 1)
    run.template operator()<1>();
  else
    run.template operator()<2>();
}

void expand(const Block *rk, size_t n, unsigned logPer, const Block *parents,
            const uint8_t *cw, Block *children) {
  const Rounds rounds(rk);
  // Left and right children interleaved: L0 R0 L1 R1 and L2 R2 L3 R3.
  const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
  const __m512i second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
  const size_t nodes = n << logPer;
  byLogPer(logPer, [&]<unsigned LogPer>() {
    const Corrections<LogPer> corrections{cw, n, sizeof(Block), logPer};
    // Four parents at a time, also where there are fewer: the rest is padding.
    auto step = [&]<size_t N>(size_t i) {
      __m512i x[N], y[N];
      for (size_t j = 0; j < N; ++j) {
        const __m512i p = _mm512_loadu_si512(parents + i + 4 * j);
        x[j] = sigma(p);
        y[j] = _mm512_mask_xor_epi64(x[j], control(p), x[j],
                                     corrections(i + 4 * j));
      }
      rounds.operator()<N>(x);
      for (size_t j = 0; j < N; ++j) {
        const __m512i p = _mm512_loadu_si512(parents + i + 4 * j);
        const __m512i l = _mm512_xor_si512(x[j], y[j]);
        const __m512i r = _mm512_xor_si512(l, p);
        Block *out = children + 2 * (i + 4 * j);
        _mm512_storeu_si512(out, _mm512_permutex2var_epi64(l, first, r));
        _mm512_storeu_si512(out + 4, _mm512_permutex2var_epi64(l, second, r));
      }
    };
    size_t i = 0;
    for (; i + 16 <= nodes; i += 16)
      step.template operator()<4>(i);
    for (; i < nodes; i += 4)
      step.template operator()<1>(i);
  });
}

void descend(const Block *rk, size_t n, const uint64_t *alpha, unsigned bit,
             Block *node, const Block *delta, uint8_t *cw) {
  const Rounds rounds(rk);
  const __m512i twice = _mm512_set_epi64(3, 3, 2, 2, 1, 1, 0, 0);
  const __m512i side = _mm512_set1_epi64(1ll << bit);
  inGroups<2>(n, [&]<size_t N>(size_t i, __mmask8 m) {
    const auto valid = static_cast<__mmask8>(__builtin_popcount(m) / 2);
    __m512i x[2 * N], y[2 * N];
    for (size_t j = 0; j < N; ++j) {
      const __m512i at = _mm512_maskz_loadu_epi64(m, node + i + 4 * j);
      const __m512i d = _mm512_maskz_loadu_epi64(m, delta + i + 4 * j);
      x[2 * j] = y[2 * j] = sigma(at);
      x[2 * j + 1] = y[2 * j + 1] = sigma(_mm512_xor_si512(at, d));
    }
    rounds.operator()<2 * N>(x);
    for (size_t j = 0; j < N; ++j) {
      const __m512i at = _mm512_maskz_loadu_epi64(m, node + i + 4 * j);
      const __m512i d = _mm512_maskz_loadu_epi64(m, delta + i + 4 * j);
      const __m512i points = _mm512_maskz_loadu_epi64(
          static_cast<__mmask8>((1u << valid) - 1), alpha + i + 4 * j);
      const __mmask8 right =
          _mm512_test_epi64_mask(_mm512_permutexvar_epi64(twice, points), side);
      const __m512i h = _mm512_xor_si512(x[2 * j], y[2 * j]);
      const __m512i other = _mm512_xor_si512(x[2 * j + 1], y[2 * j + 1]);
      __m512i c = _mm512_xor_si512(h, other);
      c = _mm512_mask_xor_epi64(c, static_cast<__mmask8>(~right), c, d);
      __m512i next = _mm512_mask_xor_epi64(h, right, h, at);
      next = _mm512_mask_xor_epi64(next, control(at), next, c);
      _mm512_mask_storeu_epi64(cw + sizeof(Block) * (i + 4 * j), m, c);
      _mm512_mask_storeu_epi64(node + i + 4 * j, m, next);
    }
  });
}

/// Block b0 .. b0 + NB - 1 of each of four nodes a register, `stride` blocks
/// from one node to the next.
template <size_t NB, bool Full>
inline void storeBlocks(uint8_t *out, unsigned stride, const __m512i *r,
                        size_t valid) {
  if constexpr (Full)
    valid = 4;
  if constexpr (NB == 1) {
    if (stride == 1)
      return _mm512_mask_storeu_epi64(out, lanes(valid), r[0]);
  } else if constexpr (NB == 2) {
    if (stride == 2) {
      const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
      const __m512i second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
      _mm512_mask_storeu_epi64(out, lanes(2 * valid),
                               _mm512_permutex2var_epi64(r[0], first, r[1]));
      return _mm512_mask_storeu_epi64(
          out + 64, lanes(valid > 2 ? 2 * valid - 4 : 0),
          _mm512_permutex2var_epi64(r[0], second, r[1]));
    }
  } else if constexpr (NB == 4) {
    if (stride == 4 && valid == 4) { // from [block][node] to [node][block]
      const __m512i a = _mm512_shuffle_i64x2(r[0], r[1], 0x44);
      const __m512i b = _mm512_shuffle_i64x2(r[2], r[3], 0x44);
      const __m512i c = _mm512_shuffle_i64x2(r[0], r[1], 0xee);
      const __m512i d = _mm512_shuffle_i64x2(r[2], r[3], 0xee);
      _mm512_storeu_si512(out, _mm512_shuffle_i64x2(a, b, 0x88));
      _mm512_storeu_si512(out + 64, _mm512_shuffle_i64x2(a, b, 0xdd));
      _mm512_storeu_si512(out + 128, _mm512_shuffle_i64x2(c, d, 0x88));
      return _mm512_storeu_si512(out + 192, _mm512_shuffle_i64x2(c, d, 0xdd));
    }
  }
  for (size_t b = 0; b < NB; ++b) {
    auto put = [&](size_t node, __m128i v) {
      if (node < valid)
        _mm_storeu_si128(reinterpret_cast<__m128i *>(
                             out + sizeof(Block) * (node * stride + b)),
                         v);
    };
    put(0, _mm512_castsi512_si128(r[b]));
    put(1, _mm512_extracti64x2_epi64(r[b], 1));
    put(2, _mm512_extracti64x2_epi64(r[b], 2));
    put(3, _mm512_extracti64x2_epi64(r[b], 3));
  }
}

/// NB blocks of every node, from block b0 on.
template <Lane L, size_t NB>
void convertSome(const Rounds &rounds, size_t n, unsigned logPer,
                 const Block *nodes, unsigned nBlocks, unsigned b0,
                 uint64_t tweak, const Block *cw, uint8_t *out) {
  constexpr size_t kGroups = NB >= 3 ? 1 : 4 / NB;
  const size_t total = n << logPer;
  byLogPer(logPer, [&]<unsigned LogPer>() {
    auto step = [&]<size_t G, bool Full>(size_t i) {
      __m512i x[G * NB], y[G * NB], node[G];
      for (size_t g = 0; g < G; ++g) {
        node[g] = _mm512_loadu_si512(nodes + i + 4 * g);
        const __m512i s = sigma(node[g]);
        for (size_t b = 0; b < NB; ++b)
          x[g * NB + b] = y[g * NB + b] =
              _mm512_xor_si512(s, inLow(tweak + b0 + b));
      }
      rounds.template operator()<G * NB>(x);
      for (size_t g = 0; g < G; ++g) {
        const __mmask8 t = control(node[g]);
        __m512i r[NB];
        for (size_t b = 0; b < NB; ++b) {
          const Corrections<LogPer> corrections{
              reinterpret_cast<const uint8_t *>(cw + b0 + b), n,
              sizeof(Block) * nBlocks, logPer};
          const __m512i h = _mm512_xor_si512(x[g * NB + b], y[g * NB + b]);
          r[b] =
              addLanes<L>(h, _mm512_maskz_mov_epi64(t, corrections(i + 4 * g)));
        }
        const size_t at = i + 4 * g;
        storeBlocks<NB, Full>(out + sizeof(Block) * (at * nBlocks + b0),
                              nBlocks, r, total - at < 4 ? total - at : 4);
      }
    };
    size_t i = 0;
    for (; i + 4 * kGroups <= total; i += 4 * kGroups)
      step.template operator()<kGroups, true>(i);
    for (; i < total; i += 4)
      step.template operator()<1, false>(i);
  });
}

template <Lane L>
void convertLanes(const Block *rk, size_t n, unsigned logPer,
                  const Block *nodes, unsigned nBlocks, uint64_t tweak,
                  const Block *cw, void *to) {
  const Rounds rounds(rk);
  static constexpr decltype(&convertSome<L, 1>) kSome[] = {
      convertSome<L, 1>, convertSome<L, 2>, convertSome<L, 3>,
      convertSome<L, 4>};
  for (unsigned b = 0; b < nBlocks; b += 4)
    kSome[(nBlocks - b < 4 ? nBlocks - b : 4) - 1](rounds, n, logPer, nodes,
                                                   nBlocks, b, tweak, cw,
                                                   static_cast<uint8_t *>(to));
}

void convert(const Block *rk, size_t n, unsigned logPer, const Block *nodes,
             unsigned nBlocks, uint64_t tweak, Lane lane, const Block *cw,
             void *out) {
  auto f = lane == Lane::Bit   ? convertLanes<Lane::Bit>
           : lane == Lane::U32 ? convertLanes<Lane::U32>
                               : convertLanes<Lane::U64>;
  f(rk, n, logPer, nodes, nBlocks, tweak, cw, out);
}

} // namespace

const AesKernels *aesVaesKernels() {
  static constexpr AesKernels k{nullptr, encrypt, counter, hash,
                                expand,  descend, convert};
  return &k;
}

} // namespace mpc::crypto

#else
const mpc::crypto::AesKernels *mpc::crypto::aesVaesKernels() { return nullptr; }
#endif

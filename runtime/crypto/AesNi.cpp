//===- runtime/crypto/AesNi.cpp - AES loops with AES-NI -------------------===//
//
// Eight blocks in flight hide the latency of aesenc. Compiled with -maes; only
// reached when the processor has it, so no header with inline library code may
// be used here.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/Aes.h"

#ifdef __AES__
#include <immintrin.h>

namespace mpc::crypto {
namespace {

constexpr size_t kLanes = 8;

inline __m128i load(const Block *p) {
  return _mm_load_si128(reinterpret_cast<const __m128i *>(p));
}
inline void store(Block *p, __m128i v) {
  _mm_store_si128(reinterpret_cast<__m128i *>(p), v);
}

template <size_t N> inline void rounds(const Block *rk, __m128i *x) {
  __m128i k = load(rk);
  for (size_t i = 0; i < N; ++i)
    x[i] = _mm_xor_si128(x[i], k);
  for (int r = 1; r < 10; ++r) {
    k = load(rk + r);
    for (size_t i = 0; i < N; ++i)
      x[i] = _mm_aesenc_si128(x[i], k);
  }
  k = load(rk + 10);
  for (size_t i = 0; i < N; ++i)
    x[i] = _mm_aesenclast_si128(x[i], k);
}

inline __m128i sigma(__m128i x) {
  const __m128i high = _mm_set_epi64x(-1, 0);
  return _mm_xor_si128(_mm_shuffle_epi32(x, 0x4e), _mm_and_si128(x, high));
}

template <int Rcon> inline __m128i nextKey(__m128i k) {
  __m128i t = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(k, Rcon), 0xff);
  k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
  k = _mm_xor_si128(k, _mm_slli_si128(k, 8));
  return _mm_xor_si128(k, t);
}

void expandKey(const uint8_t *key, Block *rk) {
  __m128i k = _mm_loadu_si128(reinterpret_cast<const __m128i *>(key));
  store(rk + 0, k);
  store(rk + 1, k = nextKey<0x01>(k));
  store(rk + 2, k = nextKey<0x02>(k));
  store(rk + 3, k = nextKey<0x04>(k));
  store(rk + 4, k = nextKey<0x08>(k));
  store(rk + 5, k = nextKey<0x10>(k));
  store(rk + 6, k = nextKey<0x20>(k));
  store(rk + 7, k = nextKey<0x40>(k));
  store(rk + 8, k = nextKey<0x80>(k));
  store(rk + 9, k = nextKey<0x1b>(k));
  store(rk + 10, k = nextKey<0x36>(k));
}

/// Calls body<N>(first) over n items, in groups of kLanes and then singly.
template <class Body> inline void inGroups(size_t n, Body body) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    body.template operator()<kLanes>(i);
  for (; i < n; ++i)
    body.template operator()<1>(i);
}

void encrypt(const Block *rk, const Block *in, Block *out, size_t n) {
  inGroups(n, [&]<size_t N>(size_t i) {
    __m128i x[N];
    for (size_t j = 0; j < N; ++j)
      x[j] = load(in + i + j);
    rounds<N>(rk, x);
    for (size_t j = 0; j < N; ++j)
      store(out + i + j, x[j]);
  });
}

void counter(const Block *rk, Block start, void *to, size_t n, uint64_t mask) {
  auto *out = static_cast<__m128i_u *>(to);
  const __m128i m = _mm_set1_epi64x(static_cast<long long>(mask));
  const __m128i one = _mm_set_epi64x(0, 1);
  __m128i c = load(&start);
  inGroups(n, [&]<size_t N>(size_t i) {
    __m128i x[N];
    for (size_t j = 0; j < N; ++j) {
      x[j] = c;
      c = _mm_add_epi64(c, one);
    }
    rounds<N>(rk, x);
    for (size_t j = 0; j < N; ++j)
      _mm_storeu_si128(out + i + j, _mm_and_si128(x[j], m));
  });
}

void hash(const Block *rk, const Block *in, Block *out, size_t n,
          uint64_t tweak) {
  const __m128i t = _mm_set_epi64x(0, static_cast<long long>(tweak));
  inGroups(n, [&]<size_t N>(size_t i) {
    __m128i x[N], y[N];
    for (size_t j = 0; j < N; ++j)
      x[j] = y[j] = _mm_xor_si128(sigma(load(in + i + j)), t);
    rounds<N>(rk, x);
    for (size_t j = 0; j < N; ++j)
      store(out + i + j, _mm_xor_si128(x[j], y[j]));
  });
}

/// All ones where bit 0, the control bit, is set.
inline __m128i controlMask(__m128i x) {
  return _mm_srai_epi32(_mm_slli_epi32(_mm_shuffle_epi32(x, 0), 31), 31);
}

inline __m128i loadAny(const void *p) {
  return _mm_loadu_si128(static_cast<const __m128i *>(p));
}

void expand(const Block *rk, size_t n, unsigned logPer, const Block *parents,
            const uint8_t *cw, Block *children) {
  inGroups(n << logPer, [&]<size_t N>(size_t i) {
    __m128i x[N], y[N];
    for (size_t j = 0; j < N; ++j)
      x[j] = y[j] = sigma(load(parents + i + j));
    rounds<N>(rk, x);
    for (size_t j = 0; j < N; ++j) {
      const __m128i p = load(parents + i + j);
      const __m128i c = _mm_and_si128(
          controlMask(p), loadAny(cw + sizeof(Block) * ((i + j) >> logPer)));
      const __m128i left = _mm_xor_si128(_mm_xor_si128(x[j], y[j]), c);
      store(children + 2 * (i + j), left);
      store(children + 2 * (i + j) + 1, _mm_xor_si128(left, p));
    }
  });
}

template <Lane L> inline __m128i addLanes(__m128i a, __m128i b) {
  if constexpr (L == Lane::Bit)
    return _mm_xor_si128(a, b);
  else if constexpr (L == Lane::U32)
    return _mm_add_epi32(a, b);
  else
    return _mm_add_epi64(a, b);
}

template <Lane L>
void convertLanes(const Block *rk, size_t n, unsigned logPer,
                  const Block *nodes, unsigned nBlocks, uint64_t tweak,
                  const Block *cw, void *to) {
  auto *out = static_cast<uint8_t *>(to);
  for (unsigned b = 0; b < nBlocks; ++b) {
    const __m128i t = _mm_set_epi64x(0, static_cast<long long>(tweak + b));
    inGroups(n << logPer, [&]<size_t N>(size_t i) {
      __m128i x[N], y[N];
      for (size_t j = 0; j < N; ++j)
        x[j] = y[j] = _mm_xor_si128(sigma(load(nodes + i + j)), t);
      rounds<N>(rk, x);
      for (size_t j = 0; j < N; ++j) {
        const __m128i c =
            _mm_and_si128(controlMask(load(nodes + i + j)),
                          load(cw + ((i + j) >> logPer) * nBlocks + b));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(
                             out + sizeof(Block) * ((i + j) * nBlocks + b)),
                         addLanes<L>(_mm_xor_si128(x[j], y[j]), c));
      }
    });
  }
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

const AesKernels *aesNiKernels() {
  static constexpr AesKernels k{expandKey, encrypt, counter, hash,
                                expand,    nullptr, convert};
  return &k;
}

} // namespace mpc::crypto

#else
const mpc::crypto::AesKernels *mpc::crypto::aesNiKernels() { return nullptr; }
#endif

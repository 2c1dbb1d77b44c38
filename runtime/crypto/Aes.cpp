//===- runtime/crypto/Aes.cpp - level choice, portable loops --------------===//
#include "runtime/crypto/Aes.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include <openssl/evp.h>

namespace mpc::crypto {
namespace {

static_assert(std::endian::native == std::endian::little,
              "a Block is the cipher's bytes as they lie in memory");

const AesKernels *kernels(AesLevel level) {
  return level == AesLevel::Vaes ? aesVaesKernels() : aesNiKernels();
}

Block sigma(Block x) { return {x.hi, x.hi ^ x.lo}; }

uint64_t addLanes(uint64_t a, uint64_t b, Lane lane) {
  constexpr uint64_t kLow = 0xffffffff;
  switch (lane) {
  case Lane::Bit:
    return a ^ b;
  case Lane::U32:
    return ((a + b) & kLow) | ((a & ~kLow) + (b & ~kLow));
  case Lane::U64:
    return a + b;
  }
  return 0;
}

/// OpenSSL refuses only when memory is exhausted or its install is broken.
void require(bool ok) {
  if (!ok)
    std::abort();
}

/// Portable loops work through a stack buffer of this many blocks.
constexpr size_t kChunk = 64;

} // namespace

AesLevel bestAesLevel() {
#if defined(__x86_64__)
  static const AesLevel best = [] {
    __builtin_cpu_init();
    bool ni = __builtin_cpu_supports("aes") && aesNiKernels();
    if (ni && aesVaesKernels() && __builtin_cpu_supports("vaes") &&
        __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      return AesLevel::Vaes;
    return ni ? AesLevel::AesNi : AesLevel::Portable;
  }();
  return best;
#else
  return AesLevel::Portable;
#endif
}

std::vector<AesLevel> supportedAesLevels() {
  std::vector<AesLevel> all;
  for (auto l : {AesLevel::Portable, AesLevel::AesNi, AesLevel::Vaes})
    if (l <= bestAesLevel())
      all.push_back(l);
  return all;
}

const char *name(AesLevel level) {
  switch (level) {
  case AesLevel::Portable:
    return "portable";
  case AesLevel::AesNi:
    return "aes-ni";
  case AesLevel::Vaes:
    return "vaes-512";
  }
  return "?";
}

void AesCipher::FreeEvp::operator()(evp_cipher_ctx_st *ctx) const {
  EVP_CIPHER_CTX_free(ctx); // cleanses the key schedule
}

AesCipher::AesCipher(const Key128 &key, AesLevel level)
    : round_{}, level_(std::min(level, bestAesLevel())) {
  if (level_ != AesLevel::Portable) {
    aesNiKernels()->expandKey(key.bytes().data(), round_);
    return;
  }
  evp_.reset(EVP_CIPHER_CTX_new());
  require(evp_ &&
          EVP_EncryptInit_ex(evp_.get(), EVP_aes_128_ecb(), nullptr,
                             key.bytes().data(), nullptr) == 1 &&
          EVP_CIPHER_CTX_set_padding(evp_.get(), 0) == 1);
}

AesCipher::~AesCipher() { core::wipe(round_, sizeof round_); }

void AesCipher::encrypt(const Block *in, Block *out, size_t n) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->encrypt(round_, in, out, n);
  for (size_t i = 0; i < n; i += kChunk) {
    int bytes = static_cast<int>(std::min(kChunk, n - i) * sizeof(Block));
    int written = 0;
    require(EVP_EncryptUpdate(
                evp_.get(), reinterpret_cast<uint8_t *>(out + i), &written,
                reinterpret_cast<const uint8_t *>(in + i), bytes) == 1 &&
            written == bytes);
  }
}

void AesCipher::counter(Block start, void *out, size_t n, uint64_t mask) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->counter(round_, start, out, n, mask);
  Block y[kChunk];
  auto *bytes = static_cast<uint8_t *>(out);
  for (size_t i = 0; i < n; i += kChunk) {
    size_t m = std::min(kChunk, n - i);
    for (size_t j = 0; j < m; ++j)
      y[j] = {start.lo + i + j, start.hi};
    encrypt(y, y, m);
    for (size_t j = 0; j < m; ++j)
      y[j] = {y[j].lo & mask, y[j].hi & mask};
    std::memcpy(bytes + i * sizeof(Block), y, m * sizeof(Block));
  }
  core::wipe(y, sizeof y);
}

void AesCipher::hash(const Block *in, Block *out, size_t n,
                     uint64_t tweak) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->hash(round_, in, out, n, tweak);
  Block y[kChunk];
  for (size_t i = 0; i < n; i += kChunk) {
    size_t m = std::min(kChunk, n - i);
    for (size_t j = 0; j < m; ++j) {
      y[j] = sigma(in[i + j]);
      y[j].lo ^= tweak;
    }
    encrypt(y, out + i, m);
    for (size_t j = 0; j < m; ++j) {
      out[i + j].lo ^= y[j].lo;
      out[i + j].hi ^= y[j].hi;
    }
  }
  core::wipe(y, sizeof y);
}

void AesCipher::expand(size_t n, unsigned logPer, const Block *parents,
                       const uint8_t *cw, Block *children) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->expand(round_, n, logPer, parents, cw, children);
  Block left[kChunk];
  const size_t nodes = n << logPer;
  for (size_t i = 0; i < nodes; i += kChunk) {
    size_t m = std::min(kChunk, nodes - i);
    hash(parents + i, left, m, 0);
    for (size_t j = 0; j < m; ++j) {
      const Block &x = parents[i + j];
      uint64_t on = -(x.lo & 1);
      Block c;
      std::memcpy(&c, cw + sizeof c * ((i + j) >> logPer), sizeof c);
      c = {left[j].lo ^ (on & c.lo), left[j].hi ^ (on & c.hi)};
      children[2 * (i + j)] = c;
      children[2 * (i + j) + 1] = {c.lo ^ x.lo, c.hi ^ x.hi};
    }
  }
  core::wipe(left, sizeof left);
}

void AesCipher::descend(size_t n, const uint64_t *alpha, unsigned bit,
                        Block *node, const Block *delta, uint8_t *cw) const {
  if (level_ != AesLevel::Portable && kernels(level_)->descend)
    return kernels(level_)->descend(round_, n, alpha, bit, node, delta, cw);
  Block h1[kChunk], h2[kChunk];
  for (size_t i = 0; i < n; i += kChunk) {
    const size_t m = std::min(kChunk, n - i);
    for (size_t j = 0; j < m; ++j)
      h2[j] = {node[i + j].lo ^ delta[i + j].lo,
               node[i + j].hi ^ delta[i + j].hi};
    hash(node + i, h1, m, 0);
    hash(h2, h2, m, 0);
    for (size_t j = 0; j < m; ++j) {
      const uint64_t right = -(alpha[i + j] >> bit & 1);
      const Block h = h1[j], d = delta[i + j];
      Block &x = node[i + j];
      const Block c{h.lo ^ h2[j].lo ^ (d.lo & ~right),
                    h.hi ^ h2[j].hi ^ (d.hi & ~right)};
      std::memcpy(cw + sizeof c * (i + j), &c, sizeof c);
      const uint64_t on = -(x.lo & 1);
      x = {h.lo ^ (x.lo & right) ^ (on & c.lo),
           h.hi ^ (x.hi & right) ^ (on & c.hi)};
    }
  }
  core::wipe(h1, sizeof h1);
  core::wipe(h2, sizeof h2);
}

void AesCipher::convert(size_t n, unsigned logPer, const Block *nodes,
                        unsigned nBlocks, uint64_t tweak, Lane lane,
                        const Block *cw, void *out) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->convert(round_, n, logPer, nodes, nBlocks, tweak,
                                    lane, cw, out);
  Block y[kChunk];
  auto *to = static_cast<uint8_t *>(out);
  const size_t total = n << logPer;
  for (size_t i = 0; i < total; i += kChunk) {
    size_t m = std::min(kChunk, total - i);
    for (unsigned b = 0; b < nBlocks; ++b) {
      hash(nodes + i, y, m, tweak + b);
      for (size_t j = 0; j < m; ++j) {
        uint64_t on = -(nodes[i + j].lo & 1);
        const Block &c = cw[((i + j) >> logPer) * nBlocks + b];
        y[j] = {addLanes(y[j].lo, on & c.lo, lane),
                addLanes(y[j].hi, on & c.hi, lane)};
        std::memcpy(to + sizeof(Block) * ((i + j) * nBlocks + b), &y[j],
                    sizeof(Block));
      }
    }
  }
  core::wipe(y, sizeof y);
}

} // namespace mpc::crypto

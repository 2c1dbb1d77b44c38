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

void AesCipher::expand(size_t nElements, size_t n, const Block *parents,
                       size_t parentStride, const Block *cw, Block *children,
                       size_t childStride) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->expand(round_, nElements, n, parents, parentStride,
                                   cw, children, childStride);
  Block side[kChunk];
  for (size_t e = 0; e < nElements; ++e) {
    const Block *from = parents + e * parentStride;
    Block *to = children + e * childStride;
    for (size_t i = 0; i < n; i += kChunk) {
      size_t m = std::min(kChunk, n - i);
      for (uint64_t c = 0; c < 2; ++c) {
        hash(from + i, side, m, c);
        for (size_t j = 0; j < m; ++j) {
          uint64_t on = -(from[i + j].lo & 1);
          to[2 * (i + j) + c] = {side[j].lo ^ (on & cw[2 * e + c].lo),
                                 side[j].hi ^ (on & cw[2 * e + c].hi)};
        }
      }
    }
  }
  core::wipe(side, sizeof side);
}

void AesCipher::convert(const Block *nodes, size_t n, uint64_t tweak, Lane lane,
                        Block cw, Block *out) const {
  if (level_ != AesLevel::Portable)
    return kernels(level_)->convert(round_, nodes, n, tweak, lane, cw, out);
  hash(nodes, out, n, tweak);
  for (size_t i = 0; i < n; ++i) {
    uint64_t on = -(nodes[i].lo & 1);
    out[i].lo = addLanes(out[i].lo, on & cw.lo, lane);
    out[i].hi = addLanes(out[i].hi, on & cw.hi, lane);
  }
}

} // namespace mpc::crypto

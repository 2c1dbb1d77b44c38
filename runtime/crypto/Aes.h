//===- runtime/crypto/Aes.h - AES-128 kernels at three levels -------------===//
//
// The loops that the PRG and the DPF are made of, for VAES-512, AES-NI
// and (portable) OpenSSL. All levels give the same bytes; the best one the
// processor has is chosen at start-up. Internal to runtime/crypto.
//
// The DPF's hash is fixed-key AES in the MMO^sigma form of Guo, Katz, Wang, Yu
// (S&P 2020), with a tweak i and feed-forward:
//   y = sigma(x) ^ i,   H(x, i) = AES_k(y) ^ y,   sigma(hi|lo) = (hi^lo | hi).
// sigma is a linear orthomorphism (x -> sigma(x) ^ x is a permutation too), so
// H(., 0) is circular correlation robust in the model of an ideal permutation;
// sigma being linear, H(x, i) is H(x ^ sigma^-1(i), 0).
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/crypto/Random.h"

struct evp_cipher_ctx_st;

namespace mpc::crypto {

/// One AES block as two little-endian words: byte 0 is the low byte of lo.
struct alignas(16) Block {
  uint64_t lo, hi;
};

/// How a block's 128 bits are cut into words that add without carries between
/// them. Bits add by xor.
enum class Lane : uint8_t { Bit = 1, U32 = 32, U64 = 64 };

enum class AesLevel : uint8_t { Portable, AesNi, Vaes };

/// The best level of this processor.
AesLevel bestAesLevel();
/// All levels of this processor, Portable first.
std::vector<AesLevel> supportedAesLevels();
const char *name(AesLevel level);

/// An expanded key for one level. Not shared between threads.
class AesCipher {
public:
  explicit AesCipher(const Key128 &key, AesLevel level = bestAesLevel());
  AesCipher(AesCipher &&) noexcept = default;
  ~AesCipher();

  AesLevel level() const { return level_; }

  /// out[i] = AES(in[i]), for tests and key checks; in may be out.
  void encrypt(const Block *in, Block *out, size_t n) const;

  /// Counter mode: out[i] = AES(start with lo + i), each 64-bit word & mask.
  /// lo + i must not overflow. `out` needs no alignment.
  void counter(Block start, void *out, size_t n, uint64_t mask) const;

  /// out[i] = H(in[i], tweak). in may be out.
  void hash(const Block *in, Block *out, size_t n, uint64_t tweak) const;

  /// One level of n half-trees (Dpf.h), each of 2^logPer parents, all of them
  /// one after the other: children[2i] = H(parents[i], 0) ^ (t cw[e]) and
  /// children[2i + 1] = children[2i] ^ parents[i], where t is bit 0 of
  /// parents[i].lo (the control bit) and e the parent's tree. cw lies at any
  /// address. No overlap; parents and children have kPad blocks beyond the
  /// last, which may be read and overwritten.
  void expand(size_t n, unsigned logPer, const Block *parents,
              const uint8_t *cw, Block *children) const;

  /// The dealer's step down one level of n half-trees, on the paths to alpha,
  /// whose bit `bit` tells the side: from party 1's node and Delta the level's
  /// correction, to any address, and the next node. Constant time in all but n.
  void descend(size_t n, const uint64_t *alpha, unsigned bit, Block *node,
               const Block *delta, uint8_t *cw) const;

  /// Payloads of n trees of 2^logPer nodes, nBlocks a node: out[i nBlocks + b]
  /// = H(nodes[i], tweak + b), to which cw[e nBlocks + b] is added lane by lane
  /// if bit 0 of nodes[i].lo is set. `out` lies at any address. No overlap;
  /// nodes have kPad blocks beyond the last, which may be read.
  void convert(size_t n, unsigned logPer, const Block *nodes, unsigned nBlocks,
               uint64_t tweak, Lane lane, const Block *cw, void *out) const;

  /// Of AesNi and Vaes, for loops that need more than the above.
  const Block *roundKeys() const { return round_; }

  static constexpr size_t kPad = 8;

private:
  struct FreeEvp {
    void operator()(evp_cipher_ctx_st *ctx) const;
  };

  alignas(64) Block round_[11];
  AesLevel level_;
  std::unique_ptr<evp_cipher_ctx_st, FreeEvp> evp_; ///< Portable only
};

/// The loops of one instruction set; round keys first. Filled by AesNi.cpp and
/// AesVaes.cpp, which are compiled with those instructions enabled.
struct AesKernels {
  void (*expandKey)(const uint8_t *key, Block *round);
  void (*encrypt)(const Block *rk, const Block *in, Block *out, size_t n);
  void (*counter)(const Block *rk, Block start, void *out, size_t n,
                  uint64_t mask);
  void (*hash)(const Block *rk, const Block *in, Block *out, size_t n,
               uint64_t tweak);
  void (*expand)(const Block *rk, size_t n, unsigned logPer,
                 const Block *parents, const uint8_t *cw, Block *children);
  void (*descend)(const Block *rk, size_t n, const uint64_t *alpha,
                  unsigned bit, Block *node, const Block *delta,
                  uint8_t *cw); ///< may be null
  void (*convert)(const Block *rk, size_t n, unsigned logPer,
                  const Block *nodes, unsigned nBlocks, uint64_t tweak,
                  Lane lane, const Block *cw, void *out);
};
/// Null where the build's processor family has no such instructions.
const AesKernels *aesNiKernels();
const AesKernels *aesVaesKernels();

} // namespace mpc::crypto

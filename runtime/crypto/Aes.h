//===- runtime/crypto/Aes.h - AES-128 kernels at three levels -------------===//
//
// The loops that the PRG and the DPF are made of, for VAES-512, AES-NI
// and (portable) OpenSSL. All levels give the same bytes; the best one the
// processor has is chosen at start-up. Internal to runtime/crypto.
//
// The DPF's hash is fixed-key AES in the MMO^sigma form of Guo, Katz, Wang, Yu
// (S&P 2020), with a tweak i and feed-forward:
//   y = sigma(x) ^ i,   H(x, i) = AES_k(y) ^ y,   sigma(hi|lo) = (hi^lo | hi).
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

  /// One level of nElements DPF trees, n parents each: children[2i + c] =
  /// H(parents[i], c), xored with cw[c] if bit 0 of parents[i].lo (the control
  /// bit) is set. Element e's arrays start at e times their stride, cw's
  /// stride being 2. No overlap; parents and children have kPad blocks beyond
  /// the last element's, which may be read and overwritten.
  void expand(size_t nElements, size_t n, const Block *parents,
              size_t parentStride, const Block *cw, Block *children,
              size_t childStride) const;

  /// out[i] = H(nodes[i], tweak), to which cw is added lane by lane if bit 0 of
  /// nodes[i].lo is set. No overlap.
  void convert(const Block *nodes, size_t n, uint64_t tweak, Lane lane,
               Block cw, Block *out) const;

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
  void (*expand)(const Block *rk, size_t nElements, size_t n,
                 const Block *parents, size_t parentStride, const Block *cw,
                 Block *children, size_t childStride);
  void (*convert)(const Block *rk, const Block *nodes, size_t n, uint64_t tweak,
                  Lane lane, Block cw, Block *out);
};
/// Null where the build's processor family has no such instructions.
const AesKernels *aesNiKernels();
const AesKernels *aesVaesKernels();

} // namespace mpc::crypto

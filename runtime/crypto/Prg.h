//===- runtime/crypto/Prg.h - random-access AES-128-CTR generator ---------===//
//
// Masks are not stored: both holders of a pairwise key recompute any element
// of any stream from its address. The 128-bit counter block is
//
//   [ purpose 8 | slot 24 | id 48 | block index 48 ]     (most significant
//   first)
//
// stored as two little-endian words, so streams of different purpose, slot or
// id never meet. Element e of a stream is its 64-bit word e for every ring
// width and every storage type: a mask reduced to k bits is the low k bits of
// the same word, whether it is kept as uint32_t or as uint64_t.
//
//   Prg prg(deriveKey(mine, theirs, "session ..."));
//   prg.words({Purpose::Mask, valueId, 0}, 0, out, ringBits);
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/crypto/Aes.h"
#include "runtime/crypto/Random.h"

namespace mpc::crypto {

/// What a stream is for. Part of the address: append only.
enum class Purpose : uint8_t {
  Mask = 1,
  Dealt,
  DpfRoot,
  BitTable,
  Monomial,
  ZeroShare,
  SubKey,
};

struct PrgAddress {
  Purpose purpose;
  uint64_t id;       ///< op or value, < 2^48
  uint32_t slot = 0; ///< several streams of one op, < 2^24

  static constexpr unsigned kIdBits = 48, kSlotBits = 24, kIndexBits = 48;
  constexpr bool valid() const {
    return purpose >= Purpose::Mask && purpose <= Purpose::SubKey &&
           id >> kIdBits == 0 && slot >> kSlotBits == 0;
  }
};

/// Stateless after construction: one Prg may serve several threads. An address
/// or range outside its field ends the process (it would repeat a mask); a
/// plan's ids are checked with PrgAddress::valid() when it is loaded.
class Prg {
public:
  /// More elements than this have no address: 2^48 blocks of two words.
  static constexpr uint64_t kMaxElements = uint64_t{1} << 49;

  explicit Prg(Key128 key, AesLevel level = bestAesLevel());
  Prg(Prg &&) noexcept = default;

  /// Elements first, first + 1, ... of the stream, whole words.
  void words(PrgAddress at, uint64_t first, std::span<uint64_t> out) const;
  /// The same, each reduced to its low ringBits bits (1..64; 1..32).
  void words(PrgAddress at, uint64_t first, std::span<uint64_t> out,
             unsigned ringBits) const;
  void words(PrgAddress at, uint64_t first, std::span<uint32_t> out,
             unsigned ringBits) const;
  /// nBits bits from bit firstBit on (bit b is bit b % 64 of word b / 64),
  /// packed into ceil(nBits / 64) words; the last one is padded with zeros.
  void bits(PrgAddress at, uint64_t firstBit, uint64_t nBits,
            std::span<uint64_t> out) const;
  /// Whole blocks: block b is elements 2b (lo) and 2b + 1 (hi).
  void blocks(PrgAddress at, uint64_t firstBlock, std::span<Block> out) const;

  /// A key of its own for (id, slot): what one value's owner or client is
  /// handed instead of this generator's key.
  Key128 subKey(uint64_t id, uint32_t slot = 0) const;

private:
  void generate(PrgAddress at, uint64_t first, std::span<uint64_t> out,
                uint64_t mask) const;
  void counter(PrgAddress at, uint64_t firstBlock, void *out, size_t n,
               uint64_t mask) const;

  Key128 key_;
  AesCipher cipher_;
};

/// The key two parties share: SHA-256 over both contributions, in an order both
/// agree on, and a context that names what the key is for (parties, session
/// id, plan hash). The first 128 bits of the digest.
Key128 deriveKey(const Key128 &a, const Key128 &b,
                 std::span<const uint8_t> context);
Key128 deriveKey(const Key128 &a, const Key128 &b, std::string_view context);

} // namespace mpc::crypto

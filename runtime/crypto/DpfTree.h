//===- runtime/crypto/DpfTree.h - DPF layout, key packing, tree walk ------===//
//
// What dealer and evaluator of Dpf.h share, and the evaluator's walk that the
// spline (SplineShare.cpp) fuses with its weights. Internal to runtime/crypto.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstring>

#include "runtime/crypto/Dpf.h"

namespace mpc::crypto {

/// The numbers that follow from DpfParams.
struct DpfShape {
  explicit DpfShape(const DpfParams &p);

  unsigned words, terminate, ringBits;
  unsigned treeDepth;     ///< levels with corrections
  unsigned lanes;         ///< payload words of a node
  Lane lane;              ///< how they lie in blocks
  unsigned blocksPerNode; ///< hashed from a node
  size_t keyBits;

  static constexpr uint64_t kConvertTweak = 2; ///< 0: the tree's

  /// Where the keys of a batch of n have level l's corrections, the payloads.
  size_t levelAt(unsigned l, size_t n) const { return sizeof(Block) * l * n; }
  size_t payloadAt(size_t n) const { return levelAt(treeDepth, n); }

  /// A node has 2^terminate points; word by word, so that a word's points lie
  /// side by side.
  unsigned slots() const { return 1u << terminate; }
  unsigned laneOf(unsigned slot, unsigned word) const {
    return word << terminate | slot;
  }
  /// Lane l of a node's payload: block l * lane / 128, and its place there.
  unsigned blockOf(unsigned l) const { return l * laneBits() / 128; }
  unsigned laneBits() const { return static_cast<unsigned>(lane); }
  uint64_t get(const Block &b, unsigned l) const;
  void put(Block &b, unsigned l, uint64_t value) const; ///< onto zeros
};

/// The fixed key of the tree's hash: the first 128 bits of pi's fraction.
AesCipher dpfCipher(AesLevel level);

/// The node a party starts from: its root with the party's control bit.
inline Block dpfRootNode(Block root, int party) {
  return {(root.lo & ~uint64_t{1}) | static_cast<uint64_t>(party - 1), root.hi};
}

/// Bits in, lowest first. flush() pads the last byte with zeros.
class BitWriter {
public:
  explicit BitWriter(uint8_t *to) : to_(to) {}
  /// `bits` in 1..64, value reduced to them.
  void put(uint64_t value, unsigned bits) {
    acc_ |= value << used_;
    unsigned total = used_ + bits;
    if (total >= 64) {
      std::memcpy(to_, &acc_, 8);
      to_ += 8;
      acc_ = used_ ? value >> (64 - used_) : 0;
      total -= 64;
    }
    used_ = total;
  }
  void flush() {
    std::memcpy(to_, &acc_, (used_ + 7) / 8);
    to_ += (used_ + 7) / 8;
    acc_ = used_ = 0;
  }

private:
  uint8_t *to_;
  uint64_t acc_ = 0;
  unsigned used_ = 0;
};

/// Reads `bits` (1..64) from bit `at`; nine bytes from at / 8 are readable.
inline uint64_t bitsAt(const uint8_t *from, size_t at, unsigned bits) {
  uint64_t low;
  std::memcpy(&low, from + at / 8, 8);
  uint64_t v = low >> (at % 8);
  if (at % 8)
    v |= uint64_t{from[at / 8 + 8]} << (64 - at % 8);
  return v & (~uint64_t{0} >> (64 - bits));
}

/// An evaluator's scratch for up to maxElements keys at once; one per thread.
/// load() some elements, then walk to the 2^levels nodes below a prefix and
/// convert them to blocks of payload words.
class DpfWalk {
public:
  static constexpr unsigned kMaxSubtreeLevels = 10;

  DpfWalk(const DpfParams &p, int party, size_t maxElements,
          unsigned subtreeLevels);

  const DpfShape &shape() const { return shape_; }
  unsigned subtreeLevels() const { return levels_; }
  size_t subtrees() const { return size_t{1} << (shape_.treeDepth - levels_); }

  /// Elements [first, first + count) of a batch of n. The keys are read until
  /// the next call.
  void load(const Block *roots, const uint8_t *keys, size_t n, size_t first,
            size_t count);

  /// Expands subtree `prefix` (public) of all loaded elements.
  void expand(size_t prefix);

  /// All loaded elements' 2^levels nodes, one element after the other, and
  /// payload corrections, for loops that convert on their own.
  const Block *nodes() const { return expanded_; }
  const Block *corrections() const { return payload_.data(); }
  const Block *roundKeys() const { return cipher_.roundKeys(); }

  /// Payload blocks of loaded element e's 2^levels nodes: block b of node i is
  /// at [i * blocksPerNode + b]. Party 2's are to be negated by the caller, and
  /// words to be reduced. Valid until the next call.
  const Block *convert(size_t e);
  size_t nodesPerElement() const { return size_t{1} << levels_; }
  /// The same for all loaded elements, to any address.
  void convertAll(void *out);

private:
  void loadPayload(const uint8_t *from, size_t bytes, size_t first);

  DpfShape shape_;
  AesCipher cipher_;
  int party_;
  size_t maxElements_, count_ = 0;
  unsigned levels_;
  const uint8_t *keys_ = nullptr; ///< level 0's correction of the first loaded
  size_t levelBytes_ = 0;         ///< from one level to the next
  core::SecretVector<Block> start_;    ///< [element]
  core::SecretVector<Block> payload_;  ///< [element][block]
  core::SecretVector<uint64_t> words_; ///< [element][lane], or packed bits
  core::SecretVector<Block> nodes_[2]; ///< [element][node], ping and pong
  core::SecretVector<Block> blocks_;   ///< [node][block] of an element
  const Block *expanded_ = nullptr;
};

} // namespace mpc::crypto

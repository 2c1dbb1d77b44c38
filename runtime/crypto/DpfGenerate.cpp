//===- runtime/crypto/DpfGenerate.cpp - the dealer's part of Dpf.h --------===//
#include <algorithm>
#include <cassert>

#include "runtime/core/Ring.h"
#include "runtime/crypto/DpfTree.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::crypto {
namespace {

/// Keys of a tile of elements. Every choice that depends on alpha, payload or
/// nodes is a mask.
class Generator {
public:
  Generator(const DpfParams &p, size_t tile)
      : p_(p), shape_(p), cipher_(dpfCipher(p.aes)), delta_(tile),
        payload_(tile * (shape_.lane == Lane::Bit ? 2 * shape_.blocksPerNode
                                                  : shape_.lanes)) {
    for (unsigned party : {0, 1}) {
      node_[party].allocate(tile);
      hash_[party].allocate(tile);
    }
  }

  /// Elements [first, first + count) of a batch of n; the arrays are theirs,
  /// but for out, the keys of all.
  void run(size_t n, size_t first, size_t count, const uint64_t *alpha,
           const uint64_t *payload, const Block *roots1, const Block *roots2,
           uint8_t *out) {
    for (size_t e = 0; e < count; ++e) {
      node_[0][e] = dpfRootNode(roots1[e], 1);
      node_[1][e] = dpfRootNode(roots2[e], 2);
      delta_[e] = {node_[0][e].lo ^ node_[1][e].lo,
                   node_[0][e].hi ^ node_[1][e].hi};
    }
    for (unsigned level = 0; level < shape_.treeDepth; ++level)
      cipher_.descend(count, alpha, p_.depth - 1 - level, node_[0].data(),
                      delta_.data(),
                      out + shape_.levelAt(level, n) + sizeof(Block) * first);
    for (size_t e = 0; e < count; ++e)
      node_[1][e] = {node_[0][e].lo ^ delta_[e].lo,
                     node_[0][e].hi ^ delta_[e].hi};
    uint8_t *to = out + shape_.payloadAt(n);
    // Tiles hold multiples of 64 words and so begin at whole bytes.
    to += core::packedBytes(first * shape_.lanes, shape_.ringBits);
    if (shape_.lane == Lane::Bit) {
      correctBits(count, alpha, payload);
      writeBits(count, to);
    } else {
      correctWords(count, alpha, payload);
      kernels::packBits(payload_.data(), count * shape_.lanes, shape_.ringBits,
                        to);
    }
  }

private:
  void hashBoth(size_t count, uint64_t tweak) {
    for (unsigned party : {0, 1})
      cipher_.hash(node_[party].data(), hash_[party].data(), count, tweak);
  }

  /// (-1)^(t1 = 0) (payload - word1 + word2), in the slot of alpha's low bits;
  /// 0 - word1 + word2 in the others.
  void correctWords(size_t count, const uint64_t *alpha,
                    const uint64_t *payload) {
    for (unsigned b = 0; b < shape_.blocksPerNode; ++b) {
      hashBoth(count, DpfShape::kConvertTweak + b);
      if (shape_.lane == Lane::U64)
        correctBlock<2>(b, count, alpha, payload);
      else
        correctBlock<4>(b, count, alpha, payload);
    }
  }

  /// A block of kLanes words.
  template <unsigned kLanes>
  void correctBlock(unsigned b, size_t count, const uint64_t *alpha,
                    const uint64_t *payload) {
    const uint64_t slotMask = shape_.slots() - 1;
    const unsigned first = b * kLanes;
    const unsigned lanes = std::min(kLanes, shape_.lanes - first);
    for (size_t e = 0; e < count; ++e) {
      const Block h1 = hash_[0][e], h2 = hash_[1][e];
      const uint64_t negate = (node_[0][e].lo & 1) - 1;
      const uint64_t at = alpha[e] & slotMask;
      const uint64_t *words = payload + e * p_.words;
      uint64_t *out = payload_.data() + e * shape_.lanes + first;
      for (unsigned i = 0; i < lanes; ++i) {
        const unsigned shift = 128 / kLanes * i % 64;
        const bool high = i >= kLanes / 2;
        const uint64_t off = ((first + i) & slotMask) ^ at;
        const uint64_t here = -((off - 1) >> 63);
        const uint64_t value = (words[(first + i) >> p_.terminate] & here) -
                               ((high ? h1.hi : h1.lo) >> shift) +
                               ((high ? h2.hi : h2.lo) >> shift);
        out[i] = (value ^ negate) - negate; // packing reduces
      }
    }
  }

  /// The same modulo 2, where signs do not matter: [element][64 lanes].
  void correctBits(size_t count, const uint64_t *alpha,
                   const uint64_t *payload) {
    const uint64_t slotMask = shape_.slots() - 1;
    const size_t halves = 2 * shape_.blocksPerNode;
    for (size_t half = 0; half < halves; ++half) {
      if (half % 2 == 0)
        hashBoth(count, DpfShape::kConvertTweak + half / 2);
      for (size_t e = 0; e < count; ++e) {
        uint64_t bits = half % 2 ? hash_[0][e].hi ^ hash_[1][e].hi
                                 : hash_[0][e].lo ^ hash_[1][e].lo;
        for (unsigned j = 0; j < p_.words; ++j) {
          const uint64_t lane = (alpha[e] & slotMask) | j << p_.terminate;
          const uint64_t here = ((lane / 64 ^ half) - 1) >> 63;
          bits ^= (payload[e * p_.words + j] & here) << (lane % 64);
        }
        payload_[e * halves + half] = bits;
      }
    }
  }

  void writeBits(size_t count, uint8_t *out) const {
    BitWriter bits(out);
    const size_t halves = 2 * shape_.blocksPerNode;
    for (size_t e = 0; e < count; ++e)
      for (unsigned l = 0; l < shape_.lanes; l += 64) {
        const unsigned here = std::min(64u, shape_.lanes - l);
        bits.put(core::reduce(payload_[e * halves + l / 64], here), here);
      }
    bits.flush();
  }

  DpfParams p_;
  DpfShape shape_;
  AesCipher cipher_;
  core::SecretVector<Block> node_[2];    ///< [party][element]
  core::SecretVector<Block> hash_[2];    ///< [party][element]
  core::SecretVector<Block> delta_;      ///< [element]
  core::SecretVector<uint64_t> payload_; ///< [element][lane]
};

} // namespace

void dpfGenerate(const DpfParams &p, size_t n, const uint64_t *alpha,
                 const uint64_t *payload, const Block *roots1,
                 const Block *roots2, uint8_t *out, kernels::ThreadPool &pool) {
  assert(validate(p));
  const DpfShape shape(p);
  // Whole groups of 64 words, so that tiles are packed independently.
  const size_t tile = shape.lanes <= 32 ? 64 : 8;
  const size_t nTiles = (n + tile - 1) / tile;
  pool.parallelFor(nTiles, 8, [&](size_t begin, size_t end) {
    Generator generator(p, tile);
    for (size_t t = begin; t < end; ++t) {
      const size_t e = t * tile;
      generator.run(n, e, std::min(tile, n - e), alpha + e,
                    payload + e * p.words, roots1 + e, roots2 + e, out);
    }
  });
}

} // namespace mpc::crypto

//===- runtime/crypto/Dpf.cpp - key generation and the eval forms ---------===//
#include "runtime/crypto/Dpf.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <string>

#include "runtime/core/Ring.h"
#include "runtime/crypto/DpfUnpack.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::crypto {
namespace {

constexpr unsigned kMaxBlocksPerNode = 8;
constexpr size_t kPieceWords = size_t{1} << 14; ///< of a visitor's span
constexpr size_t kTileNodes = 512;              ///< stays in the L1 cache

//===----------------------------------------------------------------------===//
// Dealer
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Evaluator
//===----------------------------------------------------------------------===//

/// How a range of leaves is cut into subtrees and a batch into tiles.
struct Tiling {
  Tiling(const DpfParams &p, size_t n, uint64_t firstLeaf, uint64_t nLeaves,
         size_t pieceWords = kPieceWords)
      : shape(p), leafShift(0) {
    assert(validate(p) && nLeaves > 0 && nLeaves <= p.points() &&
           firstLeaf <= p.points() - nLeaves);
    unsigned wordLevels = core::ceilLog2(pieceWords / shape.lanes + 1) - 1;
    levels = std::min({shape.treeDepth, DpfWalk::kMaxSubtreeLevels,
                       std::max(wordLevels, 1u)});
    leafShift = levels + p.terminate;
    firstSubtree = firstLeaf >> leafShift;
    nSubtrees = ((firstLeaf + nLeaves - 1) >> leafShift) - firstSubtree + 1;
    tile = nSubtrees > 1 ? 1 : std::clamp<size_t>(kTileNodes >> levels, 1, 64);
    nTiles = (n + tile - 1) / tile;
  }

  /// A few tiles a chunk: each chunk sets up its own scratch.
  size_t grain(size_t subtrees = 1) const {
    return std::max<size_t>(1,
                            (size_t{1} << 14) / ((tile << levels) * subtrees));
  }

  DpfShape shape;
  unsigned levels, leafShift;
  size_t firstSubtree, nSubtrees, tile, nTiles;
};

/// For each (tile, subtree) in parallel, or with wholeElements each tile's
/// subtrees in order: body(element, firstLeaf of subtree, walk, slot, scratch
/// of scratchWords words).
template <class Body>
void overTree(const DpfParams &p, int party, size_t n, const Block *roots,
              const uint8_t *keys, const Tiling &t, bool wholeElements,
              size_t scratchWords, kernels::ThreadPool &pool,
              const Body &body) {
  const size_t inner = wholeElements ? 1 : t.nSubtrees;
  pool.parallelFor(
      t.nTiles * inner, t.grain(t.nSubtrees / inner),
      [&](size_t begin, size_t end) {
        DpfWalk walk(p, party, t.tile, t.levels);
        core::SecretVector<uint64_t> scratch(scratchWords);
        std::optional<size_t> loaded;
        for (size_t item = begin; item < end; ++item) {
          const size_t first = item / inner * t.tile;
          const size_t count = std::min(t.tile, n - first);
          if (loaded != first) {
            walk.load(roots, keys, n, first, count);
            loaded = first;
          }
          const size_t from = wholeElements ? 0 : item % inner;
          const size_t until = wholeElements ? t.nSubtrees : from + 1;
          for (size_t s = from; s < until; ++s) {
            walk.expand(t.firstSubtree + s);
            for (size_t e = 0; e < count; ++e)
              body(first + e, uint64_t{t.firstSubtree + s} << t.leafShift, walk,
                   e, scratch.span());
          }
        }
      });
}

} // namespace

Status validate(const DpfParams &p) {
  auto bad = [](const char *what, unsigned got, const char *want) {
    return Error{std::string("DPF ") + what + " is " + std::to_string(got) +
                 ", expected " + want};
  };
  if (p.depth > DpfParams::kMaxDepth)
    return bad("depth", p.depth, "at most 20");
  if (p.words < 1 || p.words > DpfParams::kMaxWords)
    return bad("word count", p.words, "1 to 8");
  if (!core::isRingWidth(p.ringBits))
    return bad("ring", p.ringBits, "1 to 64 bits");
  if (p.terminate > p.depth || p.terminate > 10)
    return bad("early termination", p.terminate, "at most the depth and 10");
  if (DpfShape(p).blocksPerNode > kMaxBlocksPerNode)
    return bad("early termination", p.terminate,
               "a payload of at most 1024 bits");
  return {};
}

size_t dpfKeyBits(const DpfParams &p) { return DpfShape(p).keyBits; }

size_t dpfKeyBytes(const DpfParams &p, size_t n) {
  size_t bits = dpfKeyBits(p);
  return n / 8 * bits + (n % 8 * bits + 7) / 8;
}

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

void dpfVisit(const DpfParams &p, int party, size_t n, const Block *roots,
              const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
              kernels::ThreadPool &pool, const DpfVisitor &visit) {
  if (n == 0 || nLeaves == 0)
    return;
  const Tiling t(p, n, firstLeaf, nLeaves);
  const uint64_t inSubtree = uint64_t{1} << t.leafShift;
  const DpfUnpacker unpack(t.shape, party, p.aes);
  overTree(
      p, party, n, roots, keys, t, false, inSubtree * p.words, pool,
      [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
          std::span<uint64_t> piece) {
        unpack(walk.convert(e), walk.nodesPerElement(), piece.data());
        uint64_t from = std::max(leaf, firstLeaf);
        uint64_t until = std::min(leaf + inSubtree, firstLeaf + nLeaves);
        visit(element, from,
              piece.subspan((from - leaf) * p.words, (until - from) * p.words));
      });
}

void dpfEvalRange(const DpfParams &p, int party, size_t n, const Block *roots,
                  const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
                  uint64_t *leaves, kernels::ThreadPool &pool) {
  if (n == 0 || nLeaves == 0)
    return;
  const Tiling t(p, n, firstLeaf, nLeaves);
  const uint64_t inSubtree = uint64_t{1} << t.leafShift;
  const DpfUnpacker unpack(t.shape, party, p.aes);
  overTree(p, party, n, roots, keys, t, false, inSubtree * p.words, pool,
           [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
               std::span<uint64_t> piece) {
             const Block *blocks = walk.convert(e);
             const size_t nodes = walk.nodesPerElement();
             uint64_t from = std::max(leaf, firstLeaf);
             uint64_t until = std::min(leaf + inSubtree, firstLeaf + nLeaves);
             uint64_t *to =
                 leaves + (element * nLeaves + from - firstLeaf) * p.words;
             if (until - from == inSubtree)
               return unpack(blocks, nodes, to);
             unpack(blocks, nodes, piece.data());
             std::copy_n(piece.data() + (from - leaf) * p.words,
                         (until - from) * p.words, to);
           });
}

void dpfEvalFull(const DpfParams &p, int party, size_t n, const Block *roots,
                 const uint8_t *keys, uint64_t *leaves,
                 kernels::ThreadPool &pool) {
  dpfEvalRange(p, party, n, roots, keys, 0, p.points(), leaves, pool);
}

void dpfEvalBits(const DpfParams &p, int party, size_t n, const Block *roots,
                 const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
                 uint64_t *packed, kernels::ThreadPool &pool) {
  assert(p.ringBits == 1);
  if (n == 0 || nLeaves == 0)
    return;
  const Tiling t(p, n, firstLeaf, nLeaves, SIZE_MAX - 1);
  const uint64_t firstBit = firstLeaf * p.words;
  const uint64_t endBit = firstBit + nLeaves * p.words;
  const size_t rowWords = (nLeaves * p.words + 63) / 64;
  if (p.words == 1 && t.levels == t.shape.treeDepth && nLeaves == p.points() &&
      t.shape.lanes % 128 == 0) {
    // Whole blocks of bits in order: straight to their rows.
    pool.parallelFor(t.nTiles, t.grain(), [&](size_t begin, size_t end) {
      DpfWalk walk(p, party, t.tile, t.levels);
      for (size_t i = begin; i < end; ++i) {
        const size_t first = i * t.tile;
        walk.load(roots, keys, n, first, std::min(t.tile, n - first));
        walk.expand(0);
        walk.convertAll(packed + first * rowWords);
      }
    });
    return;
  }
  std::fill_n(packed, n * rowWords, 0);
  overTree(p, party, n, roots, keys, t, true, 0, pool,
           [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
               std::span<uint64_t>) {
             const Block *blocks = walk.convert(e);
             const DpfShape &shape = walk.shape();
             uint64_t *row = packed + element * rowWords;
             auto deposit = [&](uint64_t bits, uint64_t at, unsigned count) {
               uint64_t end = at + count;
               if (at < firstBit) { // the range begins inside or after
                 if (end <= firstBit)
                   return;
                 bits >>= firstBit - at;
                 at = firstBit;
               }
               end = std::min(end, endBit);
               if (at >= end)
                 return;
               bits = core::reduce(bits, static_cast<unsigned>(end - at));
               uint64_t to = at - firstBit;
               row[to / 64] |= bits << (to % 64);
               if (to % 64 + (end - at) > 64)
                 row[to / 64 + 1] |= bits >> (64 - to % 64);
             };
             for (size_t i = 0; i < walk.nodesPerElement(); ++i) {
               const Block *b = blocks + i * shape.blocksPerNode;
               const uint64_t at = leaf * p.words + i * shape.lanes;
               if (p.words == 1) {
                 for (unsigned l = 0; l < shape.lanes; l += 64)
                   deposit(l % 128 ? b[l / 128].hi : b[l / 128].lo, at + l,
                           std::min(64u, shape.lanes - l));
                 continue;
               }
               for (unsigned slot = 0; slot < shape.slots(); ++slot)
                 for (unsigned word = 0; word < p.words; ++word) {
                   const unsigned l = shape.laneOf(slot, word);
                   deposit(shape.get(b[l / 128], l), at + slot * p.words + word,
                           1);
                 }
             }
           });
}

void dpfWeightedSum(const DpfParams &p, int party, size_t n, const Block *roots,
                    const uint8_t *keys, uint64_t *acc,
                    kernels::ThreadPool &pool, const DpfWeights &weights) {
  if (n == 0)
    return;
  const Tiling t(p, n, 0, p.points());
  const size_t inSubtree = size_t{1} << t.leafShift;
  std::fill_n(acc, n, 0);
  const size_t nWords = inSubtree * p.words;
  const DpfUnpacker unpack(t.shape, party, p.aes);
  overTree(p, party, n, roots, keys, t, true, 2 * nWords, pool,
           [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
               std::span<uint64_t> scratch) {
             auto words = scratch.first(nWords), w = scratch.subspan(nWords);
             unpack(walk.convert(e), walk.nodesPerElement(), words.data());
             weights(element, leaf, inSubtree, w.data());
             uint64_t sum = acc[element];
             for (size_t i = 0; i < words.size(); ++i)
               sum += words[i] * w[i];
             acc[element] = core::reduce(sum, p.ringBits);
           });
}

} // namespace mpc::crypto

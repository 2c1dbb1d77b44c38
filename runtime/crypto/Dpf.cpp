//===- runtime/crypto/Dpf.cpp - parameters and the eval forms -------------===//
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

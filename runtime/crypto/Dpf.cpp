//===- runtime/crypto/Dpf.cpp - key generation and the eval forms ---------===//
#include "runtime/crypto/Dpf.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string>

#include "runtime/core/Ring.h"
#include "runtime/crypto/DpfTree.h"
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
      : p_(p), shape_(p), cipher_(dpfCipher(p.aes)), tile_(tile),
        corrections_(2 * tile * std::max(shape_.treeDepth, 1u)),
        payload_(tile * shape_.lanes) {
    for (auto &v : node_)
      v.allocate(tile);
    for (auto &v : child_)
      v.allocate(tile);
  }

  void run(size_t n, const uint64_t *alpha, const uint64_t *payload,
           const Block *roots1, const Block *roots2, uint8_t *out) {
    for (size_t e = 0; e < n; ++e) {
      node_[0][e] = dpfRootNode(roots1[e], 1);
      node_[1][e] = dpfRootNode(roots2[e], 2);
    }
    for (unsigned level = 0; level < shape_.treeDepth; ++level)
      descend(level, n, alpha);
    correctPayload(n, alpha, payload);
    write(n, out);
  }

private:
  /// One level: correction words, and both parties' nodes on alpha's path.
  void descend(unsigned level, size_t n, const uint64_t *alpha) {
    for (unsigned party = 0; party < 2; ++party)
      for (unsigned c = 0; c < 2; ++c)
        cipher_.hash(node_[party].data(), child_[2 * party + c].data(), n, c);
    Block *cw = &corrections_[2 * tile_ * level];
    for (size_t e = 0; e < n; ++e) {
      const uint64_t bit = alpha[e] >> (p_.depth - 1 - level) & 1;
      const uint64_t right = -bit; // keep right, lose left
      const Block l1 = child_[0][e], r1 = child_[1][e];
      const Block l2 = child_[2][e], r2 = child_[3][e];
      // Off the path both parties' seeds become equal, control bits too; on it
      // the control bits differ.
      const uint64_t lo =
          select(right, l1.lo ^ l2.lo, r1.lo ^ r2.lo) & ~uint64_t{1};
      const uint64_t hi = select(right, l1.hi ^ l2.hi, r1.hi ^ r2.hi);
      const Block left{lo | (((l1.lo ^ l2.lo) & 1) ^ bit ^ 1), hi};
      const Block rightCw{lo | (((r1.lo ^ r2.lo) & 1) ^ bit), hi};
      const Block keep{select(right, rightCw.lo, left.lo), hi};
      cw[2 * e] = left;
      cw[2 * e + 1] = rightCw;
      const uint64_t on1 = -(node_[0][e].lo & 1), on2 = -(node_[1][e].lo & 1);
      node_[0][e] = {select(right, r1.lo, l1.lo) ^ (on1 & keep.lo),
                     select(right, r1.hi, l1.hi) ^ (on1 & keep.hi)};
      node_[1][e] = {select(right, r2.lo, l2.lo) ^ (on2 & keep.lo),
                     select(right, r2.hi, l2.hi) ^ (on2 & keep.hi)};
    }
  }

  /// (-1)^(t1 = 0) (payload - word1 + word2), in the slot of alpha's low bits;
  /// 0 - word1 + word2 in the others.
  void correctPayload(size_t n, const uint64_t *alpha,
                      const uint64_t *payload) {
    const uint64_t slotMask = (uint64_t{1} << p_.terminate) - 1;
    for (unsigned l = 0; l < shape_.lanes; ++l) {
      if (l * shape_.laneBits() % 128 == 0)
        for (unsigned party = 0; party < 2; ++party)
          cipher_.hash(node_[party].data(), child_[party].data(), n,
                       DpfShape::kConvertTweak + shape_.blockOf(l));
      const uint64_t slot = l / p_.words;
      const unsigned word = l % p_.words;
      for (size_t e = 0; e < n; ++e) {
        const uint64_t off = slot ^ (alpha[e] & slotMask);
        const uint64_t here = -((off - 1) >> 63);
        const uint64_t value = (payload[e * p_.words + word] & here) -
                               shape_.get(child_[0][e], l) +
                               shape_.get(child_[1][e], l);
        const uint64_t negate = (node_[0][e].lo & 1) - 1;
        payload_[e * shape_.lanes + l] =
            core::reduce((value ^ negate) - negate, shape_.ringBits);
      }
    }
  }

  void write(size_t n, uint8_t *out) const {
    BitWriter bits(out);
    for (size_t e = 0; e < n; ++e) {
      for (unsigned level = 0; level < shape_.treeDepth; ++level) {
        const Block *cw = &corrections_[2 * (tile_ * level + e)];
        bits.put(cw[0].lo & ~uint64_t{1}, 64);
        bits.put(cw[0].hi, 64);
        bits.put((cw[0].lo & 1) | (cw[1].lo & 1) << 1, 2);
      }
      for (unsigned l = 0; l < shape_.lanes; ++l)
        bits.put(payload_[e * shape_.lanes + l], shape_.ringBits);
    }
    bits.flush();
  }

  static uint64_t select(uint64_t mask, uint64_t ifSet, uint64_t ifClear) {
    return ifClear ^ (mask & (ifSet ^ ifClear));
  }

  DpfParams p_;
  DpfShape shape_;
  AesCipher cipher_;
  size_t tile_;
  core::SecretVector<Block> node_[2];     ///< [party][element]
  core::SecretVector<Block> child_[4];    ///< [2 party + side][element]
  core::SecretVector<Block> corrections_; ///< [level][element][side]
  core::SecretVector<uint64_t> payload_;  ///< [element][lane]
};

//===----------------------------------------------------------------------===//
// Evaluator
//===----------------------------------------------------------------------===//

/// How a range of leaves is cut into subtrees and a batch into tiles.
struct Tiling {
  Tiling(const DpfParams &p, size_t n, uint64_t firstLeaf, uint64_t nLeaves)
      : shape(p), leafShift(0) {
    assert(validate(p) && nLeaves > 0 && nLeaves <= p.points() &&
           firstLeaf <= p.points() - nLeaves);
    unsigned wordLevels = core::ceilLog2(kPieceWords / shape.lanes + 1) - 1;
    levels = std::min({shape.treeDepth, DpfWalk::kMaxSubtreeLevels,
                       std::max(wordLevels, 1u)});
    leafShift = levels + p.terminate;
    firstSubtree = firstLeaf >> leafShift;
    nSubtrees = ((firstLeaf + nLeaves - 1) >> leafShift) - firstSubtree + 1;
    tile = nSubtrees > 1 ? 1 : std::clamp<size_t>(kTileNodes >> levels, 1, 64);
    nTiles = (n + tile - 1) / tile;
  }

  DpfShape shape;
  unsigned levels, leafShift;
  size_t firstSubtree, nSubtrees, tile, nTiles;
};

/// All words of loaded element e's current subtree, reduced and signed.
void unpack(DpfWalk &walk, size_t e, int party, uint64_t *out) {
  const DpfShape &shape = walk.shape();
  const Block *blocks = walk.convert(e);
  const uint64_t negate = party == 2 ? ~uint64_t{0} : 0;
  const uint64_t mask = core::ringMask(shape.ringBits);
  for (unsigned l = 0; l < shape.lanes; ++l) {
    const Block *from = blocks + shape.blockOf(l) * walk.stride();
    const unsigned bit = l * shape.laneBits() % 128;
    for (size_t i = 0; i < walk.stride(); ++i) {
      uint64_t v = (bit < 64 ? from[i].lo : from[i].hi) >> (bit % 64);
      out[i * shape.lanes + l] = ((v ^ negate) - negate) & mask;
    }
  }
}

/// For each (tile, subtree) in parallel, or with wholeElements each tile's
/// subtrees in order: body(element, firstLeaf of subtree, walk, slot, scratch
/// of scratchWords words).
template <class Body>
void overTree(const DpfParams &p, int party, size_t n, const Block *roots,
              const uint8_t *keys, const Tiling &t, bool wholeElements,
              size_t scratchWords, kernels::ThreadPool &pool,
              const Body &body) {
  const size_t inner = wholeElements ? 1 : t.nSubtrees;
  // A few tiles a chunk: each chunk sets up its own scratch.
  const size_t leavesPerItem = (t.tile << t.levels) * (t.nSubtrees / inner);
  const size_t grain = std::max<size_t>(1, (size_t{1} << 14) / leavesPerItem);
  pool.parallelFor(t.nTiles * inner, grain, [&](size_t begin, size_t end) {
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
          body(first + e, uint64_t{t.firstSubtree + s} << t.leafShift, walk, e,
               scratch.span());
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

unsigned dpfBestTermination(unsigned depth, unsigned words, unsigned ringBits) {
  DpfParams best{depth, words, ringBits, 0};
  for (DpfParams p = best; ++p.terminate, validate(p);)
    if (dpfKeyBits(p) < dpfKeyBits(best))
      best = p;
  return best.terminate;
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
  // Multiples of eight elements start at whole bytes.
  const size_t tile = shape.lanes <= 32 ? 64 : 8;
  const size_t nTiles = (n + tile - 1) / tile;
  pool.parallelFor(nTiles, 8, [&](size_t begin, size_t end) {
    Generator generator(p, tile);
    for (size_t t = begin; t < end; ++t) {
      const size_t e = t * tile;
      generator.run(std::min(tile, n - e), alpha + e, payload + e * p.words,
                    roots1 + e, roots2 + e, out + e / 8 * shape.keyBits);
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
  overTree(
      p, party, n, roots, keys, t, false, inSubtree * p.words, pool,
      [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
          std::span<uint64_t> piece) {
        unpack(walk, e, party, piece.data());
        uint64_t from = std::max(leaf, firstLeaf);
        uint64_t until = std::min(leaf + inSubtree, firstLeaf + nLeaves);
        visit(element, from,
              piece.subspan((from - leaf) * p.words, (until - from) * p.words));
      });
}

void dpfEvalRange(const DpfParams &p, int party, size_t n, const Block *roots,
                  const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
                  uint64_t *leaves, kernels::ThreadPool &pool) {
  dpfVisit(p, party, n, roots, keys, firstLeaf, nLeaves, pool,
           [&](size_t e, uint64_t leaf, std::span<const uint64_t> words) {
             std::copy(words.begin(), words.end(),
                       leaves + (e * nLeaves + leaf - firstLeaf) * p.words);
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
  const Tiling t(p, n, firstLeaf, nLeaves);
  const uint64_t firstBit = firstLeaf * p.words;
  const uint64_t endBit = firstBit + nLeaves * p.words;
  const size_t rowWords = (nLeaves * p.words + 63) / 64;
  std::fill_n(packed, n * rowWords, 0);
  overTree(p, party, n, roots, keys, t, true, 0, pool,
           [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
               std::span<uint64_t>) {
             const Block *blocks = walk.convert(e);
             uint64_t *row = packed + element * rowWords;
             for (size_t i = 0; i < walk.stride(); ++i)
               for (unsigned l = 0; l < t.shape.lanes; l += 64) {
                 const Block &b =
                     blocks[t.shape.blockOf(l) * walk.stride() + i];
                 uint64_t bits = l % 128 ? b.hi : b.lo;
                 uint64_t at = leaf * p.words + i * t.shape.lanes + l;
                 uint64_t end = at + std::min(64u, t.shape.lanes - l);
                 if (at < firstBit) { // the range begins inside or after
                   if (end <= firstBit)
                     continue;
                   bits >>= firstBit - at;
                   at = firstBit;
                 }
                 end = std::min(end, endBit);
                 if (at >= end)
                   continue;
                 bits = core::reduce(bits, static_cast<unsigned>(end - at));
                 uint64_t to = at - firstBit;
                 row[to / 64] |= bits << (to % 64);
                 if (to % 64 + (end - at) > 64)
                   row[to / 64 + 1] |= bits >> (64 - to % 64);
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
  overTree(p, party, n, roots, keys, t, true, 2 * nWords, pool,
           [&](size_t element, uint64_t leaf, DpfWalk &walk, size_t e,
               std::span<uint64_t> scratch) {
             auto words = scratch.first(nWords), w = scratch.subspan(nWords);
             unpack(walk, e, party, words.data());
             weights(element, leaf, inSubtree, w.data());
             uint64_t sum = acc[element];
             for (size_t i = 0; i < words.size(); ++i)
               sum += words[i] * w[i];
             acc[element] = core::reduce(sum, p.ringBits);
           });
}

} // namespace mpc::crypto

//===- runtime/crypto/DpfTree.cpp -----------------------------------------===//
#include "runtime/crypto/DpfTree.h"

#include <algorithm>
#include <cassert>

#include "runtime/core/DpfKey.h"
#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"

namespace mpc::crypto {
namespace {

Lane laneWidth(unsigned ringBits) {
  return ringBits == 1 ? Lane::Bit : ringBits <= 32 ? Lane::U32 : Lane::U64;
}

} // namespace

DpfShape::DpfShape(const DpfParams &p)
    : words(p.words), terminate(p.terminate), ringBits(p.ringBits),
      treeDepth(p.depth - p.terminate), lanes(p.words << p.terminate),
      lane(laneWidth(p.ringBits)),
      blocksPerNode((lanes * laneBits() + 127) / 128),
      keyBits(core::dpfKeyBits(p.depth, p.words, p.ringBits, p.terminate)) {}

uint64_t DpfShape::get(const Block &b, unsigned l) const {
  unsigned bit = l * laneBits() % 128;
  uint64_t half = bit < 64 ? b.lo : b.hi;
  return core::reduce(half >> (bit % 64), ringBits);
}

void DpfShape::put(Block &b, unsigned l, uint64_t value) const {
  unsigned bit = l * laneBits() % 128;
  (bit < 64 ? b.lo : b.hi) |= value << (bit % 64);
}

AesCipher dpfCipher(AesLevel level) {
  static constexpr uint8_t kPi[16] = {0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3,
                                      0x08, 0xd3, 0x13, 0x19, 0x8a, 0x2e,
                                      0x03, 0x70, 0x73, 0x44};
  return AesCipher(Key128(kPi), level);
}

DpfWalk::DpfWalk(const DpfParams &p, int party, size_t maxElements,
                 unsigned subtreeLevels)
    : shape_(p), cipher_(dpfCipher(p.aes)), party_(party),
      maxElements_(maxElements),
      levels_(std::min(subtreeLevels, shape_.treeDepth)),
      start_(maxElements + AesCipher::kPad),
      payload_(maxElements * shape_.blocksPerNode),
      // Seven lanes of the element before, a word to read beyond the last.
      words_(maxElements * shape_.lanes + 9),
      blocks_(nodesPerElement() * shape_.blocksPerNode + AesCipher::kPad) {
  assert(party == 1 || party == 2);
  for (auto &v : nodes_)
    v = core::SecretVector<Block>::zeros(maxElements * nodesPerElement() +
                                         2 * AesCipher::kPad);
}

void DpfWalk::load(const Block *roots, const uint8_t *keys, size_t n,
                   size_t first, size_t count) {
  assert(count <= maxElements_ && first + count <= n);
  count_ = count;
  keys_ = keys + sizeof(Block) * first;
  levelBytes_ = shape_.levelAt(1, n);
  for (size_t e = 0; e < count; ++e)
    start_[e] = dpfRootNode(roots[first + e], party_);
  loadPayload(keys + shape_.payloadAt(n),
              core::packedBytes(n * shape_.lanes, shape_.ringBits), first);
}

/// From the packed payloads of all elements, `bytes` in all.
void DpfWalk::loadPayload(const uint8_t *from, size_t bytes, size_t first) {
  const size_t lanes = shape_.lanes, perNode = shape_.blocksPerNode;
  if (shape_.lane == Lane::Bit) {
    const size_t at = first * lanes;
    const size_t until = std::min(bytes, (at + count_ * lanes + 7) / 8);
    if (lanes % 128 == 0) {
      std::memcpy(payload_.data(), from + at / 8, until - at / 8);
      return;
    }
    std::memcpy(words_.data(), from + at / 8, until - at / 8);
    const auto *packed = reinterpret_cast<const uint8_t *>(words_.data());
    for (size_t e = 0, bit = at % 8; e < count_; ++e, bit += lanes)
      for (size_t l = 0; l < 128 * perNode; l += 64) {
        uint64_t v = 0;
        if (l < lanes)
          v = bitsAt(packed, bit + l,
                     static_cast<unsigned>(std::min<size_t>(64, lanes - l)));
        Block &b = payload_[e * perNode + l / 128];
        (l % 128 ? b.hi : b.lo) = v;
      }
    return;
  }
  // Eight words begin at a whole byte.
  const size_t skip = first * lanes % 8;
  kernels::unpackBits(from + (first * lanes - skip) / 8 * shape_.ringBits,
                      skip + count_ * lanes, shape_.ringBits, words_.data());
  const uint64_t *word = words_.data() + skip;
  const size_t laneWords = 128 / shape_.laneBits();
  if (laneWords == 2 && lanes % 2 == 0) {
    std::memcpy(payload_.data(), word, count_ * lanes * sizeof *word);
    return;
  }
  for (size_t e = 0; e < count_; ++e)
    for (size_t b = 0; b < perNode; ++b) {
      uint64_t v[4] = {};
      const size_t here = std::min(laneWords, lanes - b * laneWords);
      for (size_t l = 0; l < here; ++l)
        v[l] = *word++;
      payload_[e * perNode + b] =
          laneWords == 2 ? Block{v[0], v[1]}
                         : Block{v[0] | v[1] << 32, v[2] | v[3] << 32};
    }
}

void DpfWalk::expand(size_t prefix) {
  const unsigned above = shape_.treeDepth - levels_;
  Block *from = nodes_[0].data(), *to = nodes_[1].data();
  std::memcpy(from, start_.data(), count_ * sizeof(Block));
  // Down to the subtree's root, one node at a time.
  for (unsigned level = 0; level < above; ++level) {
    cipher_.expand(count_, 0, from, keys_ + level * levelBytes_, to);
    const size_t side = prefix >> (above - 1 - level) & 1;
    for (size_t e = 0; e < count_; ++e)
      from[e] = to[2 * e + side];
  }
  for (unsigned level = 0; level < levels_; ++level) {
    cipher_.expand(count_, level, from, keys_ + (above + level) * levelBytes_,
                   to);
    std::swap(from, to);
  }
  expanded_ = from;
}

const Block *DpfWalk::convert(size_t e) {
  assert(expanded_ && e < count_);
  cipher_.convert(1, levels_, expanded_ + e * nodesPerElement(),
                  shape_.blocksPerNode, DpfShape::kConvertTweak, shape_.lane,
                  payload_.data() + e * shape_.blocksPerNode, blocks_.data());
  return blocks_.data();
}

void DpfWalk::convertAll(void *out) {
  assert(expanded_);
  cipher_.convert(count_, levels_, expanded_, shape_.blocksPerNode,
                  DpfShape::kConvertTweak, shape_.lane, payload_.data(), out);
}

} // namespace mpc::crypto

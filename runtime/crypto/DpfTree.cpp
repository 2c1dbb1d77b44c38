//===- runtime/crypto/DpfTree.cpp -----------------------------------------===//
#include "runtime/crypto/DpfTree.h"

#include <algorithm>
#include <cassert>

#include "runtime/core/Ring.h"

namespace mpc::crypto {
namespace {

Lane laneOf(unsigned ringBits) {
  return ringBits == 1 ? Lane::Bit : ringBits <= 32 ? Lane::U32 : Lane::U64;
}

} // namespace

DpfShape::DpfShape(const DpfParams &p)
    : treeDepth(p.depth - p.terminate), lanes(p.words << p.terminate),
      ringBits(p.ringBits), lane(laneOf(p.ringBits)),
      blocksPerNode((lanes * laneBits() + 127) / 128),
      keyBits(size_t{treeDepth} * DpfParams::kLevelBits +
              size_t{lanes} * ringBits) {}

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
      bytes_((maxElements * shape_.keyBits + 7) / 8 + 24), start_(maxElements),
      corrections_(size_t{2} * maxElements * std::max(shape_.treeDepth, 1u)),
      payload_(maxElements * shape_.blocksPerNode),
      blocks_(stride() * shape_.blocksPerNode) {
  assert(party == 1 || party == 2);
  for (auto &v : nodes_)
    v = core::SecretVector<Block>::zeros(maxElements * stride() +
                                         2 * AesCipher::kPad);
}

void DpfWalk::load(const Block *roots, const uint8_t *keys, size_t n,
                   size_t first, size_t count) {
  assert(count <= maxElements_ && first + count <= n);
  count_ = count;
  // Into padded memory, so that whole words may be read.
  const size_t total = (n * shape_.keyBits + 7) / 8;
  const size_t from = first * shape_.keyBits / 8;
  const size_t until =
      std::min(total, ((first + count) * shape_.keyBits + 7) / 8);
  if (until > from)
    std::memcpy(bytes_.data(), keys + from, until - from);
  std::memset(bytes_.data() + (until - from), 0, 16);

  size_t at = first * shape_.keyBits % 8;
  for (size_t e = 0; e < count; ++e) {
    start_[e] = dpfRootNode(roots[first + e], party_);
    for (unsigned level = 0; level < shape_.treeDepth; ++level) {
      uint64_t lo = bitsAt(bytes_.data(), at, 64) & ~uint64_t{1};
      uint64_t hi = bitsAt(bytes_.data(), at + 64, 64);
      uint64_t t = bitsAt(bytes_.data(), at + 128, 2);
      at += DpfParams::kLevelBits;
      Block *cw = &corrections_[2 * (level * maxElements_ + e)];
      cw[0] = {lo | (t & 1), hi};
      cw[1] = {lo | (t >> 1), hi};
    }
    Block *payload = &payload_[e * shape_.blocksPerNode];
    std::fill_n(payload, shape_.blocksPerNode, Block{0, 0});
    for (unsigned l = 0; l < shape_.lanes; ++l, at += shape_.ringBits)
      shape_.put(payload[shape_.blockOf(l)], l,
                 bitsAt(bytes_.data(), at, shape_.ringBits));
  }
}

void DpfWalk::expand(size_t prefix) {
  const unsigned above = shape_.treeDepth - levels_;
  const size_t s = stride();
  Block *from = nodes_[0].data(), *to = nodes_[1].data();
  // Down to the subtree's root, one node at a time.
  Block node[1 + AesCipher::kPad] = {}, pair[2 + AesCipher::kPad] = {};
  for (size_t e = 0; e < count_; ++e) {
    node[0] = start_[e];
    for (unsigned level = 0; level < above; ++level) {
      cipher_.expand(1, 1, node, 0,
                     &corrections_[2 * (level * maxElements_ + e)], pair, 0);
      node[0] = pair[prefix >> (above - 1 - level) & 1];
    }
    from[e * s] = node[0];
  }
  core::wipe(node, sizeof node);
  core::wipe(pair, sizeof pair);
  for (unsigned level = 0; level < levels_; ++level) {
    cipher_.expand(count_, size_t{1} << level, from, s,
                   &corrections_[2 * (above + level) * maxElements_], to, s);
    std::swap(from, to);
  }
  expanded_ = from;
}

const Block *DpfWalk::convert(size_t e) {
  assert(expanded_ && e < count_);
  for (unsigned b = 0; b < shape_.blocksPerNode; ++b)
    cipher_.convert(expanded_ + e * stride(), stride(),
                    DpfShape::kConvertTweak + b, shape_.lane,
                    payload_[e * shape_.blocksPerNode + b],
                    blocks_.data() + b * stride());
  return blocks_.data();
}

} // namespace mpc::crypto

//===- runtime/crypto/DpfUnpack.cpp ---------------------------------------===//
#include "runtime/crypto/DpfUnpack.h"

#include <algorithm>

#include "runtime/core/Ring.h"

namespace mpc::crypto {

DpfUnpacker::DpfUnpacker(const DpfShape &shape, int party, AesLevel level)
    : shape_(shape), simd_(level == AesLevel::Vaes && dpfUnpackAvx512()) {
  plan_.lane = shape.lane;
  plan_.lanes = shape.lanes;
  plan_.blocksPerNode = shape.blocksPerNode;
  plan_.nodesPerGroup = kGroupBlocks / shape.blocksPerNode;
  plan_.negate = party == 2 ? ~uint64_t{0} : 0;
  plan_.mask = core::ringMask(shape.ringBits);
  if (shape.lane == Lane::Bit)
    return;
  for (unsigned o = 0; o < plan_.nodesPerGroup * shape.lanes; ++o) {
    const unsigned node = o / shape.lanes, in = o % shape.lanes;
    const unsigned lane = shape.laneOf(in / shape.words, in % shape.words);
    plan_.dword[o] =
        node * shape.blocksPerNode * 4 + lane * shape.laneBits() / 32;
  }
}

void DpfUnpacker::operator()(const Block *blocks, size_t nodes,
                             uint64_t *out) const {
  if (shape_.lane == Lane::Bit)
    return bits(blocks, nodes, out);
  const size_t done = simd_ ? dpfUnpackAvx512()(plan_, blocks, nodes, out) : 0;
  const size_t bytes = shape_.laneBits() / 8;
  for (size_t i = done; i < nodes; ++i) {
    const auto *from =
        reinterpret_cast<const uint8_t *>(blocks + i * shape_.blocksPerNode);
    for (unsigned o = 0; o < shape_.lanes; ++o) {
      uint64_t v = 0;
      std::memcpy(&v, from + 4 * plan_.dword[o], bytes);
      out[i * shape_.lanes + o] =
          ((v ^ plan_.negate) - plan_.negate) & plan_.mask;
    }
  }
}

void DpfUnpacker::bits(const Block *blocks, size_t nodes, uint64_t *out) const {
  for (size_t i = 0; i < nodes; ++i)
    for (unsigned slot = 0; slot < shape_.slots(); ++slot)
      for (unsigned word = 0; word < shape_.words; ++word) {
        const unsigned l = shape_.laneOf(slot, word);
        *out++ = shape_.get(blocks[i * shape_.blocksPerNode + l / 128], l);
      }
}

} // namespace mpc::crypto

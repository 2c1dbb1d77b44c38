//===- runtime/crypto/DpfUnpack.h - leaves in order from payload blocks ---===//
//
// A node's lanes lie word by word (DpfTree.h); leaves are wanted point by
// point, reduced and with the party's sign. Internal to runtime/crypto.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/DpfTree.h"

namespace mpc::crypto {

/// Made once for many elements.
class DpfUnpacker {
public:
  static constexpr unsigned kGroupBlocks = 8; ///< two registers
  static constexpr unsigned kMaxOutputs = 4 * kGroupBlocks;

  DpfUnpacker(const DpfShape &shape, int party, AesLevel level);

  /// All words of `nodes` nodes, shape.lanes each. The blocks are readable to
  /// kGroupBlocks beyond the end.
  void operator()(const Block *blocks, size_t nodes, uint64_t *out) const;

  /// What the loops see. A group is as many nodes as kGroupBlocks blocks hold;
  /// its output o is the lane that begins at its dword dword[o]. Not for bits.
  struct Plan {
    Lane lane;
    unsigned lanes, blocksPerNode, nodesPerGroup;
    uint64_t negate, mask;
    uint32_t dword[kMaxOutputs];
  };

private:
  void bits(const Block *blocks, size_t nodes, uint64_t *out) const;

  DpfShape shape_;
  bool simd_;
  Plan plan_;
};

/// Whole groups; how many nodes were done. Null where the build has no AVX-512.
using DpfUnpack = size_t (*)(const DpfUnpacker::Plan &plan, const Block *blocks,
                             size_t nodes, uint64_t *out);
DpfUnpack dpfUnpackAvx512();

} // namespace mpc::crypto

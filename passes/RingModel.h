//===- passes/RingModel.h - what rings cost -------------------------------===//
//
// The optimisation problem that assign-rings solves, apart from the IR it comes
// from. A node is a value, produced in one ring. A reader asks for it in a
// ring:
//   a wider ring is an extension: an exchange, one for all readers, to the
//   widest ring that is asked for; a narrower ring is free;
//   a masked value where an additive one stands is an exchange, in the widest
//   ring that is asked for so, or in that of the value if it is extended too.
//
// The objective is predicted seconds: bits exchanged and dealt at the prices of
// a network, what words of more than 32 bits cost in memory and products, and
// the rounds on the longest path. Parts that no decision changes are left out.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "passes/Pass.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mpc::passes {

/// Rings of more bits take a word of 64.
inline constexpr int kNarrowWord = 32;

/// How a node reads another.
struct RingUse {
  uint32_t node = 0;
  bool masked = false;     ///< takes masked values only
  bool ringFollows = true; ///< at least the reader's ring + offset
  int16_t offset = 0;
  int16_t least = 0; ///< in any case so many bits

  /// In which ring a reader of ring `ring` reads.
  int ring(int ring) const {
    return std::max<int>(least, ringFollows ? ring + offset : 0);
  }
};

struct RingNode {
  enum class Producer : uint8_t {
    Masked,   ///< an exchange made it
    Additive, ///< a product or a table made it
    Linear,   ///< masked if all it reads is
    Source    ///< an input or a weight: any ring, never extended
  };
  ir::ValueId value;
  Producer producer = Producer::Linear;
  bool isTrunc = false; ///< the local rule looks at truncations only
  /// Ring that the value needs: sign, range, one bit to spare, so that it can
  /// be truncated and extended. 0: bits, no ring.
  int16_t own = 2;
  int16_t ceiling = 64;   ///< widest ring it may be produced in
  int rounds = 0;         ///< exchanges one after the other inside
  double perBit = 0;      ///< seconds per bit of its ring
  double wide = 0;        ///< more, beyond kNarrowWord
  double exchangeBit = 0; ///< to mask it: seconds per bit
  double extendBit = 0;   ///< to extend it: seconds per bit gained
  double convertWide = 0; ///< either, beyond kNarrowWord
  llvm::SmallVector<RingUse, 2> uses;

  double produceSeconds(int ring) const {
    return perBit * ring + (ring > kNarrowWord ? wide : 0);
  }
  double extendSeconds(int from, int to) const {
    return extendBit * (to - from) + (to > kNarrowWord ? convertWide : 0);
  }
  double maskSeconds(int ring) const {
    return exchangeBit * ring + (ring > kNarrowWord ? convertWide : 0);
  }
};

struct RingProblem {
  double round = 0;            ///< seconds of one more
  int cap = 64;                ///< widest ring
  std::vector<RingNode> nodes; ///< operands first
  llvm::SmallVector<uint32_t, 2> outputs;
};

/// What is decided for a node.
struct RingChoice {
  uint8_t ring = 0;
  bool masked = false; ///< Linear: takes masked values, gives one
};

/// Whether a node whose choice is `choice` takes masked values by `use`.
inline bool usedMasked(const RingNode &node, const RingUse &use,
                       const RingChoice &choice) {
  return use.masked ||
         (node.producer == RingNode::Producer::Linear && choice.masked);
}

/// What a whole assignment costs; infinite if it is not one (a ring too narrow
/// for its value or too wide).
struct RingCost {
  double seconds = 0;
  int rounds = 0; ///< on the longest path; in `seconds` too
};
RingCost evaluateRings(const RingProblem &problem,
                       llvm::ArrayRef<RingChoice> choices);

/// The problem of a module at fixed level. Nodes of public values there are
/// none.
RingProblem ringProblem(const ir::Module &m, const Options &options);

/// The same problem with fewer nodes: a value whose only reader is linear, of
/// as many elements and the same needs (a bias, a transposition) is decided
/// together with that reader, since whatever follows the one could as well
/// follow the other. `standsFor`: the new node of each old one.
RingProblem joinViews(const RingProblem &problem,
                      std::vector<uint32_t> &standsFor);

} // namespace mpc::passes

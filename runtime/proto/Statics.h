//===- runtime/proto/Statics.h - weights as matrix operands, once ---------===//
//
// A product's right-hand side that is made of weights alone (a weight, or
// local linear functions of weights) depends on a deployment only. It is
// packed in the order of the matrix kernels once, for all sessions:
//   P0   lW                          for   lx lW
//   Pj   mW                          for   lx_j mW, offline
//        mW - lW1 (P1), lW2 (P2)     for   mx times it, online
// A weight that only one product reads is packed row after row as it arrives:
// no memory holds its words. The table that a row selector meets is kept as
// plain words. Sessions then skip the instructions that only led there.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"
#include "runtime/proto/RingGemm.h"
#include "runtime/proto/Share.h"

#include <vector>

namespace mpc::proto {

class Dealer;
class Machine;
class Evaluator;

struct StaticOperands {
  /// By instruction; empty where not packed. A dealer has only `offline`.
  std::vector<PackedRhs> offline, online;
  /// The same of select_words.
  std::vector<Words> offlineWords, onlineWords;
  /// By instruction: no session needs to run it.
  std::vector<bool> done;

  bool skips(uint32_t instr) const { return !done.empty() && done[instr]; }
  /// Null: not packed.
  const PackedRhs *offlineRhs(uint32_t instr) const {
    return at(offline, instr);
  }
  const PackedRhs *onlineRhs(uint32_t instr) const { return at(online, instr); }

  const Words *offlineTable(uint32_t instr) const {
    return at(offlineWords, instr);
  }
  const Words *onlineTable(uint32_t instr) const {
    return at(onlineWords, instr);
  }

private:
  template <class T>
  static const T *at(const std::vector<T> &v, uint32_t instr) {
    return instr < v.size() && !v[instr].empty() ? &v[instr] : nullptr;
  }
};

/// Which instructions sessions will skip if that much is packed.
std::vector<bool> skippedWith(const Machine &p, size_t budget);

/// Runs the machine's static instructions and packs, in plan order, while
/// `budget` bytes last; the rest is packed in each session. The machine is for
/// this only: its pairwise session keys are not used.
StaticOperands packStatics(Dealer &p, size_t budget);
StaticOperands packStatics(Evaluator &p, size_t budget);

} // namespace mpc::proto

//===- runtime/plan/PackedWeights.h - which weights a party packs ---------===//
//
// Right-hand sides of products that are made of weights alone are packed for
// the kernels once per deployment (proto/Statics.h), while memory for it lasts.
// Which, follows from the plan: the runtime and the prediction of its memory
// ask here.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

namespace mpc::plan {

/// Bytes a party may hold of packed operands; what exceeds it is packed in each
/// session.
inline constexpr size_t kDefaultPackBudget = size_t{3} << 30;

struct PackedWeights {
  /// By instruction: its right-hand side is packed.
  std::vector<bool> packs;
  /// By instruction: the weight instruction whose result is its right-hand side
  /// and nothing else's, so that it is packed as it arrives; -1: no such.
  std::vector<int64_t> direct;
  /// By instruction: its result is read only where it is packed, so that no
  /// session runs it.
  std::vector<bool> done;
  /// Of all packed operands, about.
  uint64_t bytes = 0;
};

/// isStatic: by register, inputIndependent(plan). P0 keeps one operand of a
/// product, an evaluator two.
PackedWeights packedWeights(const Plan &plan, const std::vector<bool> &isStatic,
                            bool dealer, size_t budget);

} // namespace mpc::plan

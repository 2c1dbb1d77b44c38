//===- passes/share/ShareCse.cpp - equal protocol steps become one --------===//
//   %3 = share.to_additive %1
//   %4 = share.to_additive %1  ==>  one conversion, one exchange after it
// Stage: share, before schedule-rounds. Lowering converts forms where each
// reader needs it; equal conversions meet here.
// Tests: tests/lit/passes/share-cse/
#include "passes/MergeEqual.h"
#include "passes/Pass.h"

namespace mpc::passes {

llvm::Error shareCse(ir::Module &m, Context &) {
  mergeEqualOps(m);
  return llvm::Error::success();
}

} // namespace mpc::passes

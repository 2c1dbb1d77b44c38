//===- passes/share/OneHotRows.h - rows of a table by a secret index ------===//
//
// Private to lower-to-shares. A one-hot row times the table: in the ring, or,
// of an owner's large table, over Z_2 on its XOR-masked words, whichever the
// profile finds cheaper (passes/OwnersTable.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/share/ShareBuilder.h"
#include "runtime/plan/Profile.h"
#include <map>

namespace mpc::passes {

class OneHotRows {
public:
  using ValueId = ir::ValueId;

  /// `in`: the module that is lowered.
  OneHotRows(const ir::Module &in, ShareBuilder &b,
             const plan::Profile &profile)
      : in_(in), b_(b), profile_(profile) {}

  /// What fixed.gather `op` gives. `newOf`: what stands for one of its
  /// operands.
  ValueId gather(const ir::Op &op, llvm::function_ref<ValueId(ValueId)> newOf);

private:
  ValueId selectWords(ValueId selector, ValueId weight, const ir::Shape &shape,
                      int bits);

  const ir::Module &in_;
  ShareBuilder &b_;
  const plan::Profile &profile_;
  std::map<std::pair<uint32_t, int>, ValueId> words_; ///< by weight and bits
};

} // namespace mpc::passes

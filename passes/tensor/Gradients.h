//===- passes/tensor/Gradients.h - arrays of a reverse sweep --------------===//
//
// Private to Sensitivity.cpp: what gradients need of arrays, the operands of
// ops that broadcast, move or multiply. `m` is any module: ops are evaluated
// that are in none.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Eval.h"
#include "ir/Module.h"

namespace mpc::passes {

using Floats = std::vector<float>;

inline ir::ConstData floatData(const ir::Shape &shape, Floats data) {
  return {ir::Elem::F32, shape, std::move(data), {}};
}

/// c at every element of `shape`, to which it broadcasts.
Floats spread(const ir::Module &m, const ir::ConstData &c,
              const ir::Shape &shape);

/// Sums g over the axes along which `to` was broadcast to `from`.
Floats summed(llvm::ArrayRef<float> g, const ir::Shape &from,
              const ir::Shape &to);

/// The gradient g of a movement op's result, by operand. A gather has one that
/// counts; its `index`.
llvm::Expected<std::vector<Floats>> movedBack(const ir::Module &m,
                                              const ir::Op &op,
                                              const ir::ConstData *index,
                                              const Floats &g);

/// With the last two dimensions exchanged.
ir::ConstData transposed(const ir::ConstData &x);
ir::ConstData multiplied(const ir::Module &m, const ir::ConstData &a,
                         const ir::ConstData &b);

} // namespace mpc::passes

//===- ir/Eval.h - float semantics of the tensor level --------------------===//
//
// The reference every later level is measured against. Floats are computed in
// float32 with float64 accumulation in reductions and matmul.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <functional>

namespace mpc::ir {

/// The value of one op (level any or tensor; not Input) for given operands.
/// `op.type.shape` is the result's shape. Errors: a gather index out of range.
llvm::Expected<ConstData> evalOp(const Module &m, const Op &op,
                                 llvm::ArrayRef<const ConstData *> operands);

using InputMap = llvm::StringMap<ConstData>;

/// Runs the module on named inputs; returns one array per output, in order.
/// `observe`, if given, sees every value as it is computed. Values are freed
/// after their last use. Errors name a missing input or a wrong shape or type.
llvm::Expected<std::vector<ConstData>>
evaluate(const Module &m, const InputMap &inputs,
         const std::function<void(ValueId, const ConstData &)> &observe = {});

} // namespace mpc::ir

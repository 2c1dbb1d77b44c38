//===- passes/BroadcastConstant.h - a constant at its reader's shape ------===//
#pragma once

#include "ir/Eval.h"

namespace mpc::passes {

/// `c` broadcast to `shape` by numpy's rules.
/// Precondition: ir::broadcastsTo(c.shape, shape).
inline ir::ConstData broadcastConstant(const ir::ConstData &c,
                                       const ir::Shape &shape) {
  ir::Op op;
  op.opcode = ir::Opcode::Broadcast;
  op.type = ir::Type::tensor(c.elem, ir::Vis::Public, shape);
  return llvm::cantFail(ir::evalOp(ir::Module(), op, {&c}));
}

} // namespace mpc::passes

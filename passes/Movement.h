//===- passes/Movement.h - ops that only move data ------------------------===//
//
// The result's elements are elements of the operand, or zero.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"

namespace mpc::passes {

/// Of one operand: not concat.
inline bool isMovement(ir::Opcode op) {
  switch (op) {
  case ir::Opcode::Reshape:
  case ir::Opcode::Transpose:
  case ir::Opcode::Slice:
  case ir::Opcode::Broadcast:
  case ir::Opcode::Pad:
  case ir::Opcode::Take:
    return true;
  default:
    return false;
  }
}

} // namespace mpc::passes

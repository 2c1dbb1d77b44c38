//===- passes/MergeEqual.h - common subexpressions, at any level ----------===//
#pragma once

#include "ir/Module.h"

namespace mpc::passes {

/// Ops of equal opcode, operands, attributes and type become one; inputs stay.
void mergeEqualOps(ir::Module &m);

} // namespace mpc::passes

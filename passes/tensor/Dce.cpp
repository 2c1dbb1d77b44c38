//===- passes/tensor/Dce.cpp - ops without uses go ------------------------===//
// Stage: tensor.   Inputs stay: a client sends them whether or not they are
// used, and the plan says so.   Tests: tests/lit/passes/dce/
#include "passes/Pass.h"

namespace mpc::passes {

llvm::Error dce(ir::Module &m, Context &) {
  m.removeDead();
  return llvm::Error::success();
}

} // namespace mpc::passes

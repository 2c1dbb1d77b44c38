//===- ir/Verifier.h - is this module well formed? ------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/Support/Error.h"

namespace mpc::ir {

/// A broken rule: the guilty op (invalid: the module's outputs) and what is
/// wrong with it.
struct Violation {
  ValueId op;
  std::string message;
};
std::optional<Violation> firstViolation(const Module &m);

/// Checks every rule listed at the top of Verifier.cpp and reports the first
/// violation with the op's number, mnemonic and location.
llvm::Error verify(const Module &m);

} // namespace mpc::ir

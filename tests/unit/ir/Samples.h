//===- tests/unit/ir/Samples.h - modules that together have every op ------===//
#pragma once

#include "ir/Module.h"
#include "llvm/ADT/StringRef.h"

namespace mpc::ir::test {

/// Printed form (canonical) of one module a level; together they hold every
/// operation of Ops.def. A new operation needs a line here.
llvm::ArrayRef<llvm::StringRef> samples();

/// Parses or fails the test.
Module parseOk(llvm::StringRef text);
/// The error of parsing `text` as "t.mir"; empty if it parses.
std::string parseError(llvm::StringRef text);
/// A module of this level around the lines of its body.
std::string wrap(llvm::StringRef level, llvm::StringRef body,
                 llvm::StringRef returns = "");

} // namespace mpc::ir::test

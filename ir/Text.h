//===- ir/Text.h - the textual form: print and parse ----------------------===//
//
//   module @bert level(tensor) {
//     %0 = input {name = "input_ids"} : i64[1x128] secret
//     %1 = constant {value = dense<f32[2] [0.5, 1.0]>} : f32[2] public
//     %2 = tensor.mul %0, %1 : f32[2] secret range(-1.0, 2.5) loc("/Mul")
//     return %2 as "logits" : f32
//   }
//
// A constant is a list, one value for all elements (dense<f32[2x3] 0.5>) or,
// if large, hexadecimal little-endian storage (dense<f32[64] 0x...>; f32 4
// bytes, i64 8, bool 1). Other attributes: 3, 1.5, [1, 2], [1.0, 2.0],
// reals[] (an empty list of reals), "text". Comments run from // to the end of
// the line.
//
// parse(print(m)) is equal to m up to value numbering; print(parse(t)) is t
// for a t that print made. Reals print with enough digits to come back exactly.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace mpc::ir {

struct PrintOptions {
  /// Constants of more elements print as elided<N>, which does not parse.
  int64_t maxConstantElements = 16;
  bool complete = false; ///< print every constant in full (hex for large ones)
  bool locations = true;
  bool ranges = true;
};

void print(const Module &m, llvm::raw_ostream &os, const PrintOptions & = {});
std::string toString(const Module &m, const PrintOptions & = {});

/// Errors read "file:line:column: error: ..." and name the offending token.
/// The result is verified.
llvm::Expected<Module> parse(llvm::StringRef text, llvm::StringRef fileName);

} // namespace mpc::ir

//===- ir/NodeError.h - errors that name the ONNX node --------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace mpc::ir {

/// "node '/fc1/Gemm' (fixed.mul): <what>"; `what` may be an llvm::formatv.
inline std::string nodeText(const Op &op, const llvm::Twine &what) {
  return ("node '" + llvm::Twine(op.loc) + "' (" + info(op.opcode).mnemonic +
          "): " + what)
      .str();
}
inline llvm::Error nodeError(const Op &op, const llvm::Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                 nodeText(op, what).c_str());
}

} // namespace mpc::ir

//===- backend/Emit.h - from share level to a plan ------------------------===//
//
// The last step of the compiler: a scheduled share-level module becomes one
// plan for all parties and the owner's encoded weights. Ops map one to one to
// plan opcodes (runtime/plan/PlanOps.def); data movement becomes strided views.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "runtime/plan/Plan.h"
#include "llvm/Support/Error.h"
#include <map>

namespace mpc::backend {

/// What the ONNX file says about the outside, which the IR has no types for.
struct Interface {
  std::map<std::string, core::DType> inputTypes;  ///< by input name
  std::map<std::string, core::DType> outputTypes; ///< by output name
  std::vector<plan::BoundInfo> bound;
};

struct Emitted {
  plan::Plan plan;
  plan::Weights weights;
};

/// Errors: a module that is not at share level or not scheduled, a value that
/// no plan can express. The plan is verified.
llvm::Expected<Emitted> emitPlan(const ir::Module &m, const Interface &iface);

} // namespace mpc::backend

//===- passes/GeneratedInputs.h - stand-ins for calibration samples
//--------===//
//
// Integers uniform over their declared range, reals normal: the same two
// samples for a model every time.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Eval.h"

namespace mpc::passes {

/// Empty if the module has no inputs.
std::vector<ir::InputMap> generatedInputs(const ir::Module &m);

/// What an input declares; unbounded if it does not.
std::pair<double, double> declaredRange(const ir::Op &op);

} // namespace mpc::passes

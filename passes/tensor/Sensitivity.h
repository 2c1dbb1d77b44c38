//===- passes/tensor/Sensitivity.h - what noise at a value does -----------===//
//
// How much the outputs of a tensor-level module move when a value does: by one
// reverse sweep over a calibration sample, which gives every value at once.
// Private to the pass allocate-precision.
//
// White noise of variance s at every element of value v (rounding) adds
// white[v] * s to the sum, over the outputs, of the mean square error in units
// of that output's allowance. white[v] is the squared Frobenius norm of the
// Jacobian, estimated with random signs at the outputs (Hutchinson 1989), exact
// for outputs of up to `probes` elements. All figures are rounded up to powers
// of two: what derives from them is public.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Eval.h"
#include "ir/Module.h"

namespace mpc::passes {

struct Sensitivity {
  std::vector<double> white; ///< by value; 0: no path to an output was seen
  /// Softmax: the same for its exp and for the reciprocal of its row sums.
  std::vector<double> exp, inverse;
  /// Maps: the same for an error relative to each element.
  std::vector<double> relative;
  /// Root mean squares; of a softmax's reciprocals of row sums.
  std::vector<double> size, inverseSize;
  /// Read by an op without a slope (comparison, floor, ...): an error there is
  /// not measured by any derivative.
  std::vector<bool> opaque;
};

/// `allowances`: the error allowed at an output with a given standard
/// deviation. Errors: those of the evaluator.
llvm::Expected<Sensitivity>
measureSensitivity(const ir::Module &m, const ir::InputMap &sample,
                   const std::function<double(double)> &allowance);

} // namespace mpc::passes

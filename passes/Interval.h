//===- passes/Interval.h - what holds of a fixed-point value --------------===//
//
// Sound interval arithmetic on the ops of fixed level, one op at a time: if
// every operand lies in its range, the result lies here, whatever the inputs,
// the weights and the masks (truncations move a value by an ulp, approximations
// by their tolerance). A matrix of weights counts by the largest sum of
// magnitudes of a column, rounded up to whole bits: that is what the plan may
// tell of it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"

namespace mpc::passes {

/// Precondition: every operand that is no bool has a range. Ops that quantize
/// does not make give the op's own range.
std::pair<double, double> intervalOf(const ir::Module &m, const ir::Op &op,
                                     double tolerance);

} // namespace mpc::passes

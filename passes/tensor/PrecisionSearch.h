//===- passes/tensor/PrecisionSearch.h - the cheapest fraction bits -------===//
//
// Private to the pass allocate-precision.
//   minimize    sum over sources of cost * frac
//   subject to  sum over counted sources of weight * 4^-frac <= 1
// The optimum (reverse water-filling) gives each source a share of the error in
// proportion to its cost: frac = log2(weight / (lambda cost)) / 2 for one
// lambda, found by bisection over whole bits. Then products of matrices that
// need little more than 32 bits are held to 32 while the others can make up for
// it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/tensor/PrecisionModel.h"
#include "runtime/plan/Profile.h"

namespace mpc::passes {

/// Sets `frac` of every source, products within rings of `ringBits`. Returns
/// whether the error stays within the allowance; if not, the fractions are the
/// best there are.
bool allocateFractions(PrecisionProblem &problem, int ringBits,
                       const plan::Profile &profile);

} // namespace mpc::passes

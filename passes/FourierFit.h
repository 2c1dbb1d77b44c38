//===- passes/FourierFit.h - trigonometric sums on a part of a period -----===//
//
// Fits a function on [lo, hi] by a line plus harmonics of a period longer than
// the domain, as the one-round method of runtime/kernels/Fourier.h evaluates
// them. Inside the longer period a smooth function has a smooth periodic
// extension, found by regularised least squares; harmonics fall off fast, and
// small ones are dealt with few bits. Functions with kinks, poles or many
// scales need too many harmonics and give nothing.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/PiecewiseFit.h"
#include "runtime/kernels/Fourier.h"

namespace mpc::passes {

struct FourierFit {
  kernels::FourierTable table;
  int outIntBits; ///< the ring is resultFrac + outIntBits + 2
  double error;   ///< of fit and rounding, in units of the tolerance
  double cost;    ///< seconds an element
};

/// The cheapest sum that meets the request for less than maxCost, or nothing.
/// `inputBits`: ring that the input has anyway; `widening`: seconds an element
/// that a wider one costs besides its bits.
std::optional<FourierFit> fitFourier(const FitRequest &request, int inputBits,
                                     double widening, double maxCost);

} // namespace mpc::passes

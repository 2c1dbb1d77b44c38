//===- passes/PiecewiseFit.h - piecewise polynomials on double windows ----===//
//
// Fits any function on [lo, hi] by 2^depth polynomials of one degree, as the
// one-round spline of runtime/kernels/Spline.h evaluates them: segment s is
// centred at s * 2^h ulps and used for u = (X - s 2^h) / 2^h in (-1, 1), so
// neighbouring windows overlap and each is fitted on the whole of its own
// (Boyle et al. 2019; SIGMA 2024 fit single windows and pay a comparison).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/Spline.h"
#include "runtime/plan/Profile.h"
#include <cmath>
#include <functional>
#include <optional>

namespace mpc::passes {

/// What the parts of a table cost an element, in seconds.
struct FitPrices {
  double dealtByte; ///< P0 to P2
  double bothByte;  ///< P0 to each evaluator
  double inputBit;  ///< a further bit of the input, in its exchange
  double dpfLevel;  ///< of a key, at P0
  double leafWord;  ///< of both evaluators' leaves
  double harmonic;  ///< all parties
  double round;     ///< an exchange of its own
  static FitPrices of(const plan::Profile &profile);
};

struct FitRequest {
  std::function<double(double)> f;
  double lo, hi;    ///< domain in real numbers
  int inFrac;       ///< fraction bits of the input
  int outIntBits;   ///< |f| < 2^outIntBits on the domain
  double tolerance; ///< absolute error allowed
  /// The error is held to a quarter of tolerance * |f(x)| instead: for scale
  /// factors that span octaves, where small values matter as much as large
  /// ones.
  bool relative = false;
  double toleranceAt(double fx) const {
    return relative ? tolerance * std::fabs(fx) / 4 : tolerance;
  }
  unsigned maxRing = 64;
  FitPrices prices = FitPrices::of(plan::Profile::loopback());
};

struct Fit {
  kernels::SplineTable table;
  int64_t center; ///< subtracted from X before the table applies, in ulps
  double error;   ///< largest error on a grid, in units of the tolerance
  double cost;    ///< seconds an element
};

/// The cheapest table that meets the request, or nothing.
std::optional<Fit> fitPiecewise(const FitRequest &request);

} // namespace mpc::passes

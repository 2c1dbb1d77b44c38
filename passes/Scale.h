//===- passes/Scale.h - from ranges to fraction and integer bits ----------===//
//
// What several passes make of a value's range: magnitude, integer bits, the
// fraction bits it deserves, and how a bound reads in a message.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/Pass.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

namespace mpc::passes {

using Range = std::pair<double, double>;

inline double magnitude(Range r) {
  return std::max(std::fabs(r.first), std::fabs(r.second));
}

/// Smallest i with |x| < 2^i for all x of the range, at least -24.
inline int intBitsOf(Range r) {
  const double a = magnitude(r);
  return a == 0 ? -24 : std::max(-24, std::ilogb(a) + 1);
}

/// Fraction bits of a value that is about to be multiplied, looked up or
/// output: options.fracBits at magnitude 1..8, more for smaller values (so
/// that probabilities and small activations keep their significant bits), fewer
/// only where the product of two such values would not fit the widest ring.
inline int fracBitsOf(Range r, const Options &o) {
  const int i = intBitsOf(r), f = static_cast<int>(o.fracBits);
  const int fits = (static_cast<int>(o.ringBits) - 6) / 2 - i;
  return std::min({std::max(f, f + 3 - i), f + 8, fits});
}

/// "0.00012", "inf": for messages (formatv would round to two decimals).
inline std::string shortNumber(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

} // namespace mpc::passes

//===- runtime/pub/Math.h - functions that all parties agree on -----------===//
//
// The parties evaluate the public section each for itself and must get the same
// bits. The C library's functions may differ between machines (its variants for
// processors with fused multiply-add round differently), so these are made of
// IEEE additions, products, quotients and roots only, which are exact to the
// bit everywhere. Computed in float64, accurate to a few units of its last
// place: rounded to float32 they are the correctly rounded value but for
// the rarest ties.
//
//===----------------------------------------------------------------------===//
#pragma once

namespace mpc::pub {

double expOf(double x);
double logOf(double x);
/// Arguments beyond 2^20 lose absolute accuracy, as 2^-53 |x|.
double sinOf(double x);
double cosOf(double x);
double atanOf(double x);
double erfOf(double x);
double tanhOf(double x);
double powOf(double x, double y);

} // namespace mpc::pub

//===- passes/Comparison.cpp ----------------------------------------------===//
#include "passes/Comparison.h"
#include "runtime/plan/Digits.h"
#include <cmath>

namespace mpc::passes {

double comparisonSeconds(int window, int digit, const plan::Profile &profile) {
  const int64_t q = plan::digitCount(window, digit);
  if (q > 8)
    return INFINITY;
  double entries = 0;
  for (int64_t i = 0; i < q; ++i)
    entries +=
        std::ldexp(1.0, static_cast<int>(plan::digitWidth(window, digit, i)));
  const double monomials = static_cast<double>(plan::signMonomials(q));
  const double dealt = entries - static_cast<double>(q) + monomials + 1;
  const double sent = static_cast<double>(plan::planeCount(window, digit)) + 1;
  return dealt / 8 * profile.dealtByteSeconds() +
         sent / 8 * profile.exchangedByteSeconds() +
         3 * profile.workSeconds((entries + monomials) *
                                 profile.machine.bitLane);
}

int cheapestDigit(int window, const plan::Profile &profile) {
  int best = 4;
  double least = INFINITY;
  for (int digit : {3, 4, 5, 6})
    if (const double s = comparisonSeconds(window, digit, profile); s < least) {
      least = s;
      best = digit;
    }
  return best;
}

bool fourAtOnce(int64_t groups, int window, const plan::Profile &profile) {
  constexpr double kMuxDealtBits = 13, kMuxSentBits = 1;
  const double mux = kMuxDealtBits / 8 * profile.dealtByteSeconds() +
                     kMuxSentBits / 8 * profile.exchangedByteSeconds();
  const double further =
      3 * comparisonSeconds(window, cheapestDigit(window, profile), profile) +
      mux;
  return static_cast<double>(groups) * further <= 2 * profile.roundSeconds();
}

} // namespace mpc::passes

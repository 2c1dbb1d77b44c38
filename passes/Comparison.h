//===- passes/Comparison.h - the cheapest form of comparisons, by profile -===//
#pragma once

#include "runtime/plan/Profile.h"
#include <cstdint>

namespace mpc::passes {

/// Seconds that one more element's sign costs (digits, then sign), rounds
/// excluded, in `window` bits by digits of `digit` bits. Infinite if the plan
/// has no such comparison.
double comparisonSeconds(int window, int digit, const plan::Profile &profile);

/// The digit width that costs least.
int cheapestDigit(int window, const plan::Profile &profile);

/// Whether maxima of four take their six comparisons at once (four rounds)
/// rather than two and then one (six rounds): `groups` of four in a level.
bool fourAtOnce(int64_t groups, int window, const plan::Profile &profile);

} // namespace mpc::passes

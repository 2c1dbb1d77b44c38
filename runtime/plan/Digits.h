//===- runtime/plan/Digits.h - digits of a comparison ---------------------===//
//
// The low window-1 bits are cut into digits, top digit first; all have the
// stated width but the last, which takes what is left.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <cstdint>

namespace mpc::plan {

constexpr int64_t digitCount(int64_t window, int64_t digit) {
  return (window - 1 + digit - 1) / digit;
}
/// Width of digit d, 0 being the top one.
constexpr int64_t digitWidth(int64_t window, int64_t digit, int64_t d) {
  return std::min(digit, window - 1 - d * digit);
}
/// Planes lt_0..lt_(q-1), eq_0..eq_(q-2).
constexpr int64_t planeCount(int64_t window, int64_t digit) {
  return 2 * digitCount(window, digit) - 1;
}
/// Products of mask bits in the sign polynomial (ABY2.0's multi-input AND),
/// singles excluded.
constexpr int64_t signMonomials(int64_t q) {
  return 3 * (int64_t{1} << (q - 1)) - 2 * q - 1;
}

} // namespace mpc::plan

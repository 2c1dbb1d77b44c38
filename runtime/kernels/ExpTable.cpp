//===- runtime/kernels/ExpTable.cpp ---------------------------------------===//
//
// Compiled with -ffp-contract=off: a fused multiply-add rounds once where two
// operations round twice, and parties on different machines would differ.
//
//===----------------------------------------------------------------------===//
#include "runtime/kernels/ExpTable.h"

#include "runtime/core/Ring.h"

#include <bit>
#include <cassert>
#include <string>

namespace mpc::kernels {
namespace {

/// 2^e, a normal double.
double powerOfTwo(int64_t e) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 + e) << 52);
}

/// round(e^y * 2^frac) for y in [-60, 43]; no branch, no table, no subnormal.
uint64_t scaledExp(double y, unsigned frac) {
  // y = k ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^52 rounds to an integer.
  constexpr double kRound = 0x1.8p52;
  constexpr double kLog2e = 0x1.71547652b82fep0;
  // ln 2 in two parts; the first has 33 bits, so k * kLn2Hi is exact.
  constexpr double kLn2Hi = 0x1.62e42feep-1, kLn2Lo = 0x1.a39ef35793c76p-33;
  double k = (y * kLog2e + kRound) - kRound;
  double r = (y - k * kLn2Hi) - k * kLn2Lo;
  // Taylor's series; the term left out is below 2^-57.
  constexpr double kInverseFactorial[] = {
      1.0 / 87178291200.0, 1.0 / 6227020800.0,
      1.0 / 479001600.0,   1.0 / 39916800.0,
      1.0 / 3628800.0,     1.0 / 362880.0,
      1.0 / 40320.0,       1.0 / 5040.0,
      1.0 / 720.0,         1.0 / 120.0,
      1.0 / 24.0,          1.0 / 6.0,
      1.0 / 2.0,           1.0};
  double p = kInverseFactorial[0];
  for (unsigned i = 1; i < std::size(kInverseFactorial); ++i)
    p = p * r + kInverseFactorial[i];
  p = p * r + 1.0;
  double scaled = p * powerOfTwo(static_cast<int64_t>(k) + frac);
  return static_cast<uint64_t>(static_cast<int64_t>(scaled + 0.5));
}

/// e^(-n 2^-inFrac) * 2^frac; n < 2^44. Constant time in n.
uint64_t scaledExpOfNegative(uint64_t n, unsigned inFrac, unsigned frac) {
  // Below e^-60 * 2^62 everything rounds to 0.
  uint64_t limit = uint64_t{60} << inFrac;
  uint64_t beyond = (limit - n) >> 63; // 1: n > limit; both are below 2^63
  n ^= (n ^ limit) & (uint64_t{0} - beyond);
  double y = -static_cast<double>(static_cast<int64_t>(n)) *
             powerOfTwo(-static_cast<int64_t>(inFrac));
  return scaledExp(y, frac);
}

/// s 2^h - lb = -(n): the class is negative unless 0.
uint64_t magnitude(const ExpParams &p, uint64_t s, uint64_t lb) {
  uint64_t negated = (uint64_t{0} - s) & (p.classes() - 1);
  return (negated << p.lowBits()) + lb;
}

Error bad(const std::string &what) { return Error{"exp: " + what}; }

} // namespace

Status validate(const ExpParams &p) {
  if (p.depth < 1 || p.depth > 10)
    return bad("depth " + std::to_string(p.depth) + " not in [1, 10]");
  if (p.window <= p.depth || p.window > 44)
    return bad("window " + std::to_string(p.window) + " not in (depth, 44]");
  if (p.inFrac > 44)
    return bad("input fraction " + std::to_string(p.inFrac) + " above 44");
  if (p.tableFrac > 62 || p.publicFrac > 62)
    return bad("fractions above 62");
  // e^mb < 2^(1.4427 w).
  int log2w = static_cast<int>(p.lowBits()) - static_cast<int>(p.inFrac);
  if (log2w > 5 || 1.4427 * powerOfTwo(log2w) + p.publicFrac > 62)
    return bad("public factor of 2^(1.4427 * 2^" + std::to_string(log2w) +
               ") at " + std::to_string(p.publicFrac) +
               " fraction bits exceeds 62 bits");
  return {};
}

uint64_t expTableEntry(const ExpParams &p, uint64_t s, uint64_t lb) {
  return scaledExpOfNegative(magnitude(p, s, lb), p.inFrac, p.tableFrac);
}

void expTableRow(const ExpParams &p, uint64_t la, uint64_t lb,
                 std::span<uint64_t> out) {
  assert(out.size() == p.classes());
  for (uint64_t ma = 0; ma < out.size(); ++ma)
    out[ma] = expTableEntry(p, ma - la, lb); // reduced there
}

uint64_t expPublic(const ExpParams &p, uint64_t mb) {
  double y = static_cast<double>(static_cast<int64_t>(mb)) *
             powerOfTwo(-static_cast<int64_t>(p.inFrac));
  return scaledExp(y, p.publicFrac);
}

uint64_t expPlain(const ExpParams &p, uint64_t x, uint64_t lambdaLow) {
  uint64_t lb = core::reduce(lambdaLow, p.lowBits());
  uint64_t m = core::reduce(x + lb, p.window);
  uint64_t s = m >> p.lowBits();
  return expTableEntry(p, s, lb) * expPublic(p, core::reduce(m, p.lowBits()));
}

} // namespace mpc::kernels

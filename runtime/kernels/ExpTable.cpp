//===- runtime/kernels/ExpTable.cpp ---------------------------------------===//
//
// Compiled with -ffp-contract=off: a fused multiply-add rounds once where two
// operations round twice, and parties on different machines would differ. One
// source of loops, compiled once per instruction set; each element's operations
// are the same in all of them.
//
//===----------------------------------------------------------------------===//
#include "runtime/kernels/ExpTable.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/ExactDouble.h"

#include <cassert>
#include <string>

namespace mpc::kernels {
namespace {

/// Values in flight, in the first-level cache.
constexpr size_t kLanes = 512;

/// round(e^y * 2^frac) for y in [-60, 43]; no branch, no table, no subnormal.
MPC_INLINE uint64_t scaledExp(double y, unsigned frac) {
  // y = k ln 2 + r, |r| <= ln 2 / 2.
  constexpr double kLog2e = 0x1.71547652b82fep0;
  // ln 2 in two parts; the first has 33 bits, so k * kLn2Hi is exact.
  constexpr double kLn2Hi = 0x1.62e42feep-1, kLn2Lo = 0x1.a39ef35793c76p-33;
  const double k = (y * kLog2e + kRound) - kRound;
  const double r = (y - k * kLn2Hi) - k * kLn2Lo;
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
  for (size_t i = 1; i < std::size(kInverseFactorial); ++i)
    p = p * r + kInverseFactorial[i];
  p = p * r + 1.0;
  const double scaled = p * powerOfTwo(toInteger(y * kLog2e) + frac);
  return static_cast<uint64_t>(static_cast<int64_t>(scaled + 0.5));
}

/// e^(-n 2^-inFrac) * 2^frac; n < 2^44. Constant time in n.
MPC_INLINE uint64_t scaledExpOfNegative(uint64_t n, unsigned inFrac,
                                        unsigned frac) {
  // Below e^-60 * 2^62 everything rounds to 0.
  const uint64_t limit = uint64_t{60} << inFrac;
  const uint64_t beyond = (limit - n) >> 63; // 1: n > limit; both below 2^63
  n ^= (n ^ limit) & (uint64_t{0} - beyond);
  return scaledExp(-toDouble(n) * powerOfTwo(-static_cast<int64_t>(inFrac)),
                   frac);
}

MPC_INLINE uint64_t scaledExpOf(uint64_t n, unsigned inFrac, unsigned frac) {
  return scaledExp(toDouble(n) * powerOfTwo(-static_cast<int64_t>(inFrac)),
                   frac);
}

/// s 2^h - lb = -(n): the class is negative unless 0.
MPC_INLINE uint64_t magnitude(const ExpParams &p, uint64_t s, uint64_t lb) {
  uint64_t negated = (uint64_t{0} - s) & (p.classes() - 1);
  return (negated << p.lowBits()) + lb;
}

MPC_INLINE void rowsLoop(const ExpParams &p, const uint64_t *lambda, size_t n,
                         uint64_t *out) {
  const unsigned h = p.lowBits(), inFrac = p.inFrac, frac = p.tableFrac;
  const uint64_t low = (uint64_t{1} << h) - 1, classes = p.classes();
  // The magnitudes where the entries will be, some at a time.
  const size_t piece = kLanes / classes + 1;
  for (size_t at = 0; at < n; at += piece) {
    const size_t count = n - at < piece ? n - at : piece;
    uint64_t *to = out + at * classes;
    for (size_t e = 0; e < count; ++e) {
      const uint64_t la = lambda[at + e] >> h, lb = lambda[at + e] & low;
      for (uint64_t ma = 0; ma < classes; ++ma)
        to[e * classes + ma] = magnitude(p, ma - la, lb);
    }
    for (size_t i = 0; i < count * classes; ++i)
      to[i] = scaledExpOfNegative(to[i], inFrac, frac);
  }
}

MPC_INLINE void publicLoop(const ExpParams &p, const uint64_t *m, size_t n,
                           uint64_t *out) {
  const unsigned inFrac = p.inFrac, frac = p.publicFrac;
  const uint64_t low = (uint64_t{1} << p.lowBits()) - 1;
  for (size_t i = 0; i < n; ++i)
    out[i] = scaledExpOf(m[i] & low, inFrac, frac);
}

// The loops above, inlined where wider instructions are allowed.
#define MPC_KERNELS(Level, attribute)                                          \
  attribute void rows##Level(const ExpParams &p, const uint64_t *lambda,       \
                             size_t n, uint64_t *out) {                        \
    rowsLoop(p, lambda, n, out);                                               \
  }                                                                            \
  attribute void public##Level(const ExpParams &p, const uint64_t *m,          \
                               size_t n, uint64_t *out) {                      \
    publicLoop(p, m, n, out);                                                  \
  }
MPC_KERNELS(Portable, )
MPC_KERNELS(Avx2, MPC_AVX2)
MPC_KERNELS(Avx512, MPC_AVX512)
#undef MPC_KERNELS

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

void expTableRows(const ExpParams &p, std::span<const uint64_t> lambda,
                  std::span<uint64_t> out, SimdLevel simd) {
  assert(out.size() == lambda.size() * p.classes());
  atLevel(simd, rowsPortable, rowsAvx2, rowsAvx512)(p, lambda.data(),
                                                    lambda.size(), out.data());
}

uint64_t expPublic(const ExpParams &p, uint64_t mb) {
  return scaledExpOf(mb, p.inFrac, p.publicFrac);
}

void expPublic(const ExpParams &p, std::span<const uint64_t> m,
               std::span<uint64_t> out, SimdLevel simd) {
  assert(out.size() == m.size());
  atLevel(simd, publicPortable, publicAvx2, publicAvx512)(p, m.data(), m.size(),
                                                          out.data());
}

uint64_t expPlain(const ExpParams &p, uint64_t x, uint64_t lambdaLow) {
  uint64_t lb = core::reduce(lambdaLow, p.lowBits());
  uint64_t m = core::reduce(x + lb, p.window);
  uint64_t s = m >> p.lowBits();
  return expTableEntry(p, s, lb) * expPublic(p, core::reduce(m, p.lowBits()));
}

} // namespace mpc::kernels

//===- runtime/kernels/ExpTable.h - e^x of a masked value, exactly --------===//
//
// The public arithmetic of one-round exp without a DPF (PROTOCOLS section 6).
// X <= 0 has inFrac fraction bits; its low n = window bits are masked:
// m = X + l mod 2^n, top d = depth bits ma, la, low h = n - d bits mb, lb. With
// the class s = ma - la mod 2^d, meaning 0 for 0 and s - 2^d otherwise,
//
//   X = s 2^h + mb - lb,    e^x = e^(s w) e^(-lb) * e^(mb),  w = 2^(h - inFrac)
//
// P0 deals the first factor for each public class ma, the evaluators multiply
// by the second. Here are the integers, so that dealer, evaluators and emulator
// agree to the last bit on every machine: plain IEEE double arithmetic without
// libm and without contraction. Entries are constant time in lb and s, which
// are secrets of the dealer. Domain: -(2^d - 1) 2^h < X <= 0; error before
// rounding below 1e-13 relative.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/kernels/SimdLevel.h"

#include <cstdint>
#include <span>

namespace mpc::kernels {

struct ExpParams {
  unsigned window = 0;     ///< n
  unsigned depth = 0;      ///< d
  unsigned inFrac = 0;     ///< fraction bits of X
  unsigned tableFrac = 0;  ///< fraction bits of the dealt factor
  unsigned publicFrac = 0; ///< fraction bits of the public factor

  unsigned lowBits() const { return window - depth; } ///< h
  unsigned classes() const { return 1u << depth; }
  /// Fraction bits of the product.
  unsigned resultFrac() const { return tableFrac + publicFrac; }
  friend bool operator==(const ExpParams &, const ExpParams &) = default;
};

/// 1 <= depth <= 10, depth < window <= 44, inFrac <= 44, fractions <= 62, and
/// the public factor stays below 2^62. Everything below requires it.
Status validate(const ExpParams &params);

/// round(e^(s w - lb 2^-inFrac) 2^tableFrac) for class s < 2^depth, lb < 2^h.
uint64_t expTableEntry(const ExpParams &params, uint64_t s, uint64_t lb);

/// The entries of n elements by public class: out[e * 2^depth + ma] is of class
/// (ma - la) mod 2^depth, la and lb being the high and low bits of the window
/// of lambda[e]. The same at each SIMD level.
/// Precondition: out.size() == lambda.size() * 2^depth.
void expTableRows(const ExpParams &params, std::span<const uint64_t> lambda,
                  std::span<uint64_t> out, SimdLevel simd);

/// round(e^(mb 2^-inFrac) 2^publicFrac), mb < 2^h.
uint64_t expPublic(const ExpParams &params, uint64_t mb);
/// The same for the low h bits of each of m.
void expPublic(const ExpParams &params, std::span<const uint64_t> m,
               std::span<uint64_t> out, SimdLevel simd);

/// The plain result modulo 2^64 of input X (n bits; more are dropped) whose
/// mask has the low h bits lambdaLow: the sum of the evaluators' shares.
uint64_t expPlain(const ExpParams &params, uint64_t x, uint64_t lambdaLow);

} // namespace mpc::kernels

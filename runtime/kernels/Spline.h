//===- runtime/kernels/Spline.h - a spline of a masked value, exactly -----===//
//
// The public arithmetic of one-round univariate functions. The input X, signed
// in n bits, is masked: m = X + l mod 2^n. The top d bits choose a segment, the
// low h = n - d bits a place in it:
//
//   m = ma 2^h + mb,  l = la 2^h + lb,  segment s = ma - la mod 2^d,
//   u = (mb - lb) / 2^h in (-1, 1),     f(X) = sum_i C[s][i] u^i.
//
// With mu = mb / 2^h (public) and tau = lb / 2^h (dealer) that is
//
//   f(X) = sum_j w[s][j] E[j],  w[s][j] = (-1)^j sum_{i>=j} binom(i,j) C[s][i]
//   mu^(i-j),  E[j] = tau^j,
//
// w being computed by the evaluators for all segments, E dealt through a
// distributed point function at la (runtime/crypto/SplineShare.h). Here are the
// integers, so that evaluators and emulator agree to the last bit. Domain:
// -2^(n-1) <= X < 2^(n-1) - 2^h; beyond it segments wrap.
//
// Boyle et al. 2016, 2019, 2021 (function secret sharing); LLAMA 2022, SIGMA
// 2024 (splines and tables by FSS).
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/core/Result.h"

namespace mpc::kernels {

struct SplineTable {
  static constexpr unsigned kMaxDegree = 7;
  static constexpr unsigned kMaxSegmentBits = 12;

  unsigned inputBits = 0;   ///< n
  unsigned segmentBits = 0; ///< d
  unsigned degree = 0;      ///< D
  unsigned payloadFrac = 0; ///< g: fraction bits of the dealt powers E[j], j>0
  unsigned coeffFrac = 0;   ///< a: fraction bits of coefficients and weights
  unsigned ringBits = 0;    ///< K: ring of the result
  /// [2^d][D + 1]; segment s counts modulo 2^d (s >= 2^(d-1) is negative).
  /// Coefficient 0 has g + a fraction bits, the others have a.
  std::vector<int64_t> coeffs;

  unsigned segments() const { return 1u << segmentBits; }
  unsigned words() const { return degree + 1; }
  unsigned lowBits() const { return inputBits - segmentBits; } ///< h
  /// Fraction bits of the result.
  unsigned resultFrac() const { return payloadFrac + coeffFrac; }

  friend bool operator==(const SplineTable &, const SplineTable &) = default;
};

/// The table is well formed and no intermediate of its evaluation reaches
/// 2^62. Everything below requires it.
Status validate(const SplineTable &table);

/// The dealer's part: alpha[e] = la and payload[e][j] = round(tau^j 2^g), with
/// payload[e][0] = 1, from the masks' low n bits. The power is computed with 32
/// fraction bits. Constant time in the masks.
void splinePayload(const SplineTable &table, std::span<const uint64_t> lambda,
                   std::span<uint64_t> alpha, std::span<uint64_t> payload);

/// A table made ready for evaluation. Each weight is a Horner scheme in mu on
/// integers, kGuardBits finer than the coefficients, floored at each step and
/// rounded at its end:
///   B[j][i] = (-1)^j binom(i,j) C[i] 2^kGuardBits                       (i >
///   0) r = B[j][D];   r = floor(r mb / 2^h) + B[j][i]  for i = D-1 ...
///   max(j,1) w[j] = round(r / 2^kGuardBits) (j > 0) w[0] = C[0] + round(r mb
///   2^(g - h - kGuardBits))
/// so w[0] has g + a fraction bits and the other weights have a.
class PreparedSpline {
public:
  static constexpr unsigned kGuardBits = 6;

  explicit PreparedSpline(const SplineTable &table);

  const SplineTable &table() const { return table_; }

  /// Coefficient B[j][i] for points p = 0 .. 2^d - 1 at coeff(j, i, ma)[p],
  /// that is, for segment ma - p mod 2^d: the tables lie reversed and doubled.
  /// B[0][0] is C[0].
  const int64_t *coeff(unsigned j, unsigned i, unsigned ma) const {
    size_t s = table_.segments();
    return reversed_.data() + (2 * s) * pairIndex(j, i) + (s - ma);
  }

  /// Weights of points first .. first + count - 1 for the masked input m, into
  /// w[j * count + (p - first)]. m is public.
  void weights(uint64_t m, unsigned first, unsigned count, int64_t *w) const;

  /// The plain result, reduced to K bits, of input X (n bits; more are dropped)
  /// whose mask has the low h bits lambdaLow (more are dropped). Equals the sum
  /// of the evaluators' shares.
  uint64_t plain(uint64_t x, uint64_t lambdaLow) const;

  /// Where pair (j, i), j <= i, lies among the tables.
  static constexpr unsigned pairIndex(unsigned j, unsigned i) {
    return i * (i + 1) / 2 + j;
  }

private:
  SplineTable table_;
  std::vector<int64_t> reversed_; ///< [pair][2 * 2^d]
};

/// The same for one value. For many, keep the PreparedSpline.
uint64_t splinePlain(const SplineTable &table, uint64_t x, uint64_t lambdaLow);

} // namespace mpc::kernels

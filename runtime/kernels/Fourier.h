//===- runtime/kernels/Fourier.h - trigonometric sums of a masked value ---===//
//
// The public arithmetic of one-round functions without a DPF (PROTOCOLS section
// 6): with theta = 2 pi step / 2^window and X = m - l,
//
//   f(X) = offset + slope X
//          + sum_j alpha_j cos(j theta X) + beta_j sin(j theta X)
//
// and cos(j theta (m - l)), sin(j theta (m - l)) are bilinear in what P0 knows
// and what the evaluators know. P0 deals, per harmonic, the integers
//
//   C_j = round(cos(j theta l) 2^g_j),   S_j = round(sin(j theta l) 2^g_j)
//
// and the evaluators multiply their shares by public integers of q_j fraction
// bits made from m. With v_j = resultFrac - g_j - q_j the products count 2^v_j,
// so that the dealt values are needed modulo 2^(ringBits - v_j) only.
//
// The sums are exact in the ring, and dealer, evaluators and emulator agree to
// the last bit on every machine: IEEE double arithmetic in a fixed order,
// without libm and without contraction. Constant time in l, a secret of the
// dealer: no branch and no address depends on it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/kernels/SimdLevel.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mpc::kernels {

struct FourierTable {
  /// Fraction bits of alpha and beta.
  static constexpr unsigned kCoeffFrac = 40;
  static constexpr size_t kMaxHarmonics = 64;

  struct Harmonic {
    int64_t alpha = 0, beta = 0;
    unsigned dealtFrac = 0;  ///< g_j
    unsigned publicFrac = 0; ///< q_j
    friend bool operator==(const Harmonic &, const Harmonic &) = default;
  };

  unsigned window = 0;     ///< bits of m and l that are read
  uint64_t step = 1;       ///< the period is 2^window / step ulps
  unsigned resultFrac = 0; ///< fraction bits of the result
  unsigned ringBits = 0;   ///< ring of the result
  int64_t offset = 0;      ///< at resultFrac
  int64_t slope = 0;       ///< result units per ulp of X
  std::vector<Harmonic> harmonics;

  /// C_1, S_1, C_2, S_2, ...
  size_t planes() const { return 2 * harmonics.size(); }
  unsigned shift(size_t harmonic) const {
    const Harmonic &h = harmonics[harmonic];
    return resultFrac - h.dealtFrac - h.publicFrac;
  }
  unsigned planeBits(size_t plane) const { return ringBits - shift(plane / 2); }
};

/// A table as a plan's constant holds it: four numbers a harmonic.
std::vector<FourierTable::Harmonic>
fourierHarmonics(std::span<const int64_t> coeffs);
std::vector<int64_t>
fourierCoeffs(std::span<const FourierTable::Harmonic> harmonics);

/// What everything below requires; inputBits is the ring of X. The linear term
/// is local only where X's ring has all bits that slope X needs.
Status validate(const FourierTable &table, unsigned inputBits);

/// The dealer's integers: plane p of element i at out[p * stride + i], modulo
/// 2^64. l may have any bits above the window. Precondition: l.size() <=
/// stride.
void fourierDealt(const FourierTable &table, std::span<const uint64_t> l,
                  uint64_t *out, size_t stride,
                  SimdLevel simd = bestSimdLevel());

/// acc[i] += the harmonics' sum for public m[i] over (shares of) dealt values,
/// modulo 2^64. Precondition: acc.size() == m.size() <= stride.
void fourierEvaluate(const FourierTable &table, std::span<const uint64_t> m,
                     const uint64_t *dealt, size_t stride,
                     std::span<uint64_t> acc, SimdLevel simd = bestSimdLevel());

/// Elements worth handing to the two above at once: dealt values of this many
/// fit a core's cache.
constexpr size_t kFourierPiece = 256;

/// The plain results for inputs x under masks l, reduced to the ring: what the
/// evaluators' shares add up to.
void fourierPlain(const FourierTable &table, std::span<const uint64_t> x,
                  std::span<const uint64_t> l, std::span<uint64_t> out,
                  SimdLevel simd = bestSimdLevel());

} // namespace mpc::kernels

//===- runtime/kernels/Fourier.cpp ----------------------------------------===//
//
// Compiled with -ffp-contract=off: a fused multiply-add rounds once where two
// operations round twice, and parties on different machines would differ. One
// source of loops, compiled once per instruction set; each element's operations
// are the same in all of them.
//
//===----------------------------------------------------------------------===//
#include "runtime/kernels/Fourier.h"

#include "runtime/core/Ring.h"
#include "runtime/core/Secret.h"
#include "runtime/kernels/ExactDouble.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

namespace mpc::kernels {
namespace {

/// Elements whose angles a loop keeps in the first-level cache.
constexpr size_t kLanes = 128;

struct Angles {
  alignas(64) double baseCos[kLanes], baseSin[kLanes];
  alignas(64) double cos[kLanes], sin[kLanes]; ///< of the current harmonic
};

/// cos and sin of step * x turns of 2^window: nearest quarter turn, then
/// Taylor's series on [-pi/4, pi/4]. The terms left out are below 2^-56.
MPC_INLINE void baseAngles(const uint64_t *x, size_t n, uint64_t step,
                           unsigned window, Angles &a) {
  constexpr double kTurn = 0x1.921fb54442d18p2; // 2 pi
  constexpr uint64_t kEighth = uint64_t{1} << 61;
  constexpr double kCos[] = {1.0 / 20922789888000.0,
                             -1.0 / 87178291200.0,
                             1.0 / 479001600.0,
                             -1.0 / 3628800.0,
                             1.0 / 40320.0,
                             -1.0 / 720.0,
                             1.0 / 24.0,
                             -1.0 / 2.0};
  constexpr double kSin[] = {1.0 / 355687428096000.0,
                             -1.0 / 1307674368000.0,
                             1.0 / 6227020800.0,
                             -1.0 / 39916800.0,
                             1.0 / 362880.0,
                             -1.0 / 5040.0,
                             1.0 / 120.0,
                             -1.0 / 6.0};
  for (size_t i = 0; i < n; ++i) {
    const uint64_t turns = (x[i] * step) << (64 - window);
    const uint64_t near = turns + kEighth; // quarter: top two bits
    // The rest, in [0, 2^50), less an eighth turn: exact.
    const uint64_t rest = (near << 2) >> 14;
    const double r = toDouble(rest) - 0x1p49;
    const double t = r * (kTurn * 0x1p-52);
    const double u = t * t;
    double c = kCos[0], s = kSin[0];
    for (size_t k = 1; k < std::size(kCos); ++k) {
      c = c * u + kCos[k];
      s = s * u + kSin[k];
    }
    c = c * u + 1.0;
    s = (s * u) * t + t;
    // Quarters 1 and 3 swap; cos is negative in 1, 2, sin in 2, 3.
    const uint64_t quarter = near >> 62;
    const uint64_t swap = uint64_t{0} - (quarter & 1);
    const uint64_t cb = std::bit_cast<uint64_t>(c),
                   sb = std::bit_cast<uint64_t>(s);
    const uint64_t differ = (cb ^ sb) & swap;
    const uint64_t cosSign = ((quarter + 1) & 2) << 62;
    const uint64_t sinSign = (quarter & 2) << 62;
    a.baseCos[i] = a.cos[i] = std::bit_cast<double>((cb ^ differ) ^ cosSign);
    a.baseSin[i] = a.sin[i] = std::bit_cast<double>((sb ^ differ) ^ sinSign);
  }
}

/// From harmonic j to j + 1.
MPC_INLINE void rotate(Angles &a, size_t i) {
  const double c = a.cos[i], s = a.sin[i];
  a.cos[i] = c * a.baseCos[i] - s * a.baseSin[i];
  a.sin[i] = s * a.baseCos[i] + c * a.baseSin[i];
}

MPC_INLINE void dealtLoop(const FourierTable &t, const uint64_t *l, size_t n,
                          uint64_t *out, size_t stride) {
  Angles a;
  for (size_t at = 0; at < n; at += kLanes) {
    const size_t lanes = std::min(kLanes, n - at);
    baseAngles(l + at, lanes, t.step, t.window, a);
    uint64_t *c = out + at, *s = out + stride + at;
    for (const FourierTable::Harmonic &h : t.harmonics) {
      const double scale = powerOfTwo(static_cast<int>(h.dealtFrac));
      for (size_t i = 0; i < lanes; ++i) {
        c[i] = static_cast<uint64_t>(toInteger(a.cos[i] * scale));
        s[i] = static_cast<uint64_t>(toInteger(a.sin[i] * scale));
        rotate(a, i);
      }
      c += 2 * stride;
      s += 2 * stride;
    }
  }
  core::wipe(&a, sizeof a);
}

MPC_INLINE void evaluateLoop(const FourierTable &t, const uint64_t *m, size_t n,
                             const uint64_t *dealt, size_t stride,
                             uint64_t *acc) {
  Angles a;
  for (size_t at = 0; at < n; at += kLanes) {
    const size_t lanes = std::min(kLanes, n - at);
    baseAngles(m + at, lanes, t.step, t.window, a);
    const uint64_t *c = dealt + at, *s = dealt + stride + at;
    uint64_t *sum = acc + at;
    for (size_t j = 0; j < t.harmonics.size(); ++j) {
      const FourierTable::Harmonic &h = t.harmonics[j];
      const double unit = powerOfTwo(static_cast<int>(h.publicFrac) -
                                     static_cast<int>(t.kCoeffFrac));
      const double alpha = static_cast<double>(h.alpha) * unit;
      const double beta = static_cast<double>(h.beta) * unit;
      const unsigned shift = t.shift(j);
      for (size_t i = 0; i < lanes; ++i) {
        const auto forCos = static_cast<uint64_t>(
            toInteger(alpha * a.cos[i] + beta * a.sin[i]));
        const auto forSin = static_cast<uint64_t>(
            toInteger(alpha * a.sin[i] - beta * a.cos[i]));
        sum[i] += (forCos * c[i] + forSin * s[i]) << shift;
        rotate(a, i);
      }
      c += 2 * stride;
      s += 2 * stride;
    }
  }
}

// The loops above, inlined where wider instructions are allowed.
#define MPC_KERNELS(Level, attribute)                                          \
  attribute void dealt##Level(const FourierTable &t, const uint64_t *l,        \
                              size_t n, uint64_t *out, size_t stride) {        \
    dealtLoop(t, l, n, out, stride);                                           \
  }                                                                            \
  attribute void evaluate##Level(const FourierTable &t, const uint64_t *m,     \
                                 size_t n, const uint64_t *dealt,              \
                                 size_t stride, uint64_t *acc) {               \
    evaluateLoop(t, m, n, dealt, stride, acc);                                 \
  }
MPC_KERNELS(Portable, )
MPC_KERNELS(Avx2, MPC_AVX2)
MPC_KERNELS(Avx512, MPC_AVX512)
#undef MPC_KERNELS

Error bad(const std::string &what) { return Error{"fourier: " + what}; }

} // namespace

std::vector<FourierTable::Harmonic>
fourierHarmonics(std::span<const int64_t> coeffs) {
  std::vector<FourierTable::Harmonic> out;
  for (size_t i = 0; i + 4 <= coeffs.size(); i += 4)
    out.push_back({coeffs[i], coeffs[i + 1],
                   static_cast<unsigned>(std::clamp<int64_t>(
                       coeffs[i + 2], 0, FourierTable::kCoeffFrac + 64)),
                   static_cast<unsigned>(std::clamp<int64_t>(
                       coeffs[i + 3], 0, FourierTable::kCoeffFrac + 64))});
  return out;
}

std::vector<int64_t>
fourierCoeffs(std::span<const FourierTable::Harmonic> harmonics) {
  std::vector<int64_t> out;
  for (const FourierTable::Harmonic &h : harmonics)
    out.insert(out.end(), {h.alpha, h.beta, h.dealtFrac, h.publicFrac});
  return out;
}

Status validate(const FourierTable &t, unsigned inputBits) {
  if (t.window < 2 || t.window > 44 || t.window > inputBits)
    return bad("window " + std::to_string(t.window) +
               " not in [2, 44] within "
               "the input's ring of " +
               std::to_string(inputBits));
  if (t.step < 1 || t.step >> t.window != 0)
    return bad("step " + std::to_string(t.step) + " not below the window");
  if (t.harmonics.empty() || t.harmonics.size() > t.kMaxHarmonics)
    return bad(std::to_string(t.harmonics.size()) + " harmonics, not 1 to 64");
  if (t.ringBits < 1 || t.ringBits > 64 || t.resultFrac > 62)
    return bad("result of ring " + std::to_string(t.ringBits) + ", fraction " +
               std::to_string(t.resultFrac));
  if (t.slope != 0 && inputBits + static_cast<unsigned>(std::countr_zero(
                                      static_cast<uint64_t>(t.slope))) <
                          t.ringBits)
    return bad("the linear term needs more than the input's ring of " +
               std::to_string(inputBits) + " bits");
  for (size_t j = 0; j < t.harmonics.size(); ++j) {
    const FourierTable::Harmonic &h = t.harmonics[j];
    const std::string which = "harmonic " + std::to_string(j + 1);
    if (h.dealtFrac > 46 || h.publicFrac > 46)
      return bad(which + " has fractions above 46");
    if (h.dealtFrac + h.publicFrac > t.resultFrac || t.shift(j) >= t.ringBits)
      return bad(which + " has " + std::to_string(h.dealtFrac + h.publicFrac) +
                 " fraction bits, the result " + std::to_string(t.resultFrac));
    // Weights must stay below 2^51; the coefficients must be exact doubles.
    const double size = std::fabs(static_cast<double>(h.alpha)) +
                        std::fabs(static_cast<double>(h.beta));
    if (size > 0x1p52 ||
        std::ldexp(size, static_cast<int>(h.publicFrac) -
                             static_cast<int>(t.kCoeffFrac)) > 0x1p50)
      return bad(which + " is too large");
  }
  return {};
}

void fourierDealt(const FourierTable &t, std::span<const uint64_t> l,
                  uint64_t *out, size_t stride, SimdLevel simd) {
  assert(l.size() <= stride);
  atLevel(simd, dealtPortable, dealtAvx2, dealtAvx512)(t, l.data(), l.size(),
                                                       out, stride);
}

void fourierEvaluate(const FourierTable &t, std::span<const uint64_t> m,
                     const uint64_t *dealt, size_t stride,
                     std::span<uint64_t> acc, SimdLevel simd) {
  assert(m.size() <= stride && acc.size() == m.size());
  atLevel(simd, evaluatePortable, evaluateAvx2,
          evaluateAvx512)(t, m.data(), m.size(), dealt, stride, acc.data());
}

void fourierPlain(const FourierTable &t, std::span<const uint64_t> x,
                  std::span<const uint64_t> l, std::span<uint64_t> out,
                  SimdLevel simd) {
  assert(x.size() == l.size() && out.size() == x.size());
  std::vector<uint64_t> dealt(t.planes() * kFourierPiece), m(kFourierPiece);
  for (size_t at = 0; at < x.size(); at += kFourierPiece) {
    const size_t n = std::min(kFourierPiece, x.size() - at);
    fourierDealt(t, l.subspan(at, n), dealt.data(), kFourierPiece, simd);
    for (size_t i = 0; i < n; ++i) {
      m[i] = x[at + i] + l[at + i];
      out[at + i] = static_cast<uint64_t>(t.offset) +
                    static_cast<uint64_t>(t.slope) * x[at + i];
    }
    fourierEvaluate(t, std::span(m).first(n), dealt.data(), kFourierPiece,
                    out.subspan(at, n), simd);
    for (size_t i = 0; i < n; ++i)
      out[at + i] = core::reduce(out[at + i], t.ringBits);
  }
}

} // namespace mpc::kernels

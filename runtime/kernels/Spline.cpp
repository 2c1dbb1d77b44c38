//===- runtime/kernels/Spline.cpp -----------------------------------------===//
#include "runtime/kernels/Spline.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>

#include "runtime/core/Ring.h"

namespace mpc::kernels {
namespace {

constexpr unsigned kTauBits = 32; ///< fraction bits of the dealer's powers

constexpr int64_t binomial(unsigned n, unsigned k) {
  int64_t b = 1;
  for (unsigned i = 1; i <= k; ++i)
    b = b * (n - k + i) / i;
  return b;
}

uint64_t lowMask(unsigned bits) { return bits ? core::ringMask(bits) : 0; }

/// tau^0 .. tau^D, rounded to g fraction bits but for the leading 1.
void powers(const SplineTable &t, uint64_t lb, uint64_t *out) {
  uint64_t tau = lb << (kTauBits - t.lowBits()); // < 2^32
  uint64_t q = tau;
  out[0] = 1;
  for (unsigned j = 1; j <= t.degree; ++j) {
    unsigned drop = kTauBits - t.payloadFrac;
    out[j] = (q + (uint64_t{1} << (drop - 1))) >> drop;
    q = q * tau >> kTauBits;
  }
}

Error bad(const std::string &what) { return Error{"spline table: " + what}; }

} // namespace

Status validate(const SplineTable &t) {
  if (t.segmentBits > SplineTable::kMaxSegmentBits)
    return bad("segment bits " + std::to_string(t.segmentBits) + " above 12");
  if (t.degree > SplineTable::kMaxDegree)
    return bad("degree " + std::to_string(t.degree) + " above 7");
  if (t.inputBits < 1 || t.inputBits > 44 || t.inputBits < t.segmentBits ||
      t.lowBits() > kTauBits)
    return bad("input bits " + std::to_string(t.inputBits) +
               " not within segment bits + [0, 32]");
  if (t.payloadFrac < 1 || t.payloadFrac > 31)
    return bad("payload fraction " + std::to_string(t.payloadFrac) +
               " not in [1, 31]");
  if (t.coeffFrac > 48)
    return bad("coefficient fraction " + std::to_string(t.coeffFrac) +
               " above 48");
  if (t.ringBits < 2 || t.ringBits > 64)
    return bad("ring bits " + std::to_string(t.ringBits) + " not in [2, 64]");
  if (t.coeffs.size() != size_t{t.segments()} * t.words())
    return bad(std::to_string(t.coeffs.size()) + " coefficients, expected " +
               std::to_string(size_t{t.segments()} * t.words()));

  // Bounds of every intermediate of the Horner schemes, for mb < 2^h.
  using Wide = __int128;
  constexpr Wide kLimit = Wide{1} << 62;
  const unsigned h = t.lowBits();
  auto magnitude = [](int64_t v) { return v < 0 ? -Wide{v} : Wide{v}; };
  for (unsigned s = 0; s < t.segments(); ++s) {
    const int64_t *c = t.coeffs.data() + size_t{s} * t.words();
    Wide constant = magnitude(c[0]), top = 0;
    for (unsigned j = 0; j <= t.degree; ++j) {
      Wide r = 0;
      for (unsigned i = t.degree; i >= std::max(j, 1u); --i) {
        Wide b = magnitude(c[i]) * binomial(i, j);
        if (b >= kLimit >> PreparedSpline::kGuardBits)
          return bad("coefficient " + std::to_string(i) + " of segment " +
                     std::to_string(s) + " is too large");
        r += (b << PreparedSpline::kGuardBits) + 1; // 1: the floor
        if (r >= kLimit >> h)
          return bad("segment " + std::to_string(s) +
                     " overflows 62 bits of arithmetic");
      }
      if (j == 0)
        top = r;
    }
    // w[0], mu < 1; r has a + guard fraction bits, w[0] has a + g.
    if (top >= kLimit >> t.payloadFrac ||
        constant + (top << t.payloadFrac) + 1 >= kLimit)
      return bad("constant weight of segment " + std::to_string(s) +
                 " overflows 62 bits");
  }
  return {};
}

void splinePayload(const SplineTable &t, std::span<const uint64_t> lambda,
                   std::span<uint64_t> alpha, std::span<uint64_t> payload) {
  assert(alpha.size() == lambda.size() &&
         payload.size() == lambda.size() * t.words());
  const unsigned h = t.lowBits();
  for (size_t e = 0; e < lambda.size(); ++e) {
    uint64_t l = core::reduce(lambda[e], t.inputBits);
    alpha[e] = l >> h;
    powers(t, l & lowMask(h), payload.data() + e * t.words());
  }
}

PreparedSpline::PreparedSpline(const SplineTable &table)
    : table_(table),
      reversed_(size_t{pairIndex(0, table.degree + 1)} * 2 * table.segments()) {
  assert(validate(table));
  const size_t S = table_.segments();
  for (unsigned i = 0; i <= table_.degree; ++i)
    for (unsigned j = 0; j <= i; ++j) {
      int64_t *to = reversed_.data() + 2 * S * pairIndex(j, i);
      for (size_t q = 0; q < 2 * S; ++q) {
        int64_t c = table_.coeffs[(2 * S - q) % S * table_.words() + i];
        to[q] = i == 0 ? c
                       : c * binomial(i, j) * (j % 2 ? -1 : 1) *
                             (int64_t{1} << kGuardBits);
      }
    }
}

void PreparedSpline::weights(uint64_t m, unsigned first, unsigned count,
                             int64_t *w) const {
  assert(first + count <= table_.segments());
  const unsigned h = table_.lowBits(), D = table_.degree;
  const uint64_t x = core::reduce(m, table_.inputBits);
  const unsigned ma = static_cast<unsigned>(x >> h);
  const int64_t mb = static_cast<int64_t>(x & lowMask(h));
  constexpr int64_t kHalf = int64_t{1} << (kGuardBits - 1);

  for (unsigned j = 1; j <= D; ++j) {
    int64_t *r = w + size_t{j} * count;
    std::copy_n(coeff(j, D, ma) + first, count, r);
    for (unsigned i = D; i-- > j;) {
      const int64_t *b = coeff(j, i, ma) + first;
      for (unsigned p = 0; p < count; ++p)
        r[p] = ((r[p] * mb) >> h) + b[p];
    }
    for (unsigned p = 0; p < count; ++p)
      r[p] = (r[p] + kHalf) >> kGuardBits;
  }

  const int64_t *constant = coeff(0, 0, ma) + first;
  if (D == 0) {
    std::copy_n(constant, count, w);
    return;
  }
  std::copy_n(coeff(0, D, ma) + first, count, w);
  for (unsigned i = D; i-- > 1;) {
    const int64_t *b = coeff(0, i, ma) + first;
    for (unsigned p = 0; p < count; ++p)
      w[p] = ((w[p] * mb) >> h) + b[p];
  }
  const int drop =
      static_cast<int>(h + kGuardBits) - static_cast<int>(table_.payloadFrac);
  for (unsigned p = 0; p < count; ++p) {
    int64_t r = w[p] * mb;
    if (drop > 0)
      r = (r + (int64_t{1} << (drop - 1))) >> drop;
    else
      r = r * (int64_t{1} << -drop);
    w[p] = constant[p] + r;
  }
}

uint64_t PreparedSpline::plain(uint64_t x, uint64_t lambdaLow) const {
  const unsigned h = table_.lowBits();
  // A mask with la = 0 and these low bits: the point is then p = 0.
  const uint64_t lb = lambdaLow & lowMask(h);
  std::array<int64_t, SplineTable::kMaxDegree + 1> w;
  std::array<uint64_t, SplineTable::kMaxDegree + 1> power;
  weights(x + lb, 0, 1, w.data());
  powers(table_, lb, power.data());
  uint64_t sum = 0;
  for (unsigned j = 0; j <= table_.degree; ++j)
    sum += static_cast<uint64_t>(w[j]) * power[j];
  return core::reduce(sum, table_.ringBits);
}

uint64_t splinePlain(const SplineTable &table, uint64_t x, uint64_t lambdaLow) {
  return PreparedSpline(table).plain(x, lambdaLow);
}

} // namespace mpc::kernels

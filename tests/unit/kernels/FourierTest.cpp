#include "runtime/kernels/Fourier.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mpc;
using namespace mpc::kernels;

namespace {

using Words = std::vector<uint64_t>;

constexpr int64_t kOne = int64_t{1} << FourierTable::kCoeffFrac;

FourierTable sample() {
  FourierTable t;
  t.window = 20;
  t.step = 5;
  t.resultFrac = 32;
  t.ringBits = 40;
  t.offset = -123456789;
  t.slope = int64_t{3} << 17;
  t.harmonics = {{kOne, -kOne / 3, 16, 16},
                 {-kOne / 7, kOne / 5, 13, 15},
                 {kOne / 1000, 12345, 4, 16},
                 {-kOne / 50, kOne / 60, 20, 9}};
  return t;
}

/// Random masks and both ends of every eighth of the window.
Words masks(const FourierTable &t, size_t n) {
  Words l;
  for (uint64_t eighth = 0; eighth < 8; ++eighth)
    for (int64_t d = -2; d <= 2; ++d)
      l.push_back((eighth << t.window >> 3) + static_cast<uint64_t>(d));
  std::mt19937_64 rng(9);
  while (l.size() < n)
    l.push_back(rng());
  l.resize(n);
  return l;
}

Words dealtOf(const FourierTable &t, const Words &l, SimdLevel simd) {
  Words out(t.planes() * l.size());
  fourierDealt(t, l, out.data(), l.size(), simd);
  return out;
}

} // namespace

TEST_CASE("dealt values are cos and sin, rounded", "[kernels][fourier]") {
  FourierTable t = sample();
  for (FourierTable::Harmonic &h : t.harmonics)
    h = {1, 1, 46, 0};
  t.resultFrac = 46;
  t.ringBits = 64;
  for (unsigned window : {2u, 13u, 20u, 44u}) {
    t.window = window;
    t.step = window == 2 ? 1 : 5;
    t.slope = 0;
    REQUIRE(validate(t, 44));
    const Words l = masks(t, 4000);
    const Words d = dealtOf(t, l, SimdLevel::Portable);
    for (size_t i = 0; i < l.size(); ++i) {
      const uint64_t turns = core::reduce(l[i] * t.step, window);
      for (size_t j = 0; j < t.harmonics.size(); ++j) {
        // Exact in turns, so the reference loses nothing either.
        const uint64_t at = core::reduce(turns * (j + 1), window);
        const long double angle = 2 * 3.141592653589793238462643L *
                                  static_cast<long double>(at) /
                                  std::exp2(static_cast<long double>(window));
        const auto c = static_cast<int64_t>(d[2 * j * l.size() + i]);
        const auto s = static_cast<int64_t>(d[(2 * j + 1) * l.size() + i]);
        // Half a unit, and a few of the last bits of doubles.
        REQUIRE(std::fabs(static_cast<long double>(c) -
                          std::cos(angle) * 0x1p46L) < 0.6L);
        REQUIRE(std::fabs(static_cast<long double>(s) -
                          std::sin(angle) * 0x1p46L) < 0.6L);
      }
    }
  }
}

TEST_CASE("values are the same at every level and on every machine",
          "[kernels][fourier]") {
  const FourierTable t = sample();
  const Words l = masks(t, 1000), m = masks(t, 999);
  std::vector<uint64_t> hashes;
  for (SimdLevel simd : supportedSimdLevels()) {
    const Words d = dealtOf(t, l, simd);
    Words acc(m.size(), 1);
    fourierEvaluate(t, m, d.data(), l.size(), acc, simd);
    uint64_t hash = 0;
    for (const Words *w : {&d, static_cast<const Words *>(&acc)})
      for (uint64_t v : *w)
        hash = hash * 31 + v;
    hashes.push_back(hash);
  }
  for (uint64_t h : hashes)
    CHECK(h == hashes[0]);
  // Recorded once; another value here breaks parties on different machines.
  CHECK(hashes[0] == 0xdd19d90498797a29);
}

TEST_CASE("shares of the parties give the plain value", "[kernels][fourier]") {
  const FourierTable t = sample();
  REQUIRE(validate(t, 24));
  std::mt19937_64 rng(4);
  const size_t n = 3000;
  const Words l = masks(t, n);
  Words x(n), m(n), one(n), two(n), plain(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = rng();
    m[i] = x[i] + l[i];
  }
  Words d1 = dealtOf(t, l, bestSimdLevel()), d2 = d1;
  for (size_t p = 0; p < t.planes(); ++p)
    for (size_t i = 0; i < n; ++i) {
      // What travels has planeBits; bits above them may be anything.
      const uint64_t share = rng();
      const uint64_t other =
          core::reduce(d1[p * n + i] - share, t.planeBits(p));
      d1[p * n + i] = share;
      d2[p * n + i] = other;
    }
  for (size_t i = 0; i < n; ++i)
    one[i] =
        static_cast<uint64_t>(t.offset) + static_cast<uint64_t>(t.slope) * x[i];
  fourierEvaluate(t, m, d1.data(), n, one);
  fourierEvaluate(t, m, d2.data(), n, two);
  fourierPlain(t, x, l, plain);
  for (size_t i = 0; i < n; ++i)
    REQUIRE(core::reduce(one[i] + two[i], t.ringBits) == plain[i]);
}

TEST_CASE("the plain value is the sum it claims", "[kernels][fourier]") {
  const FourierTable t = sample();
  const Words l = masks(t, 5000);
  Words x(l.size()), y(l.size());
  for (size_t i = 0; i < x.size(); ++i) // 24 bits, signed
    x[i] = static_cast<uint64_t>(static_cast<int64_t>(i * 3000) - 7500000);
  fourierPlain(t, x, l, y);
  for (size_t i = 0; i < x.size(); ++i) {
    const double a = static_cast<double>(static_cast<int64_t>(x[i]));
    double want =
        static_cast<double>(t.offset) + static_cast<double>(t.slope) * a;
    want = std::ldexp(want, -32);
    for (size_t j = 0; j < t.harmonics.size(); ++j) {
      const double angle =
          2 * M_PI * 5 * static_cast<double>(j + 1) * a / 0x1p20;
      want += (static_cast<double>(t.harmonics[j].alpha) * std::cos(angle) +
               static_cast<double>(t.harmonics[j].beta) * std::sin(angle)) /
              static_cast<double>(kOne);
    }
    // The ring has 8 integer bits: compare modulo 256.
    const double got =
        std::ldexp(static_cast<double>(core::toSigned(y[i], t.ringBits)), -32);
    REQUIRE(std::fabs(std::remainder(got - want, 256)) < 2.5e-3);
  }
}

TEST_CASE("coefficients come back", "[kernels][fourier]") {
  const FourierTable t = sample();
  CHECK(fourierHarmonics(fourierCoeffs(t.harmonics)) == t.harmonics);
}

TEST_CASE("fourier parameters are checked", "[kernels][fourier]") {
  CHECK(validate(sample(), 24));
  const auto refused = [](auto change, unsigned inputBits = 24) {
    FourierTable t = sample();
    change(t);
    return !validate(t, inputBits);
  };
  CHECK(refused([](FourierTable &t) { t.window = 1; }));
  CHECK(refused([](FourierTable &t) { t.window = 45; }, 64));
  CHECK(refused([](FourierTable &) {}, 19));
  CHECK(refused([](FourierTable &t) { t.step = 0; }));
  CHECK(refused([](FourierTable &t) { t.step = 1 << 20; }));
  CHECK(refused([](FourierTable &t) { t.slope |= 1; }));
  CHECK(refused([](FourierTable &t) { t.harmonics.clear(); }));
  CHECK(refused([](FourierTable &t) { t.harmonics.resize(65); }));
  CHECK(refused([](FourierTable &t) { t.resultFrac = 31; }));
  CHECK(refused([](FourierTable &t) { t.resultFrac = 62; }));
  CHECK(refused([](FourierTable &t) { t.harmonics[1].dealtFrac = 47; }));
  CHECK(refused([](FourierTable &t) { t.harmonics[1].alpha = INT64_MIN; }));
}

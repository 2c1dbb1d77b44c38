//===- tests/unit/crypto/SplineTest.cpp - plain and shared splines --------===//
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <numbers>

#include "CryptoTesting.h"
#include "runtime/crypto/SplineShare.h"
#include "runtime/kernels/ThreadPool.h"

using namespace mpc;
using namespace mpc::crypto;
using kernels::PreparedSpline;
using kernels::SplineTable;

namespace {

SplineTable shape(unsigned n, unsigned d, unsigned D, unsigned g, unsigned a,
                  unsigned K) {
  SplineTable t;
  t.inputBits = n;
  t.segmentBits = d;
  t.degree = D;
  t.payloadFrac = g;
  t.coeffFrac = a;
  t.ringBits = K;
  t.coeffs.resize(size_t{t.segments()} * t.words());
  return t;
}

SplineTable randomTable(unsigned n, unsigned d, unsigned D, unsigned g,
                        unsigned a, unsigned K, uint64_t seed) {
  SplineTable t = shape(n, d, D, g, a, K);
  std::mt19937_64 rng(seed);
  for (size_t i = 0; i < t.coeffs.size(); ++i) {
    unsigned bits = i % t.words() == 0 ? g + a + 3 : a + 3;
    t.coeffs[i] = core::toSigned(rng(), bits);
  }
  return t;
}

/// Interpolation in the Chebyshev points of each segment's double window.
SplineTable fit(const std::function<double(double)> &f, unsigned n,
                unsigned fracBits, unsigned d, unsigned D, unsigned g,
                unsigned a, unsigned K) {
  SplineTable t = shape(n, d, D, g, a, K);
  const double width = std::ldexp(1.0, int(n - d) - int(fracBits));
  const unsigned N = 4 * D + 8;
  for (unsigned s = 0; s < t.segments(); ++s) {
    double centre = width * double(core::toSigned(s, d));
    std::vector<double> cheb(D + 1, 0.0), power(D + 1, 0.0);
    for (unsigned q = 0; q < N; ++q) {
      double angle = (q + 0.5) * std::numbers::pi / N;
      double y = f(centre + width * std::cos(angle));
      for (unsigned i = 0; i <= D; ++i)
        cheb[i] += y * std::cos(i * angle) * (i ? 2.0 : 1.0) / N;
    }
    // Chebyshev polynomials in powers of u: T[i+1] = 2u T[i] - T[i-1].
    std::vector<double> before(D + 2, 0.0), now(D + 2, 0.0);
    now[0] = 1;
    for (unsigned i = 0; i <= D; ++i) {
      for (unsigned j = 0; j <= D; ++j)
        power[j] += cheb[i] * now[j];
      std::vector<double> next(D + 2, 0.0);
      for (unsigned j = 0; j <= D; ++j) {
        if (j > 0)
          next[j] += (i ? 2 : 1) * now[j - 1];
        next[j] -= before[j];
      }
      before = now;
      now = next;
    }
    for (unsigned i = 0; i <= D; ++i)
      t.coeffs[s * t.words() + i] =
          std::llround(std::ldexp(power[i], int(i ? a : g + a)));
  }
  return t;
}

/// Inputs at all edges of the domain and of masks, then random ones.
struct Inputs {
  std::vector<uint64_t> x, lambda, m;
  Inputs(const SplineTable &t, size_t n, uint64_t seed) {
    std::mt19937_64 rng(seed);
    const uint64_t top = uint64_t{1} << (t.inputBits - 1);
    const uint64_t h = uint64_t{1} << t.lowBits();
    for (uint64_t xe : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, -top, -top + 1,
                        top - h - 1, h, h - 1, -h})
      for (uint64_t le : {uint64_t{0}, uint64_t{1}, h - 1, h, 2 * top - 1, top})
        add(t, xe, le);
    while (x.size() < n)
      add(t, rng(), rng());
  }
  void add(const SplineTable &t, uint64_t xe, uint64_t le) {
    x.push_back(xe);
    lambda.push_back(le);
    m.push_back(core::reduce(xe + le, t.inputBits));
  }
};

struct Shares {
  std::vector<uint64_t> a, b;
};

Shares evaluate(const SplineTable &t, const Inputs &in, uint64_t seed,
                kernels::ThreadPool &pool, AesLevel aes = bestAesLevel()) {
  std::mt19937_64 rng(seed);
  const size_t n = in.x.size();
  auto roots1 = randomBlocks(rng, n), roots2 = randomBlocks(rng, n);
  std::vector<uint8_t> keys(dpfKeyBytes(splineDpf(t), n));
  splineDeal(t, in.lambda, roots1.data(), roots2.data(), keys.data(), pool);
  PreparedSpline spline(t);
  Shares out{std::vector<uint64_t>(n), std::vector<uint64_t>(n)};
  splineEvaluate(spline, 1, in.m, roots1.data(), keys.data(), out.a, pool, aes);
  splineEvaluate(spline, 2, in.m, roots2.data(), keys.data(), out.b, pool, aes);
  return out;
}

size_t wrong(const SplineTable &t, const Inputs &in, const Shares &s) {
  PreparedSpline spline(t);
  size_t bad = 0;
  for (size_t e = 0; e < in.x.size(); ++e) {
    uint64_t sum = core::reduce(s.a[e] + s.b[e], t.ringBits);
    bad += sum != spline.plain(in.x[e], in.lambda[e]);
    bad += s.a[e] != core::reduce(s.a[e], t.ringBits);
  }
  return bad;
}

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

} // namespace

TEST_CASE("shares of a spline add up to the plain result exactly") {
  kernels::ThreadPool pool(2);
  struct Case {
    unsigned n, d, D, g, a, K;
  };
  for (Case c : {Case{16, 6, 3, 14, 13, 33},
                 {16, 6, 3, 14, 13, 32},
                 {16, 5, 5, 14, 13, 33},
                 {12, 3, 1, 10, 10, 24},
                 {12, 2, 2, 10, 10, 40},
                 {9, 0, 4, 8, 8, 20},
                 {20, 7, 7, 12, 10, 64},
                 {8, 8, 0, 1, 8, 16},
                 {32, 4, 2, 14, 10, 48},
                 {10, 4, 6, 31, 4, 64},
                 {18, 9, 2, 14, 12, 30},
                 {36, 4, 1, 4, 4, 14},
                 // Each lane width with 1, 2 and 4 points a node.
                 {16, 6, 0, 14, 13, 64},
                 {16, 6, 0, 14, 13, 20},
                 {16, 5, 1, 14, 13, 33},
                 {16, 5, 1, 14, 13, 24},
                 {16, 4, 2, 14, 13, 44},
                 {16, 5, 2, 14, 13, 40},
                 {16, 5, 6, 14, 13, 29},
                 {16, 4, 7, 14, 13, 47}})
    for (AesLevel level : supportedAesLevels()) {
      INFO("n " << c.n << " d " << c.d << " D " << c.D << " K " << c.K << " "
                << name(level));
      auto t = randomTable(c.n, c.d, c.D, c.g, c.a, c.K, c.n + c.D);
      REQUIRE(validate(t));
      Inputs in(t, level == AesLevel::Portable ? 80 : 700, 3);
      REQUIRE(wrong(t, in, evaluate(t, in, 4, pool, level)) == 0);
    }
}

TEST_CASE("all inputs and masks of a small ring") {
  kernels::ThreadPool pool(1);
  auto t = randomTable(6, 3, 2, 6, 6, 18, 9);
  Inputs in(t, 0, 0);
  for (uint64_t x = 0; x < 64; ++x)
    for (uint64_t l = 0; l < 64; ++l)
      in.add(t, x, l);
  REQUIRE(wrong(t, in, evaluate(t, in, 5, pool)) == 0);
}

TEST_CASE("the plain result follows the definition") {
  // Weights and powers in floating point, from the header's formula.
  auto t = randomTable(16, 4, 3, 14, 16, 40, 2);
  Inputs in(t, 400, 7);
  const double width = 1 << t.lowBits();
  for (size_t e = 0; e < in.x.size(); ++e) {
    uint64_t l = core::reduce(in.lambda[e], 16);
    uint64_t s = ((in.m[e] >> 12) - (l >> 12)) & 15;
    double u = (double(in.m[e] & 4095) - double(l & 4095)) / width, y = 0;
    for (unsigned i = 4; i-- > 0;)
      y = y * u + std::ldexp(double(t.coeffs[s * 4 + i]), i ? -16 : -30);
    double got = std::ldexp(
        double(core::toSigned(kernels::splinePlain(t, in.x[e], l), 40)), -30);
    CHECK(got == Approx(y).margin(2e-3)); // |w| < 40, powers at 2^-15
  }
}

TEST_CASE("the AVX-512 sum is the portable one, overflow bounds included") {
  // Coefficients at the largest size validate() admits.
  auto t = shape(20, 3, 3, 10, 10, 64);
  int64_t size = 1;
  for (; size < (int64_t{1} << 60); size *= 2) {
    auto wider = t;
    for (size_t i = 0; i < t.coeffs.size(); ++i)
      wider.coeffs[i] = (i / 2 % 2 ? -1 : 1) * size;
    if (!validate(wider))
      break;
    t = wider;
  }
  CHECK(size > int64_t{1} << 30);
  CHECK(size < int64_t{1} << 40);
  kernels::ThreadPool pool(1);
  Inputs in(t, 300, 8);
  for (AesLevel level : supportedAesLevels())
    CHECK(wrong(t, in, evaluate(t, in, 6, pool, level)) == 0);
}

TEST_CASE("GELU on [-16, 16) within 1e-3") {
  kernels::ThreadPool pool(1);
  for (auto [d, D] : {std::pair{6u, 3u}, {5u, 5u}}) {
    auto t = fit(gelu, 16, 11, d, D, 14, 13, 33);
    REQUIRE(validate(t));
    std::mt19937_64 rng(1);
    Inputs in(t, 0, 0);
    in = Inputs(t, 4000, 2);
    auto s = evaluate(t, in, 7, pool);
    REQUIRE(wrong(t, in, s) == 0);
    double worst = 0;
    size_t inDomain = 0;
    for (size_t e = 0; e < in.x.size(); ++e) {
      int64_t x = core::toSigned(in.x[e], 16);
      if (x >= (1 << 15) - (1 << t.lowBits()))
        continue; // the lost top segment
      uint64_t y = core::reduce(s.a[e] + s.b[e], 33);
      double got = std::ldexp(double(core::toSigned(y, 33)), -27);
      worst = std::max(worst, std::abs(got - gelu(std::ldexp(double(x), -11))));
      ++inDomain;
    }
    INFO("d " << d << " D " << D << " worst error " << worst);
    CHECK(inDomain > 3000);
    CHECK(worst < 1e-3);
  }
}

TEST_CASE("payload and alpha follow the mask") {
  auto t = shape(16, 6, 2, 14, 13, 33);
  std::vector<uint64_t> lambda{0x1f0000 | 0xabcd, 0x3ff, 0}, alpha(3);
  std::vector<uint64_t> payload(9);
  kernels::splinePayload(t, lambda, alpha, payload);
  CHECK(alpha == std::vector<uint64_t>{0xabcd >> 10, 0, 0});
  double tau = (0xabcd & 1023) / 1024.0;
  CHECK(payload[0] == 1);
  CHECK(payload[1] == uint64_t(std::llround(tau * 16384)));
  CHECK(payload[2] == uint64_t(std::llround(tau * tau * 16384)));
  CHECK(payload[4] == 16368); // 1023 / 1024
  CHECK(payload[7] == 0);
  CHECK(payload[8] == 0);
}

TEST_CASE("one share of a spline tells nothing of input or mask") {
  kernels::ThreadPool pool(1);
  auto t = fit(gelu, 16, 11, 6, 3, 14, 13, 32);
  for (uint64_t x : {0, 0x7000}) {
    Inputs in(t, 0, 0);
    in.x.clear(), in.lambda.clear(), in.m.clear();
    for (int i = 0; i < 20000; ++i)
      in.add(t, x, 12345);
    auto s = evaluate(t, in, 9 + x, pool);
    for (auto *share : {&s.a, &s.b}) {
      std::vector<uint8_t> bytes;
      for (uint64_t v : *share)
        for (int b = 0; b < 4; ++b)
          bytes.push_back(static_cast<uint8_t>(v >> (8 * b)));
      CHECK(std::abs(byteDeviation(bytes)) < 8);
    }
  }
}

TEST_CASE("tables that would overflow or make no sense are refused") {
  auto good = randomTable(16, 6, 3, 14, 13, 33, 1);
  CHECK(validate(good));
  auto broken = [&](auto change) {
    auto t = good;
    change(t);
    return !validate(t);
  };
  CHECK(broken([](auto &t) { t.coeffs.pop_back(); }));
  CHECK(broken([](auto &t) { t.segmentBits = 13; }));
  CHECK(broken([](auto &t) { t.segmentBits = 17; }));
  CHECK(broken([](auto &t) { t.degree = 8; }));
  CHECK(broken([](auto &t) { t.inputBits = 0; }));
  CHECK(broken([](auto &t) { t.inputBits = 45; }));
  CHECK(broken([](auto &t) { t.inputBits = 39; })); // h = 33
  CHECK(broken([](auto &t) { t.payloadFrac = 0; }));
  CHECK(broken([](auto &t) { t.payloadFrac = 32; }));
  CHECK(broken([](auto &t) { t.coeffFrac = 49; }));
  CHECK(broken([](auto &t) { t.ringBits = 1; }));
  CHECK(broken([](auto &t) { t.ringBits = 65; }));
  CHECK(broken([](auto &t) { t.coeffs[3] = INT64_MIN; }));
  CHECK(broken([](auto &t) { t.coeffs[3] = int64_t{1} << 44; }));
  CHECK(broken([](auto &t) { t.coeffs[0] = INT64_MAX; }));
}

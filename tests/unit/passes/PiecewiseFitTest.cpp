// Fitted tables, measured through the integers that the parties compute.
#include "passes/PiecewiseFit.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc;
using namespace mpc::passes;

namespace {

struct Row {
  const char *name;
  double (*f)(double);
  double lo, hi;
  int inFrac, outIntBits;
  double tolerance;
  bool relative;
};

double gelu(double x) { return x * 0.5 * (1 + std::erf(x * M_SQRT1_2)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * sigmoid(x); }
double rsqrt(double x) { return 1 / std::sqrt(x); }
double recip(double x) { return 1 / x; }
double logarithm(double x) { return std::log(x); }
double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }
double constant(double) { return 0.25; }
double identity(double x) { return x; }

constexpr double kTol = 1.0 / 8192;
const Row kRows[] = {
    {"gelu", gelu, -8, 8, 15, 4, kTol, false},
    {"gelu, wide", gelu, -60, 40, 14, 7, kTol, false},
    {"silu", silu, -12, 12, 15, 4, kTol, false},
    {"mish", mish, -6, 9, 15, 4, kTol, false},
    {"tanh", std::tanh, -7, 9, 15, 1, kTol, false},
    {"sigmoid", sigmoid, -10, 10, 14, 1, kTol, false},
    {"erf", std::erf, -4, 4, 15, 1, kTol, false},
    {"rsqrt", rsqrt, 0.01, 10, 20, 4, kTol, false},
    {"rsqrt, relative", rsqrt, 0.01, 10, 20, 4, kTol, true},
    {"recip", recip, 0.8, 130, 17, 1, kTol, false},
    {"recip, relative", recip, 0.8, 130, 17, 1, kTol, true},
    {"exp", std::exp, -10, 3, 18, 5, kTol, false},
    {"exp below zero", std::exp, -20, 0, 15, 1, kTol, false},
    {"log", std::log, 0.05, 20, 18, 3, kTol, false},
    {"sin", std::sin, -4, 4, 15, 1, kTol, false},
    {"coarse", gelu, -8, 8, 12, 4, 0.02, false},
    {"one point", gelu, 1, 1, 15, 1, kTol, false},
    {"a domain of few ulps", gelu, 0, 0.0001, 15, 1, kTol, false},
    {"constant", constant, -1, 1, 15, 0, kTol, false},
    {"identity", identity, -1, 1, 15, 1, kTol, false},
};

FitRequest request(const Row &r) {
  FitRequest q;
  q.f = r.f;
  q.lo = r.lo;
  q.hi = r.hi;
  q.inFrac = r.inFrac;
  q.outIntBits = r.outIntBits;
  q.tolerance = r.tolerance;
  q.relative = r.relative;
  return q;
}

double measured(const Row &r, const Fit &fit) {
  const kernels::SplineTable &t = fit.table;
  const kernels::PreparedSpline spline(t);
  const int64_t first =
      static_cast<int64_t>(std::ceil(std::ldexp(r.lo, r.inFrac)));
  const int64_t last =
      static_cast<int64_t>(std::floor(std::ldexp(r.hi, r.inFrac)));
  const int64_t h = int64_t{1} << t.lowBits();
  double worst = 0;
  auto at = [&](int64_t x) {
    if (x < first || x > last)
      return;
    const double real = std::ldexp(static_cast<double>(x), -r.inFrac);
    const double want = r.f(real);
    const double tol = request(r).toleranceAt(want);
    for (int64_t mask : {int64_t{0}, int64_t{1}, h / 2, h - 1, h / 3}) {
      const double got =
          std::ldexp(static_cast<double>(core::toSigned(
                         spline.plain(static_cast<uint64_t>(x - fit.center),
                                      static_cast<uint64_t>(mask)),
                         t.ringBits)),
                     -static_cast<int>(t.resultFrac()));
      worst = std::max(worst, std::fabs(got - want) / tol);
    }
  };
  const int64_t step = std::max<int64_t>(1, (last - first) / 3001);
  for (int64_t x = first; x <= last; x += step)
    at(x);
  for (int64_t d = 0; d < 3; ++d) { // both ends
    at(first + d);
    at(last - d);
  }
  for (int64_t s = -int64_t{t.segments()} / 2; s <= t.segments() / 2; ++s)
    for (int64_t d : {-1, 0, 1}) // every border, from both sides
      at(fit.center + s * h + d);
  return worst;
}

} // namespace

TEST_CASE("fitted tables keep the tolerance under any mask", "[passes]") {
  for (const Row &r : kRows)
    DYNAMIC_SECTION(r.name) {
      std::optional<Fit> fit = fitPiecewise(request(r));
      REQUIRE(fit);
      CHECK(kernels::validate(fit->table));
      CHECK(fit->error <= 1);
      CHECK(measured(r, *fit) <= 1);
    }
}

TEST_CASE("the window covers the domain with a margin", "[passes]") {
  for (const Row &r : kRows)
    DYNAMIC_SECTION(r.name) {
      std::optional<Fit> fit = fitPiecewise(request(r));
      REQUIRE(fit);
      const kernels::SplineTable &t = fit->table;
      const int64_t half = int64_t{1} << (t.inputBits - 1);
      const int64_t h = int64_t{1} << t.lowBits();
      const double scale = std::ldexp(1.0, r.inFrac);
      // Eight ulps of input noise, and the float32 constant is exact.
      CHECK(std::floor(r.lo * scale) - 8 - fit->center >= -half);
      CHECK(std::ceil(r.hi * scale) + 8 - fit->center < half - h);
      const double center =
          std::ldexp(static_cast<double>(fit->center), -r.inFrac);
      CHECK(static_cast<double>(static_cast<float>(center)) == center);
    }
}

TEST_CASE("a fit is the same every time", "[passes]") {
  std::optional<Fit> a = fitPiecewise(request(kRows[0])),
                     b = fitPiecewise(request(kRows[0]));
  REQUIRE((a && b));
  CHECK(a->table == b->table);
  CHECK(a->center == b->center);
  CHECK(a->cost == b->cost);
}

TEST_CASE("a coarser tolerance is not dearer", "[passes]") {
  FitRequest fine = request(kRows[0]), coarse = fine;
  coarse.tolerance = 0.01;
  std::optional<Fit> a = fitPiecewise(fine), b = fitPiecewise(coarse);
  REQUIRE((a && b));
  CHECK(b->cost <= a->cost);
}

TEST_CASE("what cannot be fitted is refused", "[passes]") {
  FitRequest q = request(kRows[0]);
  SECTION("a tolerance below what the ring holds") { q.tolerance = 1e-15; }
  SECTION("a ring that is too small") { q.maxRing = 16; }
  SECTION("a pole inside") {
    q.f = recip;
    q.lo = -1;
    q.hi = 1;
  }
  SECTION("no value on half of the domain") {
    q.f = logarithm;
    q.lo = -1;
    q.hi = 1;
  }
  SECTION("no value at an end") {
    q.f = logarithm;
    q.lo = 0;
    q.hi = 1;
  }
  SECTION("a step") {
    q.f = [](double x) { return x < 0.3 ? 0.0 : 1.0; };
  }
  SECTION("a domain wider than 40 bits") {
    q.lo = -1e9;
    q.hi = 1e9;
  }
  CHECK_FALSE(fitPiecewise(q));
}

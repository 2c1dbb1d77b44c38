#include "passes/FourierFit.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mpc;
using namespace mpc::passes;

namespace {

constexpr int kFrac = 14;
constexpr double kTolerance = 1.0 / 8192;

FitRequest request(double (*f)(double), double lo, double hi, int outIntBits) {
  return {f, lo, hi, kFrac, outIntBits, kTolerance, false, 64};
}

double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
double silu(double x) { return x / (1 + std::exp(-x)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double hyperbolic(double x) { return std::tanh(x); }
double relu(double x) { return std::max(x, 0.0); }
double reciprocal(double x) { return 1 / x; }

/// Largest error with random masks, both ends included.
double worstError(const FourierFit &fit, const FitRequest &r) {
  const kernels::FourierTable &t = fit.table;
  std::mt19937_64 rng(3);
  const auto first = std::llround(std::ldexp(r.lo, kFrac)),
             last = std::llround(std::ldexp(r.hi, kFrac));
  std::vector<uint64_t> x, l, y(20000);
  for (size_t i = 0; i < y.size(); ++i) {
    const double at =
        static_cast<double>(i) / static_cast<double>(y.size() - 1);
    x.push_back(static_cast<uint64_t>(
        first + std::llround(static_cast<double>(last - first) * at)));
    l.push_back(rng());
  }
  kernels::fourierPlain(t, x, l, y);
  double worst = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double got =
        std::ldexp(static_cast<double>(core::toSigned(y[i], t.ringBits)),
                   -static_cast<int>(t.resultFrac));
    const double want = r.f(
        std::ldexp(static_cast<double>(static_cast<int64_t>(x[i])), -kFrac));
    worst = std::max(worst, std::fabs(got - want));
  }
  return worst;
}

} // namespace

TEST_CASE("activations are fitted within the tolerance, for less", "[fit]") {
  struct Row {
    const char *name;
    double (*f)(double);
    double lo, hi;
    int outIntBits;
    double bytes; ///< dealt to P2 at most
  };
  for (const Row &row : {Row{"gelu", gelu, -8, 8, 3, 100},
                         {"gelu", gelu, -3, 9, 4, 90},
                         {"gelu", gelu, -16, 16, 4, 180},
                         {"silu", silu, -8, 8, 3, 90},
                         {"tanh", hyperbolic, -4, 4, 0, 75},
                         {"sigmoid", sigmoid, -8, 8, 0, 80}}) {
    INFO(row.name << " on [" << row.lo << ", " << row.hi << "]");
    const FitRequest r = request(row.f, row.lo, row.hi, row.outIntBits);
    const auto spline = fitPiecewise(r);
    REQUIRE(spline);
    const auto fit = fitFourier(r, kFrac + row.outIntBits + 2, 0, spline->cost);
    REQUIRE(fit);
    CHECK(fit->cost < spline->cost);
    CHECK(fit->error <= 1);
    CHECK(worstError(*fit, r) <= 1.05 * kTolerance);
    double bits = 0;
    for (size_t p = 0; p < fit->table.planes(); ++p)
      bits += fit->table.planeBits(p);
    CHECK(bits / 8 <= row.bytes);
  }
}

TEST_CASE("a tolerance that is relative is met where values are small",
          "[fit]") {
  FitRequest r = request(sigmoid, -4, 4, 0);
  r.relative = true;
  const auto fit = fitFourier(r, kFrac + 5, 0, INFINITY);
  REQUIRE(fit);
  CHECK(worstError(*fit, r) <= 1.05 * kTolerance);
  r.lo = -4;
  r.hi = -3; // values of about 0.03
  CHECK(worstError(*fit, r) <= 1.05 * kTolerance * sigmoid(-3));
}

TEST_CASE("a dear wider input is avoided where it can be", "[fit]") {
  const FitRequest r = request(gelu, -8, 8, 3);
  const auto wide = fitFourier(r, kFrac + 5, 0, INFINITY);
  REQUIRE(wide);
  const auto narrow = fitFourier(r, kFrac + 5, 400e-9, INFINITY);
  REQUIRE(narrow);
  CHECK(wide->table.window > kFrac + 5);
  CHECK(narrow->table.window <= kFrac + 5);
  CHECK(narrow->table.slope == 0);
  CHECK(wide->cost <= narrow->cost);
}

TEST_CASE("results beyond the domain keep to the ring", "[fit]") {
  const FitRequest r = request(gelu, -8, 8, 3);
  const auto fit = fitFourier(r, 21, 0, INFINITY);
  REQUIRE(fit);
  std::vector<uint64_t> x, l(2000), y(2000);
  std::mt19937_64 rng(5);
  for (size_t i = 0; i < y.size(); ++i) {
    x.push_back(static_cast<uint64_t>(
        std::llround((-8.5 + 17.0 * static_cast<double>(i) / 2000) * 16384)));
    l[i] = rng();
  }
  kernels::fourierPlain(fit->table, x, l, y);
  for (uint64_t v : y)
    CHECK(std::abs(core::toSigned(v, fit->table.ringBits)) <
          int64_t{1} << (fit->table.resultFrac + 4));
}

TEST_CASE("kinks, poles and many scales give nothing", "[fit]") {
  CHECK_FALSE(fitFourier(request(relu, -8, 8, 3), 19, 0, INFINITY));
  CHECK_FALSE(fitFourier(request(reciprocal, -1, 1, 10), 26, 0, INFINITY));
  CHECK_FALSE(fitFourier(request(reciprocal, 0.01, 100, 7), 26, 0, INFINITY));
  CHECK_FALSE(fitFourier(request(gelu, -8, 8, 3), 19, 0, 1e-12));
}

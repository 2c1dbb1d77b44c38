// Against the C library, whose last bits may differ between machines: ours do
// not, and stay within a few units of them.
#include "runtime/pub/Math.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace mpc::pub;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// |a - b| in units of the last place of b.
double ulps(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  const double unit = std::nextafter(std::fabs(b), kInf) - std::fabs(b);
  return std::fabs(a - b) / unit;
}

/// The largest error on a grid over [lo, hi].
template <class F, class G> double worst(double lo, double hi, F f, G g) {
  double w = 0;
  constexpr int kSteps = 20011;
  for (int i = 0; i <= kSteps; ++i) {
    const double x = lo + (hi - lo) * i / kSteps;
    w = std::max(w, ulps(f(x), g(x)));
  }
  return w;
}

} // namespace

TEST_CASE("functions agree with the C library's", "[pub]") {
  CHECK(worst(-50, 50, expOf, [](double x) { return std::exp(x); }) < 3);
  CHECK(worst(-700, 700, expOf, [](double x) { return std::exp(x); }) < 4);
  CHECK(worst(1e-6, 3, logOf, [](double x) { return std::log(x); }) < 4);
  CHECK(worst(3, 1e6, logOf, [](double x) { return std::log(x); }) < 3);
  CHECK(worst(-9, 9, atanOf, [](double x) { return std::atan(x); }) < 8);
  CHECK(worst(-5, 5, erfOf, [](double x) { return std::erf(x); }) < 64);
  CHECK(worst(-22, 22, tanhOf, [](double x) { return std::tanh(x); }) < 4096);
  CHECK(worst(
            0.1, 9, [](double x) { return powOf(x, 2.3); },
            [](double x) { return std::pow(x, 2.3); }) < 16);
}

TEST_CASE("sine and cosine, far from zero too", "[pub]") {
  for (double range : {1.0, 100.0, 1e4, 1e6}) {
    INFO(range);
    for (int i = 0; i < 5000; ++i) {
      const double x = range * std::cos(i * 1.7 + 0.1);
      // Near a root only the absolute error says something.
      REQUIRE(std::fabs(sinOf(x) - std::sin(x)) < 4e-16);
      REQUIRE(std::fabs(cosOf(x) - std::cos(x)) < 4e-16);
    }
  }
}

TEST_CASE("edges", "[pub]") {
  CHECK(expOf(-kInf) == 0);
  CHECK(expOf(kInf) == kInf);
  CHECK(expOf(0) == 1);
  CHECK(logOf(0) == -kInf);
  CHECK(logOf(1) == 0);
  CHECK(logOf(kInf) == kInf);
  CHECK(std::isnan(logOf(-1)));
  CHECK(std::isnan(sinOf(kInf)));
  CHECK(sinOf(0) == 0);
  CHECK(cosOf(0) == 1);
  CHECK(atanOf(kInf) == 3.141592653589793 / 2);
  CHECK(erfOf(7) == 1);
  CHECK(erfOf(-7) == -1);
  CHECK(tanhOf(-30) == -1);
  CHECK(powOf(2, 10) == 1024);
  CHECK(powOf(2, -2) == 0.25);
  CHECK(powOf(-2, 3) == -8);
  CHECK(powOf(-2, 2) == 4);
  CHECK(std::isnan(powOf(-2, 0.5)));
  CHECK(powOf(0, 0) == 1);
  CHECK(powOf(0, -1) == kInf);
  CHECK(powOf(-3, 65) == Approx(std::pow(-3.0, 65.0)));
  CHECK(powOf(9, 0.5) == 3);
  for (auto f : {expOf, logOf, sinOf, cosOf, atanOf, erfOf, tanhOf})
    CHECK(std::isnan(f(std::nan(""))));
}

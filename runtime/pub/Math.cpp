//===- runtime/pub/Math.cpp -----------------------------------------------===//
// Compiled without contraction: a * b + c is two roundings on every machine.
#include "runtime/pub/Math.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace mpc::pub {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 3.141592653589793;

/// x = k pi/2 + r, |r| <= pi/4.
struct Quadrant {
  int64_t k;
  double r;
};

Quadrant quadrantOf(double x) {
  // pi/2 in pieces of 33 bits: k times one is exact up to k = 2^20.
  constexpr double kPart1 = 0x1.921fb544p+0, kPart2 = 0x1.0b4611a6p-34,
                   kPart3 = 0x1.3198a2e037073p-69;
  const double k = std::nearbyint(x * (2 / kPi));
  const double r = ((x - k * kPart1) - k * kPart2) - k * kPart3;
  // Beyond int64 there is no quadrant left to speak of.
  return {std::fabs(k) < 0x1p62 ? static_cast<int64_t>(k) : 0, r};
}

double sinSeries(double r) {
  double term = r, sum = r;
  for (int n = 2; n <= 20; n += 2) {
    term *= -r * r / (n * (n + 1));
    sum += term;
  }
  return sum;
}

double cosSeries(double r) {
  double term = 1, sum = 1;
  for (int n = 1; n <= 19; n += 2) {
    term *= -r * r / (n * (n + 1));
    sum += term;
  }
  return sum;
}

double sinOfQuadrant(Quadrant q) {
  switch (q.k & 3) {
  case 0:
    return sinSeries(q.r);
  case 1:
    return cosSeries(q.r);
  case 2:
    return -sinSeries(q.r);
  default:
    return -cosSeries(q.r);
  }
}

} // namespace

double expOf(double x) {
  if (std::isnan(x))
    return x;
  if (x > 710)
    return kInf;
  if (x < -750)
    return 0;
  constexpr double kLn2Hi = 0x1.62e42fee00000p-1,
                   kLn2Lo = 0x1.a39ef35793c76p-33;
  const double k = std::nearbyint(x * 1.4426950408889634);
  const double r = (x - k * kLn2Hi) - k * kLn2Lo;
  double sum = 1;
  for (int n = 16; n >= 1; --n)
    sum = 1 + r / n * sum;
  return std::ldexp(sum, static_cast<int>(k));
}

double logOf(double x) {
  if (std::isnan(x) || x < 0)
    return kNaN;
  if (x == 0)
    return -kInf;
  if (std::isinf(x))
    return x;
  int e = 0;
  double m = std::frexp(x, &e);
  if (m < 0.7071067811865476) {
    m *= 2;
    --e;
  }
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int n = 25; n >= 1; n -= 2)
    sum = sum * square + 1.0 / n;
  // ln 2 in two pieces, as in expOf.
  return e * 0x1.62e42fee00000p-1 + (2 * s * sum + e * 0x1.a39ef35793c76p-33);
}

double sinOf(double x) {
  return std::isfinite(x) ? sinOfQuadrant(quadrantOf(x)) : kNaN;
}

double cosOf(double x) {
  if (!std::isfinite(x))
    return kNaN;
  Quadrant q = quadrantOf(x);
  ++q.k;
  return sinOfQuadrant(q);
}

double atanOf(double x) {
  if (std::isnan(x))
    return x;
  const double a = std::fabs(x);
  if (a > 1)
    return std::copysign(kPi / 2 - atanOf(1 / a), x);
  // Twice the angle's half, twice: |t| <= 0.2.
  double t = a;
  for (int i = 0; i < 2; ++i)
    t = t / (1 + std::sqrt(1 + t * t));
  double sum = 0;
  for (int n = 25; n >= 1; n -= 2)
    sum = 1.0 / n - t * t * sum;
  return std::copysign(4 * t * sum, x);
}

double erfOf(double x) {
  if (std::isnan(x))
    return x;
  if (std::fabs(x) > 6)
    return std::copysign(1.0, x);
  // 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: no term cancels.
  double term = x, sum = x;
  for (int n = 1; n <= 150; ++n) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 1.1283791670955126 * expOf(-x * x) * sum;
}

double tanhOf(double x) {
  if (std::fabs(x) < 1e-3)
    return x - x * x * x / 3 * (1 - 0.4 * x * x);
  if (std::fabs(x) > 20)
    return std::isnan(x) ? x : std::copysign(1.0, x);
  const double e = expOf(2 * x);
  return (e - 1) / (e + 1);
}

double powOf(double x, double y) {
  if (y == 0 || x == 1)
    return 1;
  if (std::isnan(x) || std::isnan(y))
    return kNaN;
  const bool whole = std::trunc(y) == y;
  const bool odd = whole && std::fabs(y) < 0x1p53 && std::fmod(y, 2) != 0;
  if (whole && std::fabs(y) <= 64) {
    double base = x, result = 1;
    for (auto n = static_cast<unsigned>(std::fabs(y)); n; n >>= 1, base *= base)
      if (n & 1)
        result *= base;
    return y < 0 ? 1 / result : result;
  }
  if (x < 0 && !whole && !std::isinf(x))
    return kNaN;
  if (y == 0.5)
    return std::sqrt(x);
  const double p = expOf(y * logOf(std::fabs(x)));
  return std::signbit(x) && odd ? -p : p;
}

} // namespace mpc::pub

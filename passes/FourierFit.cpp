//===- passes/FourierFit.cpp - choose period, slope and harmonics by cost -===//
#include "passes/FourierFit.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace mpc::passes {
namespace {

constexpr size_t kNodes = 224;  ///< least squares, Chebyshev-distributed
constexpr size_t kChecks = 673; ///< evenly, where the error is seen
constexpr size_t kMaxHarmonics = 48;
/// Rounding errors have random signs: of their sum, this many standard
/// deviations count.
constexpr double kDeviations = 4.5;
/// Bytes that a harmonic's two dealt values have at least: a bit each for sign
/// and range, and the tolerance.
constexpr double kLeastBytes = 3;

using Vector = std::vector<double>;

double dot(const Vector &u, const Vector &v, size_t from, size_t to) {
  const double *a = u.data(), *b = v.data();
  double s[4] = {};
  size_t i = from;
  for (; i + 4 <= to; i += 4)
    for (size_t k = 0; k < 4; ++k)
      s[k] += a[i + k] * b[i + k];
  for (; i < to; ++i)
    s[0] += a[i] * b[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/// Least squares of two right-hand sides, column by column (Householder): the
/// best combination of the columns so far is there at any time.
class LeastSquares {
public:
  /// ridge: what a coefficient of 1 counts among the residuals.
  LeastSquares(Vector f, Vector x, double ridge)
      : ridge_(ridge), rows_(f.size()), f_(std::move(f)), x_(std::move(x)) {}

  void add(Vector column) {
    const size_t k = reflectors_.size();
    column.resize(rows_ + k, 0);
    column.push_back(ridge_);
    f_.push_back(0);
    x_.push_back(0);
    for (size_t j = 0; j < k; ++j)
      reflect(reflectors_[j], j, column);
    const double norm = std::sqrt(dot(column, column, k, column.size()));
    const double diagonal = column[k] > 0 ? -norm : norm;
    upper_.emplace_back(column.begin(), column.begin() + static_cast<long>(k));
    upper_.back().push_back(diagonal);
    column[k] -= diagonal;
    const double length = std::sqrt(dot(column, column, k, column.size()));
    for (size_t i = k; i < column.size(); ++i)
      column[i] /= length;
    reflect(column, k, f_);
    reflect(column, k, x_);
    reflectors_.push_back(std::move(column));
  }

  /// Norm of what is left of f - slope x, per row.
  double residual(double slope) const {
    double s = 0;
    for (size_t i = upper_.size(); i < f_.size(); ++i)
      s += (f_[i] - slope * x_[i]) * (f_[i] - slope * x_[i]);
    return std::sqrt(s / static_cast<double>(rows_));
  }
  /// The slope for which the least is left.
  double bestSlope() const {
    const size_t k = upper_.size();
    return dot(f_, x_, k, f_.size()) / dot(x_, x_, k, x_.size());
  }
  Vector solve(double slope) const {
    Vector c(upper_.size());
    for (size_t k = c.size(); k-- > 0;) {
      double v = f_[k] - slope * x_[k];
      for (size_t j = k + 1; j < c.size(); ++j)
        v -= upper_[j][k] * c[j];
      c[k] = v / upper_[k][k];
    }
    return c;
  }

private:
  static void reflect(const Vector &v, size_t from, Vector &to) {
    const size_t end = std::min(v.size(), to.size());
    const double s = 2 * dot(v, to, from, end);
    const double *in = v.data();
    double *out = to.data();
    for (size_t i = from; i < end; ++i)
      out[i] -= s * in[i];
  }

  const double ridge_;
  const size_t rows_;
  Vector f_, x_;
  std::vector<Vector> reflectors_, upper_;
};

/// Points, the function there, and 1, cos, sin, cos 2, ... of one period.
struct Grid {
  Vector x, f, weight; ///< weight: 1 / tolerance
  std::vector<Vector> basis;

  void start() { basis.assign(1, Vector(x.size(), 1)); }
  void grow(double omega) {
    const double j = static_cast<double>(basis.size() / 2 + 1) * omega;
    Vector c(x.size()), s(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      c[i] = std::cos(j * x[i]);
      s[i] = std::sin(j * x[i]);
    }
    basis.push_back(std::move(c));
    basis.push_back(std::move(s));
  }
  Vector weighted(const Vector &v) const {
    Vector r(v.size());
    for (size_t i = 0; i < v.size(); ++i)
      r[i] = v[i] * weight[i];
    return r;
  }
};

class Fitter {
public:
  Fitter(const FitRequest &r, int inputBits, double widening, double maxCost)
      : r_(r), inputBits_(inputBits), widening_(widening), maxCost_(maxCost) {}

  std::optional<FourierFit> run() {
    const double scale = std::ldexp(1.0, r_.inFrac);
    if (!sample())
      return std::nullopt;
    const double ulps = std::ceil((r_.hi - r_.lo) * scale) + 1;
    int window = 2;
    while (std::ldexp(1.0, window) < 8 * ulps)
      ++window;
    if (window > 44)
      return std::nullopt;
    // Periods of 1.08 to 2.2 domains, an eighth apart at most; a usual one
    // first, to give up early.
    const double ratio = std::ldexp(1.0, window) / ulps;
    std::vector<int> steps;
    for (int s = 1; s <= 16; ++s)
      if (ratio / s >= 1.08 && ratio / s <= 2.2)
        steps.push_back(s);
    std::sort(steps.begin(), steps.end(), [&](int a, int b) {
      return std::fabs(ratio / a - 1.3) < std::fabs(ratio / b - 1.3);
    });
    for (int s : steps) {
      const int even = std::countr_zero(static_cast<unsigned>(s));
      if (!tryPeriod(window - even, s >> even))
        break;
    }
    return std::move(best_);
  }

private:
  bool sample() {
    double largest = 0, finest = r_.tolerance;
    auto fill = [&](Grid &g, size_t n, auto at) {
      g.x.resize(n);
      g.f.resize(n);
      g.weight.resize(n);
      for (size_t i = 0; i < n; ++i) {
        g.x[i] = at(i);
        g.f[i] = r_.f(g.x[i]);
        if (!std::isfinite(g.f[i]))
          return false;
        const double tol = r_.toleranceAt(g.f[i]);
        g.weight[i] = 1 / tol;
        finest = std::min(finest, tol);
        largest = std::max(largest, std::fabs(g.f[i]));
      }
      return true;
    };
    const double mid = (r_.lo + r_.hi) / 2, half = (r_.hi - r_.lo) / 2;
    const bool ok =
        fill(nodes_, kNodes,
             [&](size_t i) {
               return mid + half * std::cos((static_cast<double>(i) + 0.5) *
                                            M_PI / kNodes);
             }) &&
        fill(checks_, kChecks, [&](size_t i) {
          return r_.lo +
                 (r_.hi - r_.lo) * static_cast<double>(i) / (kChecks - 1);
        });
    finest_ = finest;
    largest_ = largest;
    return ok && finest > 0 && half > 0;
  }

  double bound() const {
    return best_ ? std::min(best_->cost, maxCost_) : maxCost_;
  }

  /// Adds harmonics until the fit is good enough. False: other periods are
  /// hopeless too.
  bool tryPeriod(int window, int step) {
    const double omega = 2 * M_PI * step / std::ldexp(1.0, window - r_.inFrac);
    nodes_.start();
    checks_.start();
    // Coefficients of the function's size may cost a fraction of the tolerance.
    LeastSquares lsq(nodes_.weighted(nodes_.f), nodes_.weighted(nodes_.x),
                     0.1 * std::sqrt(double{kNodes}) /
                         std::max(largest_, finest_));
    lsq.add(nodes_.weighted(nodes_.basis[0]));
    unsigned met = 0;
    double early = 0;
    for (size_t harmonics = 1; harmonics <= kMaxHarmonics; ++harmonics) {
      if (static_cast<double>(harmonics) *
              (r_.prices.harmonic + kLeastBytes * r_.prices.dealtByte) >=
          bound())
        return met != 0 || best_ || lsq.residual(lsq.bestSlope()) < 30;
      nodes_.grow(omega);
      lsq.add(nodes_.weighted(nodes_.basis[2 * harmonics - 1]));
      lsq.add(nodes_.weighted(nodes_.basis[2 * harmonics]));
      checks_.grow(omega);
      const double best = lsq.bestSlope();
      if (harmonics == 3)
        early = best;
      if (!(lsq.residual(best) < 0.7))
        continue;
      // With many harmonics any slope fits; the early one is the function's.
      std::vector<double> slopes = {0, std::round(8 * early) / 8,
                                    std::round(2 * best) / 2,
                                    std::round(8 * best) / 8};
      std::sort(slopes.begin(), slopes.end());
      slopes.erase(std::unique(slopes.begin(), slopes.end()), slopes.end());
      bool any = false;
      for (double slope : slopes)
        if (lsq.residual(slope) < 0.7)
          any |= consider(window, step, slope, lsq.solve(slope));
      // A few more may need fewer bits each.
      met += any;
      if (met == 4)
        return true;
    }
    return met != 0 || best_ || lsq.residual(lsq.bestSlope()) < 30;
  }

  /// Whether inputs outside the domain, up to the middle of the rest of the
  /// period, still have results that do not wrap in the ring.
  bool tame(int window, int step, double slope, const Vector &c) const {
    const double period = std::ldexp(1.0, window - r_.inFrac) / step;
    const double gap = period - (r_.hi - r_.lo);
    const double limit = std::ldexp(1.9, r_.outIntBits);
    for (int i = -32; i <= 32; ++i) {
      const double x = i <= 0 ? r_.lo + gap * i / 64 : r_.hi + gap * i / 64;
      const double angle = 2 * M_PI / period * x;
      double y = c[0] + slope * x;
      for (size_t k = 1; k + 1 < c.size(); k += 2) {
        const double j = static_cast<double>(k / 2 + 1);
        y += c[k] * std::cos(j * angle) + c[k + 1] * std::sin(j * angle);
      }
      if (std::fabs(y) > limit)
        return false;
    }
    return true;
  }

  /// True if the tolerance is met.
  bool consider(int window, int step, double slope, const Vector &c) {
    double worst = 0;
    for (size_t i = 0; i < kChecks; ++i) {
      double y = slope * checks_.x[i] - checks_.f[i];
      for (size_t k = 0; k < c.size(); ++k)
        y += c[k] * checks_.basis[k][i];
      worst = std::max(worst, std::fabs(y) * checks_.weight[i]);
    }
    // Far larger coefficients cancel each other: no fit worth having.
    for (double v : c)
      if (!(std::fabs(v) < 4096))
        return false;
    if (!(worst <= 0.9) || !tame(window, step, slope, c))
      return false;

    // Fewest fraction bits: a harmonic of size a with g dealt and q public
    // bits errs by a 2^-g and 2^-q, so a 2^-g = 2^-q, g + q = T + log2 a.
    FourierFit fit;
    fit.outIntBits = r_.outIntBits;
    kernels::FourierTable &t = fit.table;
    t.window = static_cast<unsigned>(window);
    t.step = static_cast<uint64_t>(step);
    const double budget = (1 - worst) * finest_ / kDeviations;
    double deviation = INFINITY;
    for (int total = 2; !(deviation <= budget); ++total) {
      if (total > 80)
        return false;
      t.harmonics.clear();
      double variance = 0;
      for (size_t j = 1; j + 1 < c.size(); j += 2) {
        const double a = std::hypot(c[j], c[j + 1]);
        const double log = std::log2(std::max(a, 1e-12));
        const int sum = std::max(2, static_cast<int>(std::lround(total + log)));
        const int g = std::clamp(static_cast<int>(std::lround((sum + log) / 2)),
                                 1, sum - 1);
        if (g > 46 || sum - g > 46)
          return false;
        variance +=
            (a * a * std::ldexp(1.0, -2 * g) + std::ldexp(1.0, 2 * (g - sum))) /
            12;
        const double unit = std::ldexp(1.0, t.kCoeffFrac);
        t.harmonics.push_back(
            {std::llround(c[j] * unit), std::llround(c[j + 1] * unit),
             static_cast<unsigned>(g), static_cast<unsigned>(sum - g)});
      }
      deviation = std::sqrt(variance);
    }
    t.resultFrac =
        slope != 0 ? static_cast<unsigned>(std::max(0, r_.inFrac + 3)) : 1;
    for (const auto &h : t.harmonics)
      t.resultFrac = std::max(t.resultFrac, h.dealtFrac + h.publicFrac);
    const int frac = static_cast<int>(t.resultFrac);
    const int ring = frac + r_.outIntBits + 2;
    if (ring > static_cast<int>(r_.maxRing) || ring < 2 || frac > 50)
      return false;
    t.ringBits = static_cast<unsigned>(ring);
    t.offset = std::llround(std::ldexp(c[0], frac));
    t.slope = std::llround(std::ldexp(slope, frac - r_.inFrac));
    int inputBits = std::max(window, inputBits_);
    if (t.slope != 0)
      inputBits = std::max(
          inputBits, ring - std::countr_zero(static_cast<uint64_t>(t.slope)));
    if (!kernels::validate(t, static_cast<unsigned>(std::min(inputBits, 64))))
      return false;
    fit.error = worst + kDeviations * deviation / finest_;
    // The input's further bits travel through a product and an exchange.
    double bits = 0;
    for (size_t p = 0; p < t.planes(); ++p)
      bits += t.planeBits(p);
    fit.cost = r_.prices.dealtByte * bits / 8 +
               r_.prices.inputBit * 3.0 * (inputBits - inputBits_) +
               r_.prices.harmonic * static_cast<double>(t.harmonics.size()) +
               (inputBits > inputBits_ ? widening_ : 0);
    if (fit.cost < bound())
      best_ = std::move(fit);
    return true;
  }

  const FitRequest &r_;
  const int inputBits_;
  const double widening_, maxCost_;
  double finest_ = 0, largest_ = 0;
  Grid nodes_, checks_;
  std::optional<FourierFit> best_;
};

} // namespace

std::optional<FourierFit> fitFourier(const FitRequest &request, int inputBits,
                                     double widening, double maxCost) {
  return Fitter(request, inputBits, widening, maxCost).run();
}

} // namespace mpc::passes

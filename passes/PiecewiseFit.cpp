//===- passes/PiecewiseFit.cpp - choose segments and degree by cost -------===//
#include "passes/PiecewiseFit.h"

#include "runtime/core/DpfKey.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mpc::passes {
namespace {

constexpr unsigned kMaxDegree = 7;
constexpr unsigned kMaxDepth = 11;
constexpr int kNodes = 24;      ///< Chebyshev nodes a window
constexpr int kChecks = 24;     ///< points a window at which the error is seen
constexpr int64_t kPadUlps = 8; ///< input noise of truncations, each side

/// Values of f at the nodes of one window, reused for every degree.
struct Window {
  double lo, hi;       ///< part of the window inside the domain, in u
  double fitLo, fitHi; ///< where it is fitted: at least that part
  bool outside;        ///< no part is inside: constant extension
  double constant;
  std::array<double, kNodes> node;
  std::array<double, kChecks> check;
};

/// Polynomial in t on [-1, 1] from Chebyshev coefficients -> monomials.
std::vector<double> toMonomials(const std::vector<double> &cheb) {
  const size_t n = cheb.size();
  std::vector<double> prev(n, 0), cur(n, 0), sum(n, 0);
  prev[0] = 1;
  sum[0] = cheb[0];
  if (n > 1) {
    cur[1] = 1;
    sum[1] += cheb[1];
  }
  for (size_t k = 2; k < n; ++k) {
    std::vector<double> next(n, 0);
    for (size_t i = 0; i + 1 < n; ++i)
      next[i + 1] += 2 * cur[i];
    for (size_t i = 0; i < n; ++i)
      next[i] -= prev[i];
    for (size_t i = 0; i < n; ++i)
      sum[i] += cheb[k] * next[i];
    prev = std::move(cur);
    cur = std::move(next);
  }
  return sum;
}

/// p(a + b u) as a polynomial in u.
std::vector<double> substitute(const std::vector<double> &p, double a,
                               double b) {
  std::vector<double> r(p.size(), 0);
  for (size_t k = p.size(); k-- > 0;) {
    for (size_t i = r.size(); i-- > 1;)
      r[i] = r[i] * a + r[i - 1] * b;
    r[0] = r[0] * a + p[k];
  }
  return r;
}

double evalPoly(const std::vector<double> &p, double u) {
  double r = 0;
  for (size_t i = p.size(); i-- > 0;)
    r = r * u + p[i];
  return r;
}

class Fitter {
public:
  explicit Fitter(const FitRequest &r) : r_(r) {
    constexpr int kPoints = 64;
    for (int i = 0; i <= kPoints; ++i)
      largest_ = std::max(largest_,
                          std::fabs(r.f(r.lo + (r.hi - r.lo) * i / kPoints)));
  }

  std::optional<Fit> run() {
    std::optional<Fit> best;
    for (unsigned d = 1; d <= kMaxDepth; ++d) {
      // The least a key has, with payloads of no width.
      const auto least = static_cast<double>(core::dpfKeyBits(d, 0, 0)) / 8;
      if (best && best->cost <= r_.prices.bothByte * least)
        break; // the keys alone cost more than the best so far
      if (!layOut(d))
        continue;
      if (!sample())
        return std::nullopt;
      for (unsigned degree = 1; degree <= kMaxDegree; ++degree)
        if (std::optional<Fit> fit = tryDegree(degree);
            fit && (!best || fit->cost < best->cost))
          best = std::move(fit);
    }
    return best;
  }

private:
  /// Window of n bits and centre for 2^d segments, d >= 1. The centre becomes
  /// a float32 constant, so it is a multiple of a grain that float32 holds.
  bool layOut(unsigned d) {
    const double scale = std::ldexp(1.0, r_.inFrac);
    const double first = std::floor(r_.lo * scale) - kPadUlps;
    const double last = std::ceil(r_.hi * scale) + kPadUlps;
    const int bits =
        std::ilogb(std::max({std::fabs(first), std::fabs(last), 1.0}));
    const double grain = std::ldexp(1.0, std::max(0, bits - 21));
    const double length = last - first + 1 + grain;
    double usable = 0;
    for (n_ = d + 1; n_ <= 40; ++n_) {
      h_ = n_ - d;
      usable = std::ldexp(1.0, n_) - std::ldexp(1.0, h_);
      if (usable >= length)
        break;
    }
    if (n_ > 40)
      return false;
    d_ = d;
    // The domain begins at the border of a segment, so that the first window,
    // where functions are often steepest, is half inside it, no sliver.
    const double segment = std::ldexp(1.0, h_);
    const double start = -std::ldexp(1.0, n_ - 1) +
                         std::floor((usable - length) / 2 / segment) * segment;
    center_ = static_cast<int64_t>(std::floor((first - start) / grain) * grain);
    return true;
  }

  double xAt(int64_t s, double u) const {
    return std::ldexp(static_cast<double>(center_) +
                          (static_cast<double>(s) + u) * std::ldexp(1.0, h_),
                      -r_.inFrac);
  }

  /// False where f has no finite value: a pole or a hole inside the domain.
  bool sample() {
    const int64_t segments = int64_t{1} << d_;
    windows_.assign(segments, {});
    for (int64_t i = 0; i < segments; ++i) {
      const int64_t s = i - segments / 2;
      Window &w = windows_[i];
      const double width = xAt(s, 1) - xAt(s, 0);
      w.lo = std::max(-1.0, (r_.lo - xAt(s, 0)) / width);
      w.hi = std::min(1.0, (r_.hi - xAt(s, 0)) / width);
      w.outside = w.hi - w.lo < 1e-9;
      if (w.outside) {
        w.constant = r_.f(std::clamp(xAt(s, 0), r_.lo, r_.hi));
        if (!std::isfinite(w.constant))
          return false;
        continue;
      }
      w.fitLo = w.lo;
      w.fitHi = w.hi;
      // A part that is small makes large coefficients: f's continuation helps.
      if (w.hi - w.lo < 1 && continues(xAt(s, std::max(-1.0, w.hi - 1))))
        w.fitLo = std::max(-1.0, w.hi - 1);
      if (w.hi - w.fitLo < 1 && continues(xAt(s, std::min(1.0, w.fitLo + 1))))
        w.fitHi = std::min(1.0, w.fitLo + 1);
      const double mid = (w.fitLo + w.fitHi) / 2,
                   half = (w.fitHi - w.fitLo) / 2;
      for (int k = 0; k < kNodes; ++k)
        w.node[k] =
            r_.f(xAt(s, mid + half * std::cos((k + .5) * M_PI / kNodes)));
      for (int k = 0; k < kChecks; ++k)
        w.check[k] = r_.f(xAt(s, checkPoint(w, k)));
      auto finite = [](double y) { return std::isfinite(y); };
      if (!std::all_of(w.node.begin(), w.node.end(), finite) ||
          !std::all_of(w.check.begin(), w.check.end(), finite))
        return false;
    }
    return true;
  }

  /// Whether f can be fitted out to x, beyond the domain: no pole on the way as
  /// far as its size tells.
  bool continues(double x) const {
    const double y = r_.f(x);
    return std::isfinite(y) && std::fabs(y) <= 4 * largest_;
  }

  static double checkPoint(const Window &w, int k) {
    return w.lo + (w.hi - w.lo) * k / (kChecks - 1);
  }

  std::optional<Fit> tryDegree(unsigned degree) {
    const size_t words = degree + 1;
    std::vector<std::vector<double>> polys;
    double worst = 0, weight = 0;
    double finest = r_.tolerance;
    for (const Window &w : windows_) {
      std::vector<double> p(words, 0);
      if (w.outside) {
        p[0] = w.constant;
      } else {
        // A sliver of a window carries no information on high powers.
        const unsigned deg =
            w.fitHi - w.fitLo < 0.2 ? std::min(degree, 1u) : degree;
        std::vector<double> cheb(deg + 1, 0);
        for (unsigned j = 0; j <= deg; ++j) {
          for (int k = 0; k < kNodes; ++k)
            cheb[j] += w.node[k] * std::cos(j * (k + .5) * M_PI / kNodes);
          cheb[j] *= (j ? 2.0 : 1.0) / kNodes;
        }
        const double mid = (w.fitLo + w.fitHi) / 2,
                     half = (w.fitHi - w.fitLo) / 2;
        p = substitute(toMonomials(cheb), -mid / half, 1 / half);
        p.resize(words, 0);
        for (int k = 0; k < kChecks; ++k) {
          const double tol = r_.toleranceAt(w.check[k]);
          finest = std::min(finest, tol);
          worst = std::max(
              worst,
              std::fabs(evalPoly(p, checkPoint(w, k)) - w.check[k]) / tol);
        }
      }
      double sum = 0;
      for (size_t i = 1; i < words; ++i)
        sum += std::fabs(p[i]) * std::ldexp(1.0, static_cast<int>(i));
      weight = std::max(weight, sum);
      polys.push_back(std::move(p));
    }
    if (!(worst <= 0.75)) // the rest is for rounding
      return std::nullopt;

    // Each weight is off by 2^-(a+1), each payload by 2^-(g+1) times its
    // weight.
    const int a =
        static_cast<int>(std::ceil(std::log2(degree * 2.0 / finest))) + 1;
    const int g = std::max(4, static_cast<int>(std::ceil(
                                  std::log2((weight + 1e-9) * 2 / finest))) +
                                  1);
    const int ring = g + a + r_.outIntBits + 2;
    if (a < 1 || ring < 2 || ring > static_cast<int>(r_.maxRing))
      return std::nullopt;

    Fit fit;
    fit.center = center_;
    fit.error = worst;
    kernels::SplineTable &t = fit.table;
    t.inputBits = n_;
    t.segmentBits = d_;
    t.degree = degree;
    t.payloadFrac = g;
    t.coeffFrac = a;
    t.ringBits = ring;
    const int64_t segments = int64_t{1} << d_;
    t.coeffs.assign(segments * words, 0);
    for (int64_t i = 0; i < segments; ++i) {
      const int64_t s = (i - segments / 2) & (segments - 1);
      for (size_t j = 0; j < words; ++j)
        t.coeffs[s * words + j] =
            std::llround(std::ldexp(polys[i][j], j ? a : g + a));
    }
    if (!kernels::validate(t))
      return std::nullopt;
    const double leaves = static_cast<double>(segments);
    const FitPrices &p = r_.prices;
    const auto key = core::dpfKeyBits(d_, static_cast<unsigned>(words), ring);
    fit.cost = p.bothByte * static_cast<double>(key) / 8 + p.dpfLevel * d_ +
               p.leafWord * leaves * (words + 1);
    return fit;
  }

  const FitRequest &r_;
  unsigned d_ = 0, n_ = 0, h_ = 0;
  int64_t center_ = 0;
  double largest_ = 0; ///< of |f| on the domain
  std::vector<Window> windows_;
};

} // namespace

FitPrices FitPrices::of(const plan::Profile &p) {
  const plan::MachineProfile &m = p.machine;
  return {p.dealtByteSeconds(),
          p.dealtToBothByteSeconds(),
          p.exchangedByteSeconds() / 8,
          p.workSeconds(m.dpfLevel),
          p.workSeconds(m.dpfLeaf, 2),
          p.workSeconds(m.tableTerm) + p.workSeconds(m.tableTerm, 2),
          p.roundSeconds()};
}

std::optional<Fit> fitPiecewise(const FitRequest &request) {
  return Fitter(request).run();
}

} // namespace mpc::passes

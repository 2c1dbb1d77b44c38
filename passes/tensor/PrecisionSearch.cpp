//===- passes/tensor/PrecisionSearch.cpp ----------------------------------===//
#include "passes/tensor/PrecisionSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

namespace mpc::passes {
namespace {

/// Kernels for rings of 32 bits are twice as fast.
constexpr int kNarrow = 32;
/// Of the allowed error, at most one of these is spent on staying narrow. More
/// buys no time in whole plans and costs bytes (docs/performance-log.md).
constexpr double kNarrowShares[] = {0, 0.25};

class PrecisionSearch {
public:
  PrecisionSearch(PrecisionProblem &problem, const plan::Profile &profile)
      : p_(problem), profile_(profile) {}

  bool run(int ringBits) {
    solve();
    // Extensions need one bit more than a product.
    hold(ringBits - 1, INFINITY);
    if (p_.totalError() > 1)
      return false;
    stayNarrow();
    spendRest();
    return true;
  }

private:
  using Source = PrecisionSource;
  using Product = PrecisionProduct;

  void setFracs(double logLambda) {
    for (Source &s : p_.sources) {
      const double f =
          s.weight > 0
              ? (std::log2(s.weight) - std::log2(s.cost) - logLambda) / 2
              : s.least;
      s.frac =
          std::min(std::max(static_cast<int>(std::ceil(f)), s.least), s.most);
    }
  }

  /// The coarsest fractions whose errors add up to at most 1; the finest if
  /// none do.
  void solve() {
    int lo = -400, hi = 400; // quarters of log2 lambda: fine to coarse
    while (lo < hi) {
      const int middle = lo + (hi - lo + 1) / 2;
      setFracs(middle / 4.0);
      if (p_.totalError() <= 1)
        lo = middle;
      else
        hi = middle - 1;
    }
    setFracs(lo / 4.0);
  }

  /// Holds products of matrices to narrow rings, as many as are worth the bits
  /// that other values then need: the least predicted seconds.
  void stayNarrow() {
    const std::vector<Source> wide = p_.sources;
    std::vector<Source> best = wide;
    double least = INFINITY;
    for (double share : kNarrowShares) {
      p_.sources = wide;
      hold(kNarrow, share);
      if (const double s = seconds(); p_.totalError() <= 1 && s < least) {
        least = s;
        best = p_.sources;
      }
    }
    p_.sources = std::move(best);
  }

  /// What fraction bits and wide products take under the profile.
  double seconds() const {
    double bits = 0, wide = 0;
    for (const Source &s : p_.sources)
      bits += s.cost * s.frac;
    for (const Product &q : p_.products)
      wide += p_.ringOf(q) > kNarrow ? 2 * q.work : 0;   // online and offline
    return bits / 16 * profile_.exchangedByteSeconds() + // a byte each way
           profile_.workSeconds(
               wide * (profile_.machine.macU64 - profile_.machine.macU32), 2);
  }

  /// Holds sums of products to rings of `limit` bits: those with products of
  /// matrices, by what it adds to the error for each multiplication that
  /// becomes cheaper, while that is at most `share` of the allowance and the
  /// others can make up for it; all of them if the share is infinite.
  void hold(int limit, double share) {
    const bool must = std::isinf(share);
    std::map<uint32_t, std::vector<const Product *>> sums;
    for (const Product &p : p_.products)
      sums[p.sum].push_back(&p);
    struct Choice {
      double price;
      const std::vector<const Product *> *products;
    };
    std::vector<Choice> choices;
    for (const auto &[sum, products] : sums) {
      double work = must ? 1 : 0;
      for (const Product *p : products)
        work += p->work;
      if (work > 0 && llvm::any_of(products, [&](const Product *p) {
            return p_.ringOf(*p) > limit;
          }))
        choices.push_back({narrow(products, limit, false) / work, &products});
    }
    if (choices.empty())
      return;
    llvm::stable_sort(choices, [](const Choice &x, const Choice &y) {
      return x.price < y.price;
    });
    double spent = 0;
    for (const Choice &c : choices) {
      const double more = narrow(*c.products, limit, false);
      if (!must && !(spent + more <= share))
        continue;
      spent += more;
      narrow(*c.products, limit, true);
    }
    solve();
  }

  /// Takes fraction bits off the operands of these products where that costs
  /// least error, until they fit; returns the error it adds, infinite if they
  /// cannot. With `keep` that is how they stay.
  double narrow(const std::vector<const Product *> &products, int limit,
                bool keep) {
    std::map<size_t, int> before;
    double more = 0;
    for (const Product *p : products)
      while (p_.ringOf(*p) > limit && std::isfinite(more)) {
        Source &a = p_.sources[p->a], &b = p_.sources[p->b];
        const bool first = a.error(a.frac) <= b.error(b.frac)
                               ? a.frac > a.least
                               : b.frac <= b.least;
        Source &x = first ? a : b;
        before.try_emplace(first ? p->a : p->b, x.frac);
        more +=
            x.frac > x.least ? x.error(x.frac - 1) - x.error(x.frac) : INFINITY;
        --x.frac;
      }
    for (auto [s, frac] : before)
      if (keep)
        p_.sources[s].most = std::min(p_.sources[s].most, p_.sources[s].frac);
      else
        p_.sources[s].frac = frac;
    return more;
  }

  /// Whole bits leave some of the allowance over: the costliest values first.
  void spendRest() {
    std::vector<Source *> byCost;
    for (Source &s : p_.sources)
      if (s.counted)
        byCost.push_back(&s);
    llvm::stable_sort(byCost, [](const Source *x, const Source *y) {
      return x->cost > y->cost;
    });
    double total = p_.totalError();
    for (Source *s : byCost) {
      const double more = s->error(s->frac - 1) - s->error(s->frac);
      if (s->frac > s->least && total + more <= 1) {
        --s->frac;
        total += more;
      }
    }
  }

  PrecisionProblem &p_;
  const plan::Profile &profile_;
};

} // namespace

bool allocateFractions(PrecisionProblem &problem, int ringBits,
                       const plan::Profile &profile) {
  return PrecisionSearch(problem, profile).run(ringBits);
}

} // namespace mpc::passes

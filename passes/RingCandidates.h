//===- passes/RingCandidates.h - the rings worth trying -------------------===//
//
// Given which values are extended, the objective is linear in the rings between
// differences and bounds: in some optimum each ring is tied, by a chain of
// readers and operands, to a bound: what some value itself needs, the edge of a
// narrow word, or the cap. These are the candidates.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/RingModel.h"

namespace mpc::passes {

/// A set of ring widths 1 to 64; 0 (bits) is not a ring.
class RingSet {
public:
  static uint64_t bit(int ring) {
    return ring >= 1 && ring <= 64 ? uint64_t(1) << (ring - 1) : 0;
  }
  /// Rings from `lo` to `hi`.
  static uint64_t between(int lo, int hi) {
    const uint64_t upTo = hi >= 64 ? ~uint64_t(0)
                          : hi < 1 ? 0
                                   : (uint64_t(1) << hi) - 1;
    return lo <= 1    ? upTo
           : lo >= 65 ? 0
                      : upTo & ~((uint64_t(1) << (lo - 1)) - 1);
  }
  static uint64_t shifted(uint64_t set, int by) {
    return by <= -64 || by >= 64 ? 0 : by >= 0 ? set << by : set >> -by;
  }
};

class RingCandidates {
public:
  explicit RingCandidates(const RingProblem &problem);
  /// f(k) for the rings in which a node may be produced for readers that ask
  /// for `widest`.
  template <class F> void forEach(uint32_t node, int widest, F f) const {
    const int own = p_.nodes[node].own;
    const int most = std::min<int>(widest, p_.nodes[node].ceiling);
    if (!own || most <= own) {
      f(own);
      return;
    }
    const uint64_t set =
        candidates_[node] | RingSet::bit(own) | RingSet::bit(most);
    for (int k = own; k <= most; ++k)
      if (set & RingSet::bit(k))
        f(k);
  }

private:
  uint64_t within(size_t node, uint64_t rings) const;

  const RingProblem &p_;
  std::vector<uint64_t> candidates_;
};

} // namespace mpc::passes

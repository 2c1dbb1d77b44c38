//===- passes/RingCandidates.cpp ------------------------------------------===//
#include "passes/RingCandidates.h"

namespace mpc::passes {

RingCandidates::RingCandidates(const RingProblem &problem) : p_(problem) {
  for (size_t i = 0; i < p_.nodes.size(); ++i)
    candidates_.push_back(within(
        i, RingSet::bit(p_.nodes[i].own) | RingSet::bit(kNarrowWord) |
               RingSet::bit(p_.nodes[i].ceiling) | RingSet::bit(p_.cap)));
  for (bool changed = true; changed;) {
    changed = false;
    auto merge = [&](size_t node, uint64_t rings) {
      const uint64_t more = within(node, rings) & ~candidates_[node];
      candidates_[node] |= more;
      changed |= more != 0;
    };
    for (size_t i = p_.nodes.size(); i-- > 0;)
      for (const RingUse &u : p_.nodes[i].uses) {
        if (!p_.nodes[u.node].own)
          continue;
        merge(u.node, RingSet::bit(u.least));
        if (!u.ringFollows)
          continue;
        merge(u.node, RingSet::shifted(candidates_[i], u.offset));
        merge(i, RingSet::shifted(candidates_[u.node], -u.offset));
      }
  }
}

uint64_t RingCandidates::within(size_t node, uint64_t rings) const {
  return rings &
         RingSet::between(p_.nodes[node].own,
                          std::min<int>(p_.cap, p_.nodes[node].ceiling));
}

} // namespace mpc::passes

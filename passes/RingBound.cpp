//===- passes/RingBound.cpp -----------------------------------------------===//
#include "passes/RingBound.h"
#include <cmath>

namespace mpc::passes {

using Producer = RingNode::Producer;

RingBound::RingBound(const RingProblem &problem,
                     const RingCandidates &candidates)
    : p_(problem), candidates_(candidates), least_(problem.nodes.size()),
      ring_(problem.nodes.size(), 0), masked_(problem.nodes.size(), 0),
      root_(problem.nodes.size(), false) {
  std::vector<uint32_t> readers(p_.nodes.size(), 0);
  auto ask = [&](uint32_t of, int ring, bool masked) {
    ++readers[of];
    ring_[of] = std::max(ring_[of], ring);
    if (masked)
      masked_[of] = std::max(masked_[of], ring);
  };
  for (const RingNode &n : p_.nodes)
    for (const RingUse &u : n.uses)
      ask(u.node, u.ring(n.own), u.masked);
  for (uint32_t o : p_.outputs) {
    ask(o, p_.nodes[o].own, true);
    ++readers[o];
  }
  for (uint32_t i = 0; i < p_.nodes.size(); ++i) {
    root_[i] = readers[i] != 1;
    for (int masked : {0, 1})
      for (int ring = 0; ring <= 64; ++ring)
        least_[i][static_cast<size_t>(masked)][static_cast<size_t>(ring)] =
            ring > p_.cap ? INFINITY : solve(i, ring, masked);
  }
}

double RingBound::solve(uint32_t id, int ring, bool masked) const {
  const RingNode &node = p_.nodes[id];
  if (node.producer == Producer::Source)
    return produce(id,
                   {static_cast<uint8_t>(std::max<int>(ring, node.own)), true});
  double best = INFINITY;
  candidates_.forEach(id, ring, [&](int k) {
    for (bool takesMasked : {false, true}) {
      if (takesMasked && node.producer != Producer::Linear)
        continue;
      double cost = produce(id, {static_cast<uint8_t>(k), takesMasked});
      if (ring > k)
        cost += node.extendSeconds(k, ring);
      if (node.producer == Producer::Additive ||
          (node.producer == Producer::Linear && !takesMasked))
        cost += ring > k ? node.maskSeconds(k)
                : masked ? node.maskSeconds(ring)
                         : 0;
      best = std::min(best, cost);
    }
  });
  return best;
}

double RingBound::produce(uint32_t id, RingChoice choice) const {
  const RingNode &node = p_.nodes[id];
  double cost = node.produceSeconds(choice.ring);
  for (const RingUse &u : node.uses) {
    const int wanted = u.ring(choice.ring);
    if (wanted > p_.cap)
      return INFINITY;
    if (!root_[u.node])
      cost += tree(u.node, wanted, usedMasked(node, u, choice) ? wanted : 0);
  }
  return cost;
}

} // namespace mpc::passes

//===- passes/RingRounds.cpp ----------------------------------------------===//
#include "passes/RingRounds.h"

namespace mpc::passes {

using Producer = RingNode::Producer;

RingRounds::RingRounds(const RingProblem &p) : at_(p.nodes.size()) {
  for (uint32_t i = 0; i < p.nodes.size(); ++i) {
    const RingNode &node = p.nodes[i];
    // What is there from the start delays nothing that waits for others.
    llvm::SmallVector<uint32_t, 3> from;
    for (const RingUse &u : node.uses)
      if (p.nodes[u.node].producer != Producer::Source)
        from.push_back(u.node);
    Above a;
    if (!from.empty()) {
      a.node = from[0];
      for (uint32_t o : from)
        a.node = common(a.node, o);
    }
    for (uint32_t o : from) {
      a.least = std::max(a.least, least(o) - least(a.node));
      a.most = std::max(a.most, most(o) - mostUntil(a.node));
    }
    a.least += node.rounds + least(a.node);
    a.most += node.rounds + mostUntil(a.node);
    a.depth = depthOf(a.node) + 1;
    a.conversions = !node.own || node.producer == Producer::Source ? 0
                    : node.producer == Producer::Masked            ? 1
                                                                   : 2;
    for (const RingUse &u : node.uses) {
      a.earliest = std::max(a.earliest, earliest(u.node, u.masked));
      a.earliestMasked = std::max(a.earliestMasked, earliest(u.node, true));
    }
    a.earliest += node.rounds;
    a.earliestMasked =
        node.producer == Producer::Additive ? a.earliest + 1
        : node.producer == Producer::Linear
            ? std::min(a.earliestMasked + node.rounds, a.earliest + 1)
            : a.earliest;
    at_[i] = a;
  }
}

uint32_t RingRounds::common(uint32_t a, uint32_t b) const {
  while (a != b) {
    uint32_t &deeper = depthOf(a) >= depthOf(b) ? a : b;
    deeper = at_[deeper].node;
  }
  return a;
}

int RingRounds::lead(uint32_t a, uint32_t b) const {
  const uint32_t x = common(a, b);
  return least(b) - least(x) - (most(a) - mostUntil(x));
}

} // namespace mpc::passes

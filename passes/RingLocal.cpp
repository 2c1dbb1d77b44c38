//===- passes/RingLocal.cpp - rings by a local rule -----------------------===//
#include "passes/RingSearch.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::passes {
namespace {

using Producer = RingNode::Producer;

/// Seconds that one more ring bit at a node costs where it comes from.
double upstream(const RingProblem &p, uint32_t id, int depth) {
  const RingNode &node = p.nodes[id];
  if (depth > 8 || node.producer == Producer::Source || !node.own)
    return 0;
  if (node.producer == Producer::Masked)
    return node.extendBit;
  double sum = node.perBit;
  for (const RingUse &u : node.uses)
    if (u.ringFollows)
      sum += upstream(p, u.node, depth + 1);
  return sum;
}

} // namespace

std::vector<RingChoice> localRings(const RingProblem &p) {
  std::vector<RingChoice> choices(p.nodes.size());
  std::vector<int> need(p.nodes.size(), 0);
  for (size_t i = p.nodes.size(); i-- > 0;) {
    const RingNode &node = p.nodes[i];
    int ring = std::max<int>(node.own, need[i]);
    const int extra = ring - node.own;
    if (ring > node.ceiling) {
      ring = node.own;
    } else if (node.isTrunc && extra && !node.uses.empty()) {
      const RingUse &u = node.uses[0];
      const double carry = node.perBit + upstream(p, u.node, 0);
      if (u.ring(ring) > p.cap ||
          carry * extra > node.extendBit * extra + p.round)
        ring = node.own;
    }
    choices[i].ring = static_cast<uint8_t>(ring);
    for (const RingUse &u : node.uses)
      need[u.node] = std::max(need[u.node], u.ring(ring));
  }
  // Linear values are masked if all that they read is.
  for (size_t i = 0; i < p.nodes.size(); ++i) {
    const RingNode &node = p.nodes[i];
    choices[i].masked = node.producer != Producer::Additive;
    if (node.producer == Producer::Linear)
      choices[i].masked = llvm::all_of(node.uses, [&](const RingUse &u) {
        return choices[u.node].masked ||
               u.ring(choices[i].ring) > choices[u.node].ring;
      });
  }
  return choices;
}

} // namespace mpc::passes

//===- passes/RingObjective.cpp - the objective, and equal problems -------===//
#include "passes/RingModel.h"
#include <cmath>

namespace mpc::passes {
namespace {

using Producer = RingNode::Producer;

struct Produced {
  int widest = 0;       ///< ring asked for
  int widestMasked = 0; ///< ... in masked form, up to the value's own
  bool masked = true;
  int time = 0; ///< rounds until it is there
};

} // namespace

RingCost evaluateRings(const RingProblem &p,
                       llvm::ArrayRef<RingChoice> choices) {
  const RingCost invalid{INFINITY, 0};
  std::vector<Produced> produced(p.nodes.size());
  auto ask = [&](uint32_t of, int ring, bool masked) {
    Produced &v = produced[of];
    v.widest = std::max(v.widest, ring);
    if (masked && ring <= choices[of].ring)
      v.widestMasked = std::max(v.widestMasked, ring);
  };
  for (size_t i = 0; i < p.nodes.size(); ++i)
    for (const RingUse &u : p.nodes[i].uses)
      ask(u.node, u.ring(choices[i].ring),
          usedMasked(p.nodes[i], u, choices[i]));
  for (uint32_t o : p.outputs)
    ask(o, p.nodes[o].own, true);

  RingCost cost;
  auto timeOfRead = [&](uint32_t of, int ring, bool masked) {
    const Produced &v = produced[of];
    if (ring > choices[of].ring)
      return v.time + (v.masked ? 1 : 2);
    return v.time + (masked && !v.masked ? 1 : 0);
  };
  for (size_t i = 0; i < p.nodes.size(); ++i) {
    const RingNode &node = p.nodes[i];
    const int ring = choices[i].ring;
    Produced &v = produced[i];
    if (ring < node.own || ring > node.ceiling || v.widest > p.cap ||
        (v.widest > ring && node.producer == Producer::Source))
      return invalid;
    for (const RingUse &u : node.uses)
      v.time = std::max(v.time, timeOfRead(u.node, u.ring(ring),
                                           usedMasked(node, u, choices[i])));
    v.time += node.rounds;
    v.masked = node.producer == Producer::Linear
                   ? choices[i].masked
                   : node.producer != Producer::Additive;
    cost.seconds += node.produceSeconds(ring);
    if (v.widest > ring) {
      cost.seconds += node.extendSeconds(ring, v.widest);
      v.widestMasked = ring;
    }
    if (!v.masked && v.widestMasked)
      cost.seconds += node.maskSeconds(v.widestMasked);
  }
  for (uint32_t o : p.outputs)
    cost.rounds = std::max(cost.rounds, timeOfRead(o, p.nodes[o].own, true));
  cost.seconds += cost.rounds * p.round;
  return cost;
}

RingProblem joinViews(const RingProblem &p, std::vector<uint32_t> &standsFor) {
  std::vector<uint32_t> readers(p.nodes.size(), 0);
  for (const RingNode &n : p.nodes)
    for (const RingUse &u : n.uses)
      ++readers[u.node];
  for (uint32_t o : p.outputs)
    ++readers[o];
  std::vector<bool> joined(p.nodes.size(), false); // with its reader
  for (const RingNode &n : p.nodes) {
    if (n.producer != Producer::Linear || n.uses.size() != 1)
      continue;
    const RingUse &u = n.uses[0];
    const RingNode &o = p.nodes[u.node];
    if (readers[u.node] == 1 && o.producer != Producer::Source && o.own &&
        u.ringFollows && u.offset == 0 && u.least == 0 && !u.masked &&
        o.own == n.own && o.ceiling >= n.ceiling &&
        o.exchangeBit == n.exchangeBit)
      joined[u.node] = true;
  }
  RingProblem r;
  r.round = p.round;
  r.cap = p.cap;
  standsFor.assign(p.nodes.size(), 0);
  std::vector<RingNode> pending(p.nodes.size());
  for (uint32_t i = 0; i < p.nodes.size(); ++i) {
    RingNode n = p.nodes[i];
    if (n.uses.size() == 1 && joined[n.uses[0].node]) {
      const RingNode &o = pending[n.uses[0].node];
      n.producer = o.producer;
      n.rounds = o.rounds;
      n.perBit += o.perBit;
      n.wide += o.wide;
      n.uses = o.uses;
    } else {
      for (RingUse &u : n.uses)
        u.node = standsFor[u.node];
    }
    if (joined[i]) {
      pending[i] = std::move(n);
      continue;
    }
    standsFor[i] = static_cast<uint32_t>(r.nodes.size());
    r.nodes.push_back(std::move(n));
  }
  for (auto i = static_cast<uint32_t>(p.nodes.size()); i-- > 0;)
    if (p.nodes[i].uses.size() == 1 && joined[p.nodes[i].uses[0].node])
      standsFor[p.nodes[i].uses[0].node] = standsFor[i];
  for (uint32_t o : p.outputs)
    r.outputs.push_back(standsFor[o]);
  return r;
}

} // namespace mpc::passes

//===- passes/RingSearch.cpp ----------------------------------------------===//
#include "passes/RingSearch.h"
#include "passes/RingBound.h"
#include "passes/RingRounds.h"
#include "llvm/ADT/STLExtras.h"
#include <climits>
#include <cmath>
#include <tuple>

namespace mpc::passes {
namespace {

using Producer = RingNode::Producer;

/// Costs that differ by less are rounding.
constexpr double kTie = 1e-12;

/// What a reader asks of a value.
struct Demand {
  uint32_t node;
  uint8_t ring;
  bool masked;
  int32_t tail;      ///< rounds from here to the end
  int32_t bound = 0; ///< of the tails that make no path the longest
  auto key() const { return std::tie(node, ring, masked); }
};
using Demands = llvm::SmallVector<Demand, 8>;

struct State {
  double cost = 0;
  double rank = 0; ///< lower bound of what it leads to
  int32_t top = 0; ///< lower bound of the rounds on the longest path
  uint32_t record = 0;
  RingChoice choice; ///< of the node just decided
  Demands live;      ///< sorted by key
};

/// Decisions are kept as a tree from the last node to the first.
struct Record {
  uint32_t before;
  uint32_t node;
  RingChoice choice;
};

class Search {
public:
  explicit Search(const RingProblem &p)
      : p_(p), candidates_(p), bound_(p, candidates_), rounds_(p),
        order_(readersFirst(p)) {
    findLive();
  }

  uint64_t comparisons = 0;
  size_t mostStates = 0;
  /// No solution costs less, says the last run: what it dropped would.
  double least = 0;

  /// The cheapest of at most `width` states at a point, if below `known`; none
  /// after `work` comparisons.
  std::vector<RingChoice> run(size_t width, double known, uint64_t work) {
    known_ = known * (1 - kTie);
    least = known;
    records_.assign(1, {~0u, ~0u, {}});
    std::vector<State> states(1);
    for (uint32_t o : p_.outputs)
      ask(states[0].live, {o, static_cast<uint8_t>(p_.nodes[o].own), true, 0});
    for (step_ = 0; step_ < order_.size(); ++step_) {
      findLeads();
      next_.clear();
      for (const State &s : states)
        decide(s, order_[step_]);
      states = front(width, work);
      mostStates = std::max(mostStates, states.size());
    }
    if (states.empty())
      return {};
    // Nothing is left: rank is cost.
    std::vector<RingChoice> choices(p_.nodes.size());
    for (uint32_t r = states[0].record; records_[r].node != ~0u;
         r = records_[r].before)
      choices[records_[r].node] = records_[r].choice;
    return choices;
  }

private:
  // --- before the search

  /// Readers before what they read, few live values at any time.
  static std::vector<uint32_t> readersFirst(const RingProblem &p) {
    std::vector<uint32_t> readers(p.nodes.size(), 0), order, ready;
    for (const RingNode &n : p.nodes)
      for (const RingUse &u : n.uses)
        ++readers[u.node];
    std::vector<bool> live(p.nodes.size(), false);
    for (uint32_t i = 0; i < p.nodes.size(); ++i)
      if (readers[i] == 0)
        ready.push_back(i);
    while (!ready.empty()) {
      size_t best = 0;
      int least = INT_MAX;
      for (size_t i = 0; i < ready.size(); ++i) {
        int fresh = live[ready[i]] ? -1 : 0;
        llvm::SmallVector<uint32_t, 4> seen;
        for (const RingUse &u : p.nodes[ready[i]].uses)
          if (!live[u.node] && !llvm::is_contained(seen, u.node) &&
              p.nodes[u.node].producer != Producer::Source) {
            seen.push_back(u.node);
            ++fresh;
          }
        if (fresh <= least) { // the chain begun last goes on
          least = fresh;
          best = i;
        }
      }
      const uint32_t node = ready[best];
      ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(best));
      order.push_back(node);
      for (const RingUse &u : p.nodes[node].uses) {
        live[u.node] = true;
        if (--readers[u.node] == 0)
          ready.push_back(u.node);
      }
    }
    return order;
  }

  /// Values that are asked for after each step, and what the others cost.
  void findLive() {
    std::vector<uint32_t> live(p_.outputs.begin(), p_.outputs.end());
    double rest = 0;
    for (uint32_t i = 0; i < p_.nodes.size(); ++i)
      if (bound_.isRoot(i))
        rest += bound_.tree(i);
    std::vector<bool> asked(p_.nodes.size(), false);
    auto add = [&](uint32_t node) {
      if (!asked[node] && bound_.isRoot(node))
        rest -= bound_.tree(node);
      asked[node] = true;
    };
    for (uint32_t o : p_.outputs)
      add(o);
    for (uint32_t node : order_) {
      std::erase(live, node);
      add(node);
      for (const RingUse &u : p_.nodes[node].uses) {
        add(u.node);
        if (!llvm::is_contained(live, u.node))
          live.push_back(u.node);
      }
      llvm::sort(live);
      live_.push_back(live);
      rest_.push_back(rest);
    }
  }

  // --- one step

  bool maybeAdditive(uint32_t node) const {
    const Producer p = p_.nodes[node].producer;
    return p == Producer::Additive || p == Producer::Linear;
  }

  void ask(Demands &live, Demand d) const {
    d.masked = d.masked && maybeAdditive(d.node);
    // A demand that another implies.
    auto implies = [](const Demand &a, const Demand &b) {
      return a.node == b.node && a.ring >= b.ring && a.masked >= b.masked &&
             a.tail >= b.tail;
    };
    size_t to = 0;
    for (size_t i = 0; i < live.size(); ++i) {
      if (implies(live[i], d))
        return;
      if (!implies(d, live[i]))
        live[to++] = live[i];
    }
    live.truncate(to);
    live.insert(llvm::lower_bound(live, d,
                                  [](const Demand &a, const Demand &b) {
                                    return a.key() < b.key();
                                  }),
                d);
  }

  void decide(const State &s, uint32_t id) {
    const RingNode &node = p_.nodes[id];
    Demands asked, rest;
    int widest = 0;
    bool wantsMasked = false;
    for (const Demand &d : s.live)
      if (d.node == id) {
        asked.push_back(d);
        widest = std::max<int>(widest, d.ring);
        wantsMasked |= d.masked;
      } else {
        rest.push_back(d);
      }
    if (widest > p_.cap)
      return;
    if (node.producer == Producer::Source) {
      emit(s, id, asked, rest, std::max<int>(widest, node.own), true);
      return;
    }
    candidates_.forEach(id, widest, [&](int ring) {
      if (node.producer != Producer::Linear) {
        emit(s, id, asked, rest, ring, node.producer == Producer::Masked);
        return;
      }
      emit(s, id, asked, rest, ring, false);
      if (wantsMasked || ring < widest)
        emit(s, id, asked, rest, ring, true);
    });
  }

  void emit(const State &s, uint32_t id, const Demands &asked,
            const Demands &rest, int ring, bool masked) {
    const RingNode &node = p_.nodes[id];
    State t;
    t.cost = s.cost + node.produceSeconds(ring);
    t.top = s.top;
    t.record = s.record;
    t.choice = {static_cast<uint8_t>(ring), masked};
    t.live = rest;
    int widest = 0, widestMasked = 0, tail = 0;
    for (const Demand &d : asked) {
      if (d.ring > ring) {
        widest = std::max<int>(widest, d.ring);
        tail = std::max(tail, d.tail + (masked ? 1 : 2));
        continue;
      }
      if (d.masked)
        widestMasked = std::max<int>(widestMasked, d.ring);
      tail = std::max(tail, d.tail + (d.masked && !masked ? 1 : 0));
    }
    if (widest) {
      widestMasked = ring;
      t.cost += node.extendSeconds(ring, widest);
    }
    if (!masked && widestMasked)
      t.cost += node.maskSeconds(widestMasked);
    tail += node.rounds;
    if (node.uses.empty())
      t.top = std::max(t.top, tail);
    for (const RingUse &u : node.uses) {
      const int wanted = u.ring(ring);
      if (wanted > p_.cap)
        return;
      ask(t.live, {u.node, static_cast<uint8_t>(wanted),
                   usedMasked(node, u, t.choice), tail});
    }
    rate(t);
    if (t.rank < known_)
      next_.push_back(std::move(t));
  }

  // --- bounds and dominance

  /// For each two live values: how much longer a path through the second is at
  /// least than one through the first, but for the rounds that follow.
  struct Lead {
    uint32_t first, second;
    int rounds;
  };
  void findLeads() {
    leads_.clear();
    for (uint32_t i : live_[step_]) {
      leads_.push_back({i, RingRounds::kStart, -rounds_.most(i)});
      for (uint32_t j : live_[step_])
        if (i != j)
          leads_.push_back({i, j, rounds_.lead(i, j)});
    }
  }

  /// Finds the least that may come of a state, and what cannot matter: a path
  /// that stays shorter than another whatever is decided further up.
  void rate(State &s) const {
    int longest = s.top;
    s.rank = s.cost + rest_[step_];
    for (const Demand *d = s.live.begin(), *end; d != s.live.end(); d = end) {
      int ring = 0, masked = 0;
      for (end = d; end != s.live.end() && end->node == d->node; ++end) {
        ring = std::max<int>(ring, end->ring);
        if (end->masked)
          masked = std::max<int>(masked, end->ring);
        longest = std::max(longest,
                           end->tail + rounds_.earliest(d->node, end->masked));
      }
      s.rank += bound_.tree(d->node, ring, masked);
    }
    s.top = longest;
    s.rank += longest * p_.round;
    auto tailOf = [&](uint32_t node) {
      int tail = 0;
      for (const Demand &d : s.live)
        if (d.node == node)
          tail = std::max(tail, d.tail);
      return tail;
    };
    for (Demand &d : s.live)
      d.bound = d.tail;
    for (const Lead &l : leads_) {
      const int bound =
          (l.second == RingRounds::kStart ? longest : tailOf(l.second)) +
          l.rounds;
      for (Demand &d : s.live)
        if (d.node == l.first)
          d.bound = std::max(d.bound, bound);
    }
  }

  /// Whether any way to complete b completes a at no higher cost.
  bool dominates(const State &a, const State &b) const {
    int later = a.top - b.top;
    double repair = 0;
    const Demand *i = a.live.begin(), *j = b.live.begin();
    while (i != a.live.end()) {
      const uint32_t node = i->node;
      const Demand *iEnd = i, *jEnd = j;
      while (iEnd != a.live.end() && iEnd->node == node)
        ++iEnd;
      while (jEnd != b.live.end() && jEnd->node == node)
        ++jEnd;
      cover(node, {i, iEnd}, {j, jEnd}, later, repair);
      if (a.cost + repair + later * p_.round > b.cost)
        return false;
      i = iEnd;
      j = jEnd;
    }
    return a.cost + repair + later * p_.round <= b.cost;
  }

  /// What it takes to serve what a asks of a node where b is served: `later`
  /// rounds, and conversions that cost `repair`.
  void cover(uint32_t id, llvm::ArrayRef<Demand> a, llvm::ArrayRef<Demand> b,
             int &later, double &repair) const {
    const RingNode &node = p_.nodes[id];
    double extend = 0, mask = 0;
    for (const Demand &d : a) {
      const Demand *widest = &b[0];
      int best = INT_MAX;
      for (const Demand &e : b) {
        if (e.ring > widest->ring)
          widest = &e;
        if (e.ring >= d.ring && e.masked >= d.masked)
          best = std::min(best, d.tail - e.bound);
      }
      if (best == INT_MAX) {
        best = d.tail - widest->bound;
        const int gained = d.ring - widest->ring;
        if (gained <= 0) { // to be masked
          mask = std::max(mask, node.exchangeBit * d.ring + node.convertWide);
          best += 1;
        } else if (node.producer == Producer::Source) {
          extend = std::max(extend, gained * node.perBit +
                                        (d.ring > kNarrowWord ? node.wide : 0));
        } else {
          extend = std::max(extend, gained * node.extendBit + node.convertWide);
          best += 1;
          if (maybeAdditive(id)) { // to be masked before
            mask = std::max(mask, p_.cap * node.exchangeBit + node.convertWide);
            best += 1;
          }
        }
      }
      later = std::max(later, best);
    }
    repair += extend + mask;
  }

  /// The Pareto front of next_, recorded.
  std::vector<State> front(size_t width, uint64_t work) {
    llvm::stable_sort(
        next_, [](const State &a, const State &b) { return a.rank < b.rank; });
    std::vector<State> kept;
    for (State &s : next_) {
      if (comparisons > work) {
        least = 0;
        return {};
      }
      if (llvm::any_of(kept, [&](const State &k) {
            ++comparisons;
            return dominates(k, s);
          }))
        continue;
      if (kept.size() == width) {
        least = std::min(least, s.rank);
        break;
      }
      records_.push_back({s.record, order_[step_], s.choice});
      s.record = static_cast<uint32_t>(records_.size() - 1);
      kept.push_back(std::move(s));
    }
    return kept;
  }

  const RingProblem &p_;
  const RingCandidates candidates_;
  const RingBound bound_;
  const RingRounds rounds_;
  const std::vector<uint32_t> order_;
  std::vector<std::vector<uint32_t>> live_; ///< by step, after it
  std::vector<double> rest_;                ///< what is not asked for yet
  size_t step_ = 0;
  double known_ = INFINITY;
  std::vector<Record> records_;
  std::vector<State> next_;
  std::vector<Lead> leads_;
};

} // namespace

RingSolution solveRings(const RingProblem &problem, uint64_t work) {
  RingSolution s;
  s.choices = localRings(problem);
  s.cost = evaluateRings(problem, s.choices);
  s.localSeconds = s.cost.seconds;

  std::vector<uint32_t> standsFor;
  const RingProblem views = joinViews(problem, standsFor);
  work *= views.nodes.size() + 1;
  Search search(views);
  for (size_t width = 1;; width *= 2) {
    const std::vector<RingChoice> found =
        search.run(width, s.cost.seconds, work);
    s.least = std::max(s.least, search.least);
    if (!found.empty()) {
      for (size_t i = 0; i < problem.nodes.size(); ++i)
        s.choices[i] = found[standsFor[i]];
      s.cost = evaluateRings(problem, s.choices);
    }
    s.exact = s.least >= s.cost.seconds * (1 - kTie);
    if (s.exact || search.comparisons > work)
      break;
  }
  s.least = std::min(s.least, s.cost.seconds);
  s.mostStates = search.mostStates;
  s.comparisons = search.comparisons;
  if (std::isinf(s.cost.seconds))
    s.choices.clear();
  return s;
}

} // namespace mpc::passes

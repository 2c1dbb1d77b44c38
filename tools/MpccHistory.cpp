//===- tools/MpccHistory.cpp ----------------------------------------------===//
#include "MpccHistory.h"
#include "ir/Text.h"
#include <deque>

namespace mpc::tools {

llvm::Error History::imported(const frontend::ImportResult &model) {
  nodes_ = model.nodes;
  const ir::Module &m = model.module;
  for (const frontend::GraphNode &n : nodes_) {
    bool known = !n.outputs.empty();
    std::string alias;
    for (const auto &[name, v] : n.outputs) {
      const ir::Op &op = m.op(v);
      const ir::Type &t = op.type;
      if (t.elem == ir::Elem::F32)
        shapes_.try_emplace(name, t.shape);
      known = known && op.opcode == ir::Opcode::Constant && t.isPublic();
      if (op.loc != n.name)
        alias = op.loc;
    }
    absent_[n.name] =
        known ? "its value is known at compile time: it depends on bound "
                "inputs, shapes and public constants only"
        : !alias.empty() ? "it passes on the value of '" + alias + "' unchanged"
                         : "no output of the model depends on it";
  }
  return llvm::Error::success();
}

History::Snapshot History::snapshotOf(const ir::Module &m) {
  Snapshot s;
  for (ir::ValueId v : m.order()) {
    const ir::Op &op = m.op(v);
    if (!op.loc.empty()) {
      s.ops[op.loc].push_back(v.index);
      s.node[v.index] = op.loc;
    }
    for (ir::ValueId o : op.operands) {
      s.readers[o.index].push_back(v.index);
      s.reads[v.index].push_back(o.index);
    }
  }
  return s;
}

/// The nearest node that reads what `node` computed and is still there; else
/// the nearest that it reads.
std::string History::successor(const std::string &node,
                               const Snapshot &now) const {
  for (const auto *edges : {&last_.readers, &last_.reads}) {
    std::deque<uint32_t> queue;
    std::set<uint32_t> seen;
    for (uint32_t v : last_.ops.at(node))
      queue.push_back(v);
    while (!queue.empty()) {
      const uint32_t v = queue.front();
      queue.pop_front();
      if (!seen.insert(v).second)
        continue;
      if (auto it = last_.node.find(v); it != last_.node.end() &&
                                        it->second != node &&
                                        now.ops.contains(it->second))
        return it->second;
      if (auto it = edges->find(v); it != edges->end())
        queue.insert(queue.end(), it->second.begin(), it->second.end());
    }
  }
  return {};
}

/// Long lists of numbers (tables) show their beginning only.
static std::string elided(llvm::StringRef line) {
  constexpr size_t kShown = 4;
  std::string out;
  while (true) {
    const size_t open = line.find('['), close = line.find(']', open);
    if (close == llvm::StringRef::npos)
      return out + line.str();
    const llvm::StringRef list = line.slice(open + 1, close);
    llvm::SmallVector<llvm::StringRef, 0> numbers;
    list.split(numbers, ", ");
    out += line.take_front(open + 1);
    if (numbers.size() <= 2 * kShown)
      out += list;
    else {
      for (size_t i = 0; i < kShown; ++i)
        out += numbers[i].str() + ", ";
      out += fmt::format("... {} numbers", numbers.size());
    }
    line = line.drop_front(close);
  }
}

void History::keepLines(const std::string &level, const ir::Module &m) {
  if (wanted_.empty())
    return;
  const std::string text = ir::toString(m);
  llvm::SmallVector<llvm::StringRef, 0> all;
  llvm::StringRef(text).split(all, '\n');
  // The first line is the module's, then one an op.
  const std::vector<ir::ValueId> &order = m.order();
  for (size_t i = 0; i < order.size() && i + 1 < all.size(); ++i)
    if (const std::string &loc = m.op(order[i]).loc; wanted_.contains(loc))
      lines_[level][loc].push_back(
          elided(all[i + 1].trim().rsplit(" loc(").first));
}

llvm::Expected<bool> History::step(llvm::StringRef name, const ir::Module &m) {
  Snapshot now = snapshotOf(m);
  if (name == "import") {
    for (const auto &[node, ops] : now.ops)
      absent_.erase(node);
  }
  for (const auto &[node, ops] : last_.ops)
    if (!now.ops.contains(node))
      departed_[node] = {name.str(), successor(node, now)};
  for (const auto &[node, ops] : now.ops)
    departed_.erase(node); // a later pass names it again
  last_ = std::move(now);

  if (name == "import")
    keepLines("import", m);
  if (name == "calibrate")
    keepLines("tensor", m);
  if (name == "schedule-rounds")
    keepLines("share", m);
  if (name == "approximate")
    approximations_ = meter_.after(m);
  else if (m.level() == ir::Level::Fixed && approximations_.empty())
    meter_.before(m);
  if (name == "assign-rings") {
    keepLines("fixed", m);
    for (ir::ValueId v : m.order())
      if (const ir::Op &op = m.op(v); op.type.isFx() && !op.loc.empty())
        values_[op.loc].push_back(
            {ir::info(op.opcode).mnemonic.str(), op.type, op.range});
  }
  return false;
}

const std::string *History::absentSince(const std::string &node) const {
  auto it = absent_.find(node);
  return it == absent_.end() ? nullptr : &it->second;
}
const Departure *History::departure(const std::string &node) const {
  auto it = departed_.find(node);
  return it == departed_.end() ? nullptr : &it->second;
}
const std::vector<FixedValue> &History::values(const std::string &node) const {
  static const std::vector<FixedValue> none;
  auto it = values_.find(node);
  return it == values_.end() ? none : it->second;
}
const std::vector<std::string> &History::lines(const std::string &level,
                                               const std::string &node) const {
  static const std::vector<std::string> none;
  auto at = lines_.find(level);
  if (at == lines_.end())
    return none;
  auto it = at->second.find(node);
  return it == at->second.end() ? none : it->second;
}

NodeCosts::NodeCosts(const plan::Plan &plan, const plan::Profile &profile)
    : total(plan::totalCost(plan)) {
  const std::vector<plan::PlanCost> costs = plan::locationCosts(plan);
  const plan::TimeEstimate times = plan::estimateTime(plan, profile);
  time = times.total;
  for (size_t i = 0; i < costs.size(); ++i)
    nodes[plan.locations[i]] = {costs[i], times.nodes[i]};
}

std::string bitsText(const std::vector<FixedValue> &values) {
  int ring[2] = {99, 0}, frac[2] = {99, -99}, whole[2] = {99, -99};
  auto widen = [](int *r, int v) {
    r[0] = std::min(r[0], v);
    r[1] = std::max(r[1], v);
  };
  for (const FixedValue &v : values) {
    if (v.type.isPublic())
      continue;
    widen(ring, v.type.ring);
    widen(frac, v.type.frac);
    widen(whole, v.type.intBits);
  }
  if (ring[1] == 0)
    return "none";
  auto span = [](const int *r) {
    return r[0] == r[1] ? fmt::format("{}", r[0])
                        : fmt::format("{} to {}", r[0], r[1]);
  };
  return fmt::format("ring {}, fraction {}, integer {}", span(ring), span(frac),
                     span(whole));
}

std::string approximationText(const passes::Approximation &a) {
  return fmt::format("{} on [{:.4g}, {:.4g}]: {}; largest error {:.2g} "
                     "absolute, {:.2g} relative",
                     a.expr, a.lo, a.hi, a.method, a.absoluteError,
                     a.relativeError);
}

frontend::Annotations annotationsOf(const History &h, const NodeCosts &costs,
                                    const plan::Profile &profile) {
  frontend::Annotations notes;
  notes.shapes = h.shapes();
  auto priced = [&](const plan::PlanCost &c, const plan::PhaseTimes &t,
                    frontend::Notes &n) {
    n.emplace_back("rounds", std::to_string(c.rounds));
    n.emplace_back("online",
                   fmt::format("{}, {}", bytesText(c.p1ToP2 + c.p2ToP1),
                               secondsText(t.online)));
    n.emplace_back("offline",
                   fmt::format("{}, {}", bytesText(c.p0ToP1 + c.p0ToP2),
                               secondsText(t.offline)));
    n.emplace_back("multiplications",
                   countText(c.onlineGemmMacs + c.offlineGemmMacs));
  };
  for (const frontend::GraphNode &g : h.nodes()) {
    frontend::Notes n;
    if (const std::string *why = h.absentSince(g.name))
      n.emplace_back("free", *why);
    else if (const Departure *d = h.departure(g.name))
      n.emplace_back("part_of", d->into.empty()
                                    ? "nothing (" + d->pass + ")"
                                    : d->into + " (" + d->pass + ")");
    if (auto it = costs.nodes.find(g.name); it != costs.nodes.end())
      priced(it->second.first, it->second.second, n);
    if (!h.values(g.name).empty())
      n.emplace_back("bits", bitsText(h.values(g.name)));
    for (const passes::Approximation &a : h.approximations())
      if (a.loc == g.name)
        n.emplace_back("approximation", approximationText(a));
    if (!n.empty())
      notes.nodes[g.name] = std::move(n);
  }
  notes.model.emplace_back("profile", profile.name);
  priced(costs.total, costs.time, notes.model);
  notes.model.emplace_back("weights", "not in this copy");
  return notes;
}

} // namespace mpc::tools

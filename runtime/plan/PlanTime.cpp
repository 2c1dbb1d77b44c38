//===- runtime/plan/PlanTime.cpp ------------------------------------------===//
#include "runtime/plan/PlanTime.h"

#include "runtime/plan/Digits.h"
#include "runtime/plan/PackedWeights.h"
#include "runtime/plan/PlanCost.h"

#include <set>

namespace mpc::plan {
namespace {

constexpr double kWord = 8;        ///< bytes of an element in memory
constexpr double kBlockBits = 128; ///< of AES
constexpr double kBaseRss = 12e6;  ///< a process that does nothing

double elements(const Plan &p, Reg r) {
  return static_cast<double>(p.regs[r].numel());
}

/// 64 bits a word.
double words(const Plan &p, Reg r) {
  const double n = elements(p, r);
  return p.regs[r].form == Form::Bits ? n / 64 : n;
}

/// What the ops have in common: arrays read and written, masks drawn, material
/// and payload, products of matrices.
PlanWork commonWork(const Plan &p, const Instr &in, const PlanCost &cost,
                    const std::vector<bool> &fixed) {
  PlanWork w;
  // Weights and what is made of them alone: done once, at deployment.
  if (in.op == PlanOp::Flush || (hasResult(in.op) && fixed[in.out]))
    return w;
  w.dealer.instruction = w.online.instruction = 1;
  w.offline.instruction = 1;
  double touched = 0;
  bool anyFixed = false;
  for (Reg r : in.in) {
    touched += fixed[r] ? 0 : kWord * words(p, r);
    anyFixed = anyFixed || fixed[r];
  }
  const bool masked = hasResult(in.op) && p.regs[in.out].form != Form::Additive;
  if (hasResult(in.op))
    touched += kWord * words(p, in.out);
  w.dealer.elementByte = (masked || cost.p0ToP2 ? 2 : 0) * touched;
  w.offline.elementByte = masked ? touched : 0;
  w.online.elementByte = (masked ? 2 : 1) * touched;

  const bool fresh = in.op == PlanOp::Input || info(in.op).exchange;
  if (fresh) { // the result's mask: l1, l2 at P0, l_j at P_j
    const RegInfo &out = p.regs[in.out];
    const double blocks = elements(p, in.out) * out.ring / kBlockBits;
    w.dealer.aesBlock = 2 * blocks;
    w.offline.aesBlock = blocks;
    w.online.aesBlock = blocks;
  }
  w.online.exchangedByte = static_cast<double>(cost.p1ToP2);
  w.dealer.dealtByte = static_cast<double>(cost.p0ToP1 + cost.p0ToP2);
  w.offline.storedByte = static_cast<double>(cost.p0ToP2) / 2;
  w.online.storedByte = static_cast<double>(cost.p0ToP2) / 2;

  if (in.op == PlanOp::MatMul || in.op == PlanOp::MatMulConst) {
    const auto online = static_cast<double>(cost.onlineGemmMacs);
    const auto offline = static_cast<double>(cost.offlineGemmMacs);
    const bool narrow = p.regs[in.out].ring <= 32;
    (narrow ? w.online.macU32 : w.online.macU64) = online;
    (narrow ? w.dealer.macU32 : w.dealer.macU64) = offline;
    if (anyFixed || in.op == PlanOp::MatMulConst)
      (narrow ? w.offline.macU32 : w.offline.macU64) = offline;
  }
  return w;
}

double leaves(const Instr &in, size_t depthAt) {
  return static_cast<double>(uint64_t{1} << in.scalar(depthAt));
}

/// What only some ops do.
void addSpecialWork(const Plan &p, const Instr &in, PlanWork &w) {
  switch (in.op) {
  case PlanOp::Spline: {
    const double n = elements(p, in.out);
    const auto degree = static_cast<double>(in.scalar(3));
    w.dealer.dpfLevel = n * static_cast<double>(in.scalar(2));
    w.online.dpfLeaf = n * leaves(in, 2) * (degree + 2);
    break;
  }
  case PlanOp::OneHot: {
    const double n = elements(p, in.in[0]);
    w.dealer.dpfLevel = n * static_cast<double>(in.scalar(0));
    w.online.dpfLeaf = n * leaves(in, 0) * 2;
    break;
  }
  case PlanOp::Exp:
    w.dealer.tableTerm = elements(p, in.out) * leaves(in, 1);
    w.online.tableTerm = elements(p, in.out);
    break;
  case PlanOp::Fourier: {
    const auto &rows = p.consts[static_cast<size_t>(in.scalar(0))].data;
    w.dealer.tableTerm = w.online.tableTerm =
        elements(p, in.out) * static_cast<double>(rows.size()) / 4;
    break;
  }
  case PlanOp::Digits: {
    const int64_t q = digitCount(in.scalar(0), in.scalar(2));
    double entries = 0;
    for (int64_t d = 0; d < q; ++d)
      entries += static_cast<double>(
          uint64_t{1} << digitWidth(in.scalar(0), in.scalar(2), d));
    w.dealer.bitLane = w.online.bitLane = elements(p, in.in[0]) * entries;
    break;
  }
  case PlanOp::Sign:
    w.dealer.bitLane = w.online.bitLane =
        elements(p, in.out) * static_cast<double>(signMonomials(
                                  digitCount(in.scalar(0), in.scalar(2))));
    break;
  case PlanOp::OneHotBits: { // a tree that ends in blocks of 128 bits
    const double n = elements(p, in.in[0]);
    const double v = static_cast<double>(in.scalar(0));
    w.dealer.dpfLevel = n * v;
    w.online.dpfLeaf = n * std::max(1.0, leaves(in, 0) / 64);
    w.online.bitLane = elements(p, in.out);
    break;
  }
  case PlanOp::SelectWords: // eight rows a table lookup
    w.dealer.elementByte += kWord * elements(p, in.in[1]);
    w.online.elementByte += kWord * elements(p, in.out) / 8 *
                            static_cast<double>(p.regs[in.in[1]].shape[0]);
    break;
  case PlanOp::FromWords:
    w.dealer.bitLane = w.online.bitLane =
        elements(p, in.out) * static_cast<double>(p.regs[in.in[0]].ring);
    break;
  case PlanOp::BitAnd:
  case PlanOp::BitMux:
  case PlanOp::FromBits:
  case PlanOp::BitMul:
    w.dealer.bitLane = w.online.bitLane = elements(p, in.out);
    break;
  default:
    break;
  }
}

double waitOf(double bytes, const LinkProfile &link) {
  return bytes / link.bytesPerSecond;
}

/// Offline: P0 deals while the evaluators prepare; the busiest decides. P0
/// sends to both through one line out.
struct OfflineLoad {
  double cores, dealer, evaluator, line;
  double longest() const { return std::max({cores, dealer, evaluator, line}); }
};
OfflineLoad offlineLoad(const PlanWork &w, const PlanCost &c,
                        const Profile &p) {
  const MachineProfile &m = p.machine;
  const double dealer = w.dealer.seconds(m), each = w.offline.seconds(m);
  return {m.shared ? (dealer + 2 * each) / m.cores : 0, dealer / m.threads(),
          each / m.threads(),
          waitOf(static_cast<double>(c.p0ToP1), p.dealerToP1) +
              waitOf(static_cast<double>(c.p0ToP2), p.dealerToP2)};
}

/// The part of a load in the resource that decides the whole's time.
double share(const OfflineLoad &part, const OfflineLoad &whole) {
  const double longest = whole.longest();
  if (whole.cores == longest)
    return part.cores;
  if (whole.dealer == longest)
    return part.dealer;
  return whole.evaluator == longest ? part.evaluator : part.line;
}

double onlineCompute(const PlanWork &w, const Profile &p) {
  return p.workSeconds(w.online.seconds(p.machine), 2);
}

double setupSeconds(const Plan &plan, const Profile &p) {
  const auto [owner, evaluator] = setupWork(plan);
  double bytes = 0;
  for (const WeightInfo &w : plan.weights)
    bytes += static_cast<double>(core::numel(w.shape)) * w.ring / 8;
  const MachineProfile &m = p.machine;
  // One thread masks and sends to both.
  return m.startup + 4 * p.client.rttSeconds +
         std::max({owner.seconds(m), evaluator.seconds(m),
                   waitOf(2 * bytes, p.client)});
}

} // namespace

Work &Work::operator+=(const Work &o) {
#define WORK(name, key, unit, value, doc) name += o.name;
#include "runtime/plan/Work.def"
  return *this;
}

double Work::seconds(const MachineProfile &m) const {
  double s = 0;
#define WORK(name, key, unit, value, doc) s += name * m.name;
#include "runtime/plan/Work.def"
  return s;
}

PlanWork &PlanWork::operator+=(const PlanWork &o) {
  dealer += o.dealer;
  offline += o.offline;
  online += o.online;
  return *this;
}

std::vector<PlanWork> instrWork(const Plan &plan) {
  const std::vector<bool> fixed = inputIndependent(plan);
  const std::vector<PlanCost> costs = instrCosts(plan);
  std::vector<PlanWork> out;
  out.reserve(plan.code.size());
  for (size_t i = 0; i < plan.code.size(); ++i) {
    PlanWork w = commonWork(plan, plan.code[i], costs[i], fixed);
    addSpecialWork(plan, plan.code[i], w);
    out.push_back(w);
  }
  return out;
}

std::array<Work, 2> setupWork(const Plan &plan) {
  Work owner, evaluator;
  for (const WeightInfo &w : plan.weights) {
    const auto n = static_cast<double>(core::numel(w.shape));
    const double bytes = n * w.ring / 8;
    owner.aesBlock += 2 * n * w.ring / kBlockBits;
    owner.elementByte += 4 * kWord * n;
    owner.dealtByte += 2 * bytes;
    evaluator.storedByte += bytes;
    evaluator.aesBlock += n * w.ring / kBlockBits;
    evaluator.elementByte += 6 * kWord * n; // unpacked, packed for products
  }
  return {owner, evaluator};
}

TimeEstimate estimateTime(const Plan &plan, const Profile &profile) {
  const std::vector<PlanWork> work = instrWork(plan);
  const std::vector<PlanCost> costs = instrCosts(plan);
  TimeEstimate t;
  t.nodes.resize(plan.locations.size());
  t.total.setup = setupSeconds(plan, profile);

  PlanWork all;
  PlanCost bytes;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    all += work[i];
    bytes += costs[i];
  }
  const OfflineLoad whole = offlineLoad(all, bytes, profile);
  std::set<uint32_t> inRound;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    PhaseTimes &node = t.nodes[in.loc];
    node.offline += share(offlineLoad(work[i], costs[i], profile), whole);
    node.compute += onlineCompute(work[i], profile);
    node.lines +=
        waitOf(static_cast<double>(costs[i].p1ToP2), profile.evaluators);
    node.lines += waitOf(static_cast<double>(std::max(
                             costs[i].clientToP1 + costs[i].clientToP2,
                             costs[i].p1ToClient + costs[i].p2ToClient)),
                         profile.client);
    if (info(in.op).exchange)
      inRound.insert(in.loc);
    if (in.op == PlanOp::Flush) {
      if (inRound.empty())
        inRound.insert(in.loc);
      for (uint32_t loc : inRound)
        t.nodes[loc].rounds +=
            profile.roundSeconds() / static_cast<double>(inRound.size());
      inRound.clear();
    }
  }
  // Session keys; the client's input there, its output back.
  t.nodes[0].offline += profile.dealerToP2.rttSeconds;
  t.nodes[0].rounds += profile.client.rttSeconds;
  for (PhaseTimes &n : t.nodes) {
    n.online = n.rounds + n.lines + n.compute;
    t.total.offline += n.offline;
    t.total.online += n.online;
    t.total.rounds += n.rounds;
    t.total.lines += n.lines;
    t.total.compute += n.compute;
  }
  return t;
}

namespace {

/// Bytes of registers alive at once, at most: of masks (P0) and of all
/// (evaluators). Of instructions that sessions run.
std::pair<double, double> mostAlive(const Plan &plan,
                                    const std::vector<bool> &done) {
  const std::vector<uint32_t> last = lastUses(plan);
  std::vector<std::vector<Reg>> dying(plan.code.size());
  for (Reg r = 0; r < last.size(); ++r)
    dying[last[r]].push_back(r);
  std::vector<bool> exists(plan.regs.size(), false);
  double masks = 0, shares = 0, mostMasks = 0, mostShares = 0;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    const auto bytes = [&](Reg r, bool dealer) {
      const bool additive = plan.regs[r].form == Form::Additive;
      return kWord * words(plan, r) * (additive ? (dealer ? 0 : 1) : 2);
    };
    if (hasResult(in.op) && !done[i]) {
      exists[in.out] = true;
      masks += bytes(in.out, true);
      shares += bytes(in.out, false);
    }
    mostMasks = std::max(mostMasks, masks);
    mostShares = std::max(mostShares, shares);
    for (Reg r : dying[i]) {
      if (!exists[r])
        continue;
      masks -= bytes(r, true);
      shares -= bytes(r, false);
    }
  }
  return {mostMasks, mostShares};
}

} // namespace

std::array<uint64_t, 3> estimateMemory(const Plan &plan) {
  const std::vector<bool> fixed = inputIndependent(plan);
  const PackedWeights p0 = packedWeights(plan, fixed, true, kDefaultPackBudget);
  const PackedWeights pj =
      packedWeights(plan, fixed, false, kDefaultPackBudget);
  const PlanCost cost = totalCost(plan);

  // Masked weights that sessions read; and the largest, while it is packed:
  // what arrives, and unless that is packed piece by piece its masks, their
  // sum.
  double weights = 0, largest = 0, arriving = 0;
  std::vector<bool> inPieces(plan.code.size(), false);
  for (int64_t weight : pj.direct)
    if (weight >= 0)
      inPieces[static_cast<size_t>(weight)] = true;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    if (in.op != PlanOp::Weight)
      continue;
    const double n = elements(plan, in.out);
    const double bytes = n * plan.regs[in.out].ring / 8;
    const bool isWords = plan.regs[in.out].form == Form::Words;
    weights += pj.done[i] ? 0 : bytes;
    if (inPieces[i])
      arriving = std::max(arriving, bytes);
    else
      largest = std::max(largest, isWords ? bytes : kWord * n);
  }
  const auto total = [](double packed, double transient) {
    return static_cast<uint64_t>(kBaseRss + packed + transient);
  };
  // What an op works on comes on top of what is alive.
  const auto [masks0, unused] = mostAlive(plan, p0.done);
  const double shares = mostAlive(plan, pj.done).second;
  // The offline phase has masks alive, the online phase shares.
  const auto evaluator = [&](uint64_t dealt) {
    const auto material =
        static_cast<double>(std::min(dealt, 2 * kMaterialBlock));
    return total(static_cast<double>(pj.bytes),
                 std::max({3 * largest, arriving,
                           weights + material + masks0 + 2 * shares}));
  };
  const auto ahead = static_cast<double>(
      std::min<uint64_t>(cost.p0ToP1 + cost.p0ToP2, kMostSentAhead));
  const uint64_t dealer = total(static_cast<double>(p0.bytes),
                                std::max(4 * largest, 2 * masks0 + ahead));
  return {dealer, evaluator(cost.p0ToP1), evaluator(cost.p0ToP2)};
}

} // namespace mpc::plan

//===- runtime/proto/Statics.cpp ------------------------------------------===//
#include "runtime/proto/Statics.h"

#include "runtime/plan/PackedWeights.h"
#include "runtime/proto/Ops.h"

namespace mpc::proto {
namespace {

using plan::PlanOp;

plan::PackedWeights choose(const Machine &p, size_t budget) {
  return plan::packedWeights(p.plan, {p.isStatic.begin(), p.isStatic.end()},
                             p.isDealer(), budget);
}

/// run(i) for static instructions that lead to a packed operand, pack(i) for
/// the products; frees registers after their last use here.
template <class Run, class Pack>
void walk(Machine &p, const std::vector<bool> &packs, Run run, Pack pack) {
  const std::vector<plan::Instr> &code = p.plan.code;
  std::vector<bool> wanted(p.plan.regs.size(), false);
  std::vector<uint32_t> last(p.plan.regs.size(), 0);
  for (size_t i = code.size(); i-- > 0;) {
    const plan::Instr &in = code[i];
    const auto want = [&](plan::Reg r) {
      if (!wanted[r])
        last[r] = static_cast<uint32_t>(i);
      wanted[r] = true;
    };
    if (packs[i])
      want(in.in[1]);
    if (plan::hasResult(in.op) && p.isStatic[in.out] && wanted[in.out])
      for (plan::Reg r : in.in)
        want(r);
  }
  for (uint32_t i = 0; i < code.size(); ++i) {
    const plan::Instr &in = code[i];
    p.at(i);
    const bool runs =
        plan::hasResult(in.op) && p.isStatic[in.out] && wanted[in.out];
    if (runs)
      run();
    if (packs[i])
      pack(i);
    if (runs || packs[i])
      for (plan::Reg r : in.in)
        if (wanted[r] && last[r] == i)
          p.regs[r].reset();
  }
}

PackedRhs packed(const Machine &p, const Words &b) {
  return PackedRhs(MatMulDims::of(p.instr(), 0), p.outInfo().ring, b, p.pool);
}

StaticOperands chosen(const Machine &p, const plan::PackedWeights &which) {
  StaticOperands s;
  const size_t n = which.packs.size();
  s.offline.resize(n);
  s.offlineWords.resize(n);
  if (!p.isDealer()) {
    s.online.resize(n);
    s.onlineWords.resize(n);
  }
  s.done = which.done;
  return s;
}

} // namespace

std::vector<bool> skippedWith(const Machine &p, size_t budget) {
  return choose(p, budget).done;
}

StaticOperands packStatics(Dealer &p, size_t budget) {
  const plan::PackedWeights which = choose(p, budget);
  StaticOperands s = chosen(p, which);
  walk(
      p, which.packs, [&] { deal(p); },
      [&](uint32_t i) {
        const Share &y = p.in(1);
        if (p.instr().op == PlanOp::SelectWords)
          s.offlineWords[i] = xorOf(y.a, y.b);
        else
          s.offline[i] = packed(p, sumMod(y.a, y.b, p.inInfo(1).ring, p.pool));
      });
  return s;
}

StaticOperands packStatics(Evaluator &p, size_t budget) {
  const plan::PackedWeights which = choose(p, budget);
  StaticOperands s = chosen(p, which);
  walk(
      p, which.packs, [&] { begin(p); },
      [&](uint32_t i) {
        if (p.instr().op == PlanOp::SelectWords) {
          s.offlineWords[i] = p.in(1).a.clone();
          s.onlineWords[i] = ownTable(p);
        } else {
          s.offline[i] = packed(p, p.in(1).a);
          s.online[i] = packed(p, ownHalf(p, 1));
        }
      });
  return s;
}

} // namespace mpc::proto

//===- runtime/proto/Statics.cpp ------------------------------------------===//
#include "runtime/proto/Statics.h"

#include "runtime/proto/Ops.h"

namespace mpc::proto {
namespace {

using plan::PlanOp;

/// Bytes of the instruction's static right-hand side as it would be kept,
/// about; 0 if it cannot be.
size_t operandBytes(const Machine &p, const plan::Instr &in) {
  if (in.op == PlanOp::SelectWords) {
    const plan::RegInfo &table = p.plan.regs[in.in[1]];
    return 8 * bitWords(static_cast<size_t>(table.numel()) * table.ring);
  }
  if (in.op != PlanOp::MatMul)
    return 0;
  const MatMulDims dims = MatMulDims::of(in, 0);
  return PackedRhs::canPack(dims)
             ? static_cast<size_t>(dims.k) * static_cast<size_t>(dims.n) *
                   (p.plan.regs[in.out].ring > 32 ? 8 : 4)
             : 0;
}

/// Which instructions' right-hand sides to keep: at P0 one of each, at an
/// evaluator two.
std::vector<bool> choose(const Machine &p, size_t budget) {
  const size_t copies = p.isDealer() ? 1 : 2;
  std::vector<bool> packs(p.plan.code.size(), false);
  for (size_t i = 0; i < packs.size(); ++i) {
    const plan::Instr &in = p.plan.code[i];
    const size_t bytes = copies * operandBytes(p, in);
    if (bytes == 0 || bytes > budget || !p.isStatic[in.in[1]])
      continue;
    budget -= bytes;
    packs[i] = true;
  }
  return packs;
}

/// Instructions whose result is static and only read where it is packed.
std::vector<bool> skippable(const Machine &p, const std::vector<bool> &packs) {
  const std::vector<plan::Instr> &code = p.plan.code;
  std::vector<bool> needed(p.plan.regs.size(), false), done(code.size(), false);
  for (size_t i = code.size(); i-- > 0;) {
    const plan::Instr &in = code[i];
    if (plan::hasResult(in.op) && p.isStatic[in.out] && !needed[in.out]) {
      done[i] = true;
      continue;
    }
    for (size_t k = 0; k < in.in.size(); ++k)
      if (!(k == 1 && packs[i]))
        needed[in.in[k]] = true;
  }
  return done;
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

StaticOperands chosen(Machine &p, const std::vector<bool> &packs) {
  StaticOperands s;
  s.offline.resize(packs.size());
  s.offlineWords.resize(packs.size());
  if (!p.isDealer()) {
    s.online.resize(packs.size());
    s.onlineWords.resize(packs.size());
  }
  s.done = skippable(p, packs);
  return s;
}

} // namespace

std::vector<bool> skippedWith(const Machine &p, size_t budget) {
  return skippable(p, choose(p, budget));
}

StaticOperands packStatics(Dealer &p, size_t budget) {
  const std::vector<bool> packs = choose(p, budget);
  StaticOperands s = chosen(p, packs);
  walk(
      p, packs, [&] { deal(p); },
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
  const std::vector<bool> packs = choose(p, budget);
  StaticOperands s = chosen(p, packs);
  walk(
      p, packs, [&] { begin(p); },
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

//===- runtime/proto/Statics.cpp ------------------------------------------===//
#include "runtime/proto/Statics.h"

#include "runtime/plan/PackedWeights.h"
#include "runtime/proto/Prepare.h"

#include <algorithm>
#include <tuple>

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
void walk(Machine &p, const plan::PackedWeights &which, Run run, Pack pack) {
  const std::vector<bool> &packs = which.packs;
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
    if (packs[i] && which.direct[i] < 0)
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

/// run(first element, elements) for pieces of rows of an operand.
template <class Run> void forRows(const MatMulDims &dims, Run run) {
  // About what the second-level cache holds; whole bytes at any ring.
  const int64_t rows = std::max<int64_t>(8, (1 << 16) / dims.n / 8 * 8);
  for (int64_t k = 0; k < dims.k; k += rows)
    run(static_cast<size_t>(k * dims.n),
        static_cast<size_t>(std::min(rows, dims.k - k) * dims.n));
}

/// Room for such a piece, the largest first.
std::span<uint64_t> piece(Words &space, size_t n) {
  if (space.empty())
    space.allocate(n);
  return space.span().first(n);
}

PackedRhs packedMasks(const Dealer &p, const plan::Instr &weight) {
  const MatMulDims dims = MatMulDims::of(p.instr(), 0);
  PackedRhs rhs(dims, p.outInfo().ring, p.pool.simd());
  Words space;
  forRows(dims, [&](size_t first, size_t n) {
    const std::span<uint64_t> masks = piece(space, n);
    weightMasks(p, weight, first, masks);
    rhs.add(masks, p.pool);
  });
  return rhs;
}

/// For offline, for online.
std::pair<PackedRhs, PackedRhs> packedHalves(Evaluator &p,
                                             const plan::Instr &weight) {
  const MatMulDims dims = MatMulDims::of(p.instr(), 0);
  PackedRhs offline(dims, p.outInfo().ring, p.pool.simd());
  PackedRhs online(dims, p.outInfo().ring, p.pool.simd());
  Words spaceM, spaceOwn;
  forRows(dims, [&](size_t first, size_t n) {
    const std::span<uint64_t> m = piece(spaceM, n), own = piece(spaceOwn, n);
    weightHalves(p, weight, first, m, own);
    offline.add(m, p.pool);
    online.add(own, p.pool);
  });
  p.io.weightRead(static_cast<size_t>(weight.scalar(0)));
  return {std::move(offline), std::move(online)};
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
      p, which, [&] { deal(p); },
      [&](uint32_t i) {
        const Share &y = p.in(1);
        if (which.direct[i] >= 0)
          s.offline[i] =
              packedMasks(p, p.plan.code[static_cast<size_t>(which.direct[i])]);
        else if (p.instr().op == PlanOp::SelectWords)
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
      p, which, [&] { begin(p); },
      [&](uint32_t i) {
        if (which.direct[i] >= 0) {
          std::tie(s.offline[i], s.online[i]) = packedHalves(
              p, p.plan.code[static_cast<size_t>(which.direct[i])]);
        } else if (p.instr().op == PlanOp::SelectWords) {
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

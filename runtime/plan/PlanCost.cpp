//===- runtime/plan/PlanCost.cpp ------------------------------------------===//
#include "runtime/plan/PlanCost.h"

#include "runtime/core/DpfKey.h"
#include "runtime/core/Ring.h"
#include "runtime/plan/Digits.h"
#include "runtime/plan/RangeLinks.h"

#include <algorithm>

namespace mpc::plan {
namespace {

uint64_t packed(int64_t n, int64_t bits) {
  if (bits == 0)
    return 0;
  return core::packedBytes(static_cast<size_t>(n), static_cast<unsigned>(bits));
}

/// ceil(n * bits / 8) where bits exceeds a ring's width.
uint64_t packedWide(int64_t n, int64_t bits) {
  uint64_t u = static_cast<uint64_t>(n), b = static_cast<uint64_t>(bits);
  return u / 8 * b + (u % 8 * b + 7) / 8;
}

/// Keys of n distributed point functions with `words` words of k bits.
uint64_t dpfKeys(int64_t n, int64_t depth, int64_t words, int64_t k) {
  return packedWide(
      n, static_cast<int64_t>(core::dpfKeyBits(static_cast<unsigned>(depth),
                                               static_cast<unsigned>(words),
                                               static_cast<unsigned>(k))));
}

void exchange(PlanCost &c, uint64_t bytes) { c.p1ToP2 = c.p2ToP1 = bytes; }

void product(PlanCost &c, const Plan &p, const Instr &in, size_t first,
             const std::vector<bool> &fixed) {
  uint64_t macs = 1;
  for (size_t i = 0; i < 4; ++i)
    macs *= static_cast<uint64_t>(in.scalar(first + i));
  if (in.op == PlanOp::MatMulConst) {
    // Masked: m times the constant online; before, l_j, of which P0 has both.
    c.onlineGemmMacs = macs;
    c.offlineGemmMacs = p.regs[in.in[0]].form == Form::Masked ? 2 * macs : 0;
  } else if (fixed[in.in[0]] || fixed[in.in[1]]) {
    // PROTOCOLS section 3: lx_j * mW and P0's lx * lW before, one online.
    c.onlineGemmMacs = c.offlineGemmMacs = macs;
  } else {
    // (mx - lxj)(my - lyj) and half of mx * my; P0: lx1*ly2 + lx2*ly1.
    c.onlineGemmMacs = macs + macs / 2;
    c.offlineGemmMacs = 2 * macs;
  }
}

PlanCost costOf(const Plan &p, const Instr &in,
                const std::vector<bool> &fixed) {
  PlanCost c;
  const RegInfo *out = hasResult(in.op) ? &p.regs[in.out] : nullptr;
  const RegInfo *x = in.in.empty() ? nullptr : &p.regs[in.in[0]];
  int64_t n = out ? out->numel() : 0;
  int64_t k = out ? out->ring : 0;
  switch (in.op) {
  case PlanOp::Input:
    c.p1ToClient = c.p2ToClient = packed(n, k);
    c.clientToP1 = c.clientToP2 = packed(n, k);
    break;
  case PlanOp::Output:
    c.p1ToClient = c.p2ToClient = 2 * packed(x->numel(), x->ring);
    break;
  case PlanOp::Flush:
    c.rounds = 1;
    break;
  case PlanOp::Weight: // setup
  case PlanOp::Add:
  case PlanOp::Sub:
  case PlanOp::Neg:
  case PlanOp::AddConst:
  case PlanOp::MulConst:
  case PlanOp::Shl:
  case PlanOp::ReduceSum:
  case PlanOp::Drop:
  case PlanOp::ToAdditive:
  case PlanOp::Strided:
  case PlanOp::Concat:
  case PlanOp::Take:
  case PlanOp::BitXor:
  case PlanOp::BitNot:
  case PlanOp::Range:
    break;
  case PlanOp::MatMulConst:
    product(c, p, in, 2, fixed);
    break;
  case PlanOp::Mul:
    c.p0ToP2 = packed(n, k);
    break;
  case PlanOp::MatMul:
    c.p0ToP2 = packed(n, k);
    product(c, p, in, 0, fixed);
    break;
  case PlanOp::Trunc:
    exchange(c, packed(n, k)); // the result's ring: k - bits
    break;
  case PlanOp::Extend:
    exchange(c, packed(n, k - x->ring));
    c.p0ToP2 = 2 * packed(n, k - x->ring);
    break;
  case PlanOp::Spline:
    c.p0ToP1 = c.p0ToP2 = dpfKeys(n, in.scalar(2), in.scalar(3) + 1, k);
    break;
  case PlanOp::Exp:
    c.p0ToP2 = packed(n << in.scalar(1), k);
    break;
  case PlanOp::Fourier: {
    // Two dealt values a harmonic, less the bits they are shifted by.
    const std::vector<int64_t> &rows =
        p.consts[static_cast<size_t>(in.scalar(0))].data;
    for (size_t i = 0; i + 4 <= rows.size(); i += 4)
      c.p0ToP2 += 2 * packed(n, k - in.scalar(3) + rows[i + 2] + rows[i + 3]);
    break;
  }
  case PlanOp::Digits: {
    int64_t q = digitCount(in.scalar(0), in.scalar(2)), entries = 0;
    for (int64_t d = 0; d < q; ++d)
      entries += (int64_t{1} << digitWidth(in.scalar(0), in.scalar(2), d)) - 1;
    c.p0ToP2 = packed(x->numel() * entries, 1);
    exchange(c, packed(n, 1)); // n has the 2q - 1 planes
    break;
  }
  case PlanOp::Sign: {
    int64_t q = digitCount(in.scalar(0), in.scalar(2));
    c.p0ToP2 = packed(n * (signMonomials(q) + 1), 1); // and msb(l)
    exchange(c, packed(n, 1));
    break;
  }
  case PlanOp::BitAnd:
    c.p0ToP2 = packed(n, 1);
    exchange(c, packed(n, 1));
    break;
  case PlanOp::BitMux:
    c.p0ToP2 = packed(13 * n, 1);
    exchange(c, packed(n, 1));
    break;
  case PlanOp::FromBits:
    c.p0ToP2 = packed(n, k);
    break;
  case PlanOp::BitMul:
    c.p0ToP2 = 2 * packed(n, k);
    break;
  case PlanOp::InRange:
    c.p0ToP2 = packedWide(x->numel(),
                          static_cast<int64_t>(tableBits(linksOf(in.imm[2]))));
    exchange(c, packed(n, 1));
    break;
  case PlanOp::Guard:
    c.p1ToClient = c.p2ToClient = 2 * packed(x->numel(), 1);
    break;
  case PlanOp::OneHot:
    c.p0ToP1 = c.p0ToP2 = dpfKeys(x->numel(), in.scalar(0), 1, k);
    break;
  case PlanOp::OneHotBits:
    c.p0ToP1 = c.p0ToP2 = dpfKeys(x->numel(), in.scalar(0), 1, 1);
    exchange(c, packed(n, 1));
    break;
  case PlanOp::SelectWords:
    c.p0ToP2 = packed(n, k);
    exchange(c, packed(n, k));
    break;
  case PlanOp::FromWords:
    for (int64_t bit = 0; bit < x->ring; ++bit)
      c.p0ToP2 += packed(n, k - bit);
    break;
  }
  return c;
}

} // namespace

PlanCost &PlanCost::operator+=(const PlanCost &o) {
  rounds += o.rounds;
  p1ToP2 += o.p1ToP2;
  p2ToP1 += o.p2ToP1;
  p0ToP1 += o.p0ToP1;
  p0ToP2 += o.p0ToP2;
  clientToP1 += o.clientToP1;
  clientToP2 += o.clientToP2;
  p1ToClient += o.p1ToClient;
  p2ToClient += o.p2ToClient;
  onlineGemmMacs += o.onlineGemmMacs;
  offlineGemmMacs += o.offlineGemmMacs;
  return *this;
}

uint64_t publicInputBytes(const Plan &plan) {
  uint64_t bytes = 0;
  for (const PublicInputInfo &i : plan.open.inputs)
    bytes +=
        static_cast<uint64_t>(core::numel(i.shape)) * core::dtypeSize(i.dtype);
  return bytes;
}

std::vector<bool> inputIndependent(const Plan &plan) {
  std::vector<bool> fixed(plan.regs.size(), false);
  for (const Instr &in : plan.code) {
    if (!hasResult(in.op) || (plan.regs[in.out].form != Form::Masked &&
                              plan.regs[in.out].form != Form::Words))
      continue;
    bool all = in.op == PlanOp::Weight || !in.in.empty();
    // An exchange happens online, whatever goes into it.
    if (info(in.op).exchange)
      all = false;
    for (Reg r : in.in)
      all = all && fixed[r];
    // A session constant is not known when the weights are deployed.
    const PlanOpInfo &op = info(in.op);
    for (size_t i = 0; i < op.imms.size(); ++i)
      if (isConst(op.imms[i]))
        all = all && !plan.consts[static_cast<size_t>(in.scalar(i))].session;
    fixed[in.out] = all;
  }
  return fixed;
}

std::vector<PlanCost> instrCosts(const Plan &plan) {
  std::vector<bool> fixed = inputIndependent(plan);
  std::vector<PlanCost> out;
  out.reserve(plan.code.size());
  for (const Instr &in : plan.code)
    out.push_back(costOf(plan, in, fixed));
  return out;
}

PlanCost totalCost(const Plan &plan) {
  PlanCost total;
  for (const PlanCost &c : instrCosts(plan))
    total += c;
  return total;
}

std::vector<PlanCost> locationCosts(const Plan &plan) {
  std::vector<PlanCost> costs = instrCosts(plan);
  std::vector<PlanCost> out(plan.locations.size());
  std::vector<uint32_t> lastRound(plan.locations.size(), 0);
  uint32_t round = 1;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    if (in.op == PlanOp::Flush) {
      ++round;
      continue;
    }
    out[in.loc] += costs[i];
    if (info(in.op).exchange && lastRound[in.loc] != round) {
      lastRound[in.loc] = round;
      ++out[in.loc].rounds;
    }
  }
  return out;
}

} // namespace mpc::plan

//===- runtime/plan/PackedWeights.cpp -------------------------------------===//
#include "runtime/plan/PackedWeights.h"

namespace mpc::plan {
namespace {

/// Wider elements are kept in 64-bit words, see kernels/Gemm.cpp.
constexpr unsigned kWidestNarrow = 56;

/// Bytes of the instruction's right-hand side as it would be kept, about; 0 if
/// it cannot be.
size_t operandBytes(const Plan &plan, const Instr &in) {
  if (in.op == PlanOp::SelectWords) {
    const RegInfo &table = plan.regs[in.in[1]];
    return (static_cast<size_t>(table.numel()) * table.ring + 7) / 8;
  }
  if (in.op != PlanOp::MatMul)
    return 0;
  // batch m k n strideA strideB: one B for all, and A dense.
  const int64_t m = in.scalar(1), k = in.scalar(2), n = in.scalar(3);
  if (in.scalar(0) != 1 && !(in.scalar(5) == 0 && in.scalar(4) == m * k))
    return 0;
  const unsigned ring = plan.regs[in.out].ring;
  const unsigned bits = ring <= 32 ? 32 : ring <= kWidestNarrow ? ring : 64;
  return static_cast<size_t>(k) * static_cast<size_t>(n) * bits / 8;
}

} // namespace

PackedWeights packedWeights(const Plan &plan, const std::vector<bool> &isStatic,
                            bool dealer, size_t budget) {
  PackedWeights p;
  p.packs.resize(plan.code.size(), false);
  p.direct.resize(plan.code.size(), -1);
  std::vector<int64_t> weightOf(plan.regs.size(), -1);
  std::vector<size_t> reads(plan.regs.size(), 0);
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    if (in.op == PlanOp::Weight && plan.regs[in.out].form == Form::Masked)
      weightOf[in.out] = static_cast<int64_t>(i);
    for (Reg r : in.in)
      ++reads[r];
  }
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    const size_t bytes = (dealer ? 1 : 2) * operandBytes(plan, in);
    if (bytes == 0 || bytes > budget - p.bytes || !isStatic[in.in[1]])
      continue;
    p.bytes += bytes;
    p.packs[i] = true;
    if (in.op == PlanOp::MatMul && reads[in.in[1]] == 1)
      p.direct[i] = weightOf[in.in[1]];
  }
  p.done.resize(plan.code.size(), false);
  std::vector<bool> needed(plan.regs.size(), false);
  for (size_t i = plan.code.size(); i-- > 0;) {
    const Instr &in = plan.code[i];
    if (hasResult(in.op) && isStatic[in.out] && !needed[in.out]) {
      p.done[i] = true;
      continue;
    }
    for (size_t k = 0; k < in.in.size(); ++k)
      if (!(k == 1 && p.packs[i]))
        needed[in.in[k]] = true;
  }
  return p;
}

} // namespace mpc::plan

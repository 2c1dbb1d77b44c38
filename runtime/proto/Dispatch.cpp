//===- runtime/proto/Dispatch.cpp - from opcode to handler ----------------===//
#include "runtime/proto/Prepare.h"

#include "runtime/core/Ring.h"
#include "runtime/plan/PlanCost.h"

#include <cassert>

namespace mpc::proto {

using plan::PlanOp;

// clang-format off
void deal(Dealer &p) {
  switch (p.instr().op) {
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  case PlanOp::Name: return deal##Name(p);
#include "runtime/plan/PlanOps.def"
  }
}

void begin(Evaluator &p) {
  switch (p.instr().op) {
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  case PlanOp::Name: return begin##Name(p);
#include "runtime/plan/PlanOps.def"
  }
}

void finish(Evaluator &p, std::span<const uint8_t> received) {
  switch (p.instr().op) {
#define MPC_FINISH_0(Name) assert(false && "op without an exchange"); return
#define MPC_FINISH_1(Name) return finish##Name(p, received)
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  case PlanOp::Name: MPC_FINISH_##exchange(Name);
#include "runtime/plan/PlanOps.def"
#undef MPC_FINISH_0
#undef MPC_FINISH_1
  }
}
// clang-format on

void prepare(Evaluator &p) {
  switch (p.instr().op) {
  case PlanOp::Input:
    return prepareInput(p);
  case PlanOp::Weight:
    return beginWeight(p);
  case PlanOp::MatMul:
    return prepareMatMul(p);
  case PlanOp::MatMulConst:
    return prepareMatMulConst(p);
  // Their result is additive, or there is none: nothing to know yet.
  case PlanOp::Output:
  case PlanOp::Flush:
  case PlanOp::ToAdditive:
  case PlanOp::Mul:
  case PlanOp::Spline:
  case PlanOp::Exp:
  case PlanOp::Fourier:
  case PlanOp::FromBits:
  case PlanOp::BitMul:
  case PlanOp::OneHot:
  case PlanOp::FromWords:
  case PlanOp::Range:
  case PlanOp::Guard:
    return;
  // The new mask does not depend on what is exchanged.
  case PlanOp::Trunc:
    return maskTrunc(p);
  case PlanOp::Extend:
    return maskExtend(p);
  case PlanOp::Digits:
    return maskDigits(p);
  case PlanOp::Sign:
    return maskSign(p);
  case PlanOp::BitAnd:
    return maskBitAnd(p);
  case PlanOp::BitMux:
    return maskBitMux(p);
  case PlanOp::OneHotBits:
    return maskOneHotBits(p);
  case PlanOp::SelectWords:
    return prepareSelectWords(p);
  case PlanOp::InRange:
    return maskInRange(p);
  // Local: on the arrays that exist.
  case PlanOp::Add:
  case PlanOp::Sub:
  case PlanOp::Neg:
  case PlanOp::AddConst:
  case PlanOp::MulConst:
  case PlanOp::Shl:
  case PlanOp::ReduceSum:
  case PlanOp::Drop:
  case PlanOp::Strided:
  case PlanOp::Concat:
  case PlanOp::Take:
  case PlanOp::BitXor:
  case PlanOp::BitNot:
    return begin(p);
  }
}

bool dealtOffline(const plan::Instr &in, const std::vector<uint8_t> &isStatic) {
  return (in.op == PlanOp::MatMul &&
          (isStatic[in.in[0]] || isStatic[in.in[1]])) ||
         (in.op == PlanOp::SelectWords && isStatic[in.in[1]]);
}

size_t keptBytes(const plan::Plan &plan, const plan::Instr &in,
                 const std::vector<uint8_t> &isStatic) {
  if (!plan::hasResult(in.op))
    return 0;
  const plan::RegInfo &r = plan.regs[in.out];
  const bool kept = dealtOffline(in, isStatic) ||
                    (in.op == PlanOp::MatMulConst &&
                     r.form == plan::Form::Masked && !isStatic[in.out]);
  // Words are packed without gaps as well, so the same size holds for them.
  return kept ? core::packedBytes(static_cast<size_t>(r.numel()), r.ring) : 0;
}

void findStatic(Machine &p) {
  const std::vector<bool> fixed = plan::inputIndependent(p.plan);
  for (size_t r = 0; r < fixed.size(); ++r)
    p.isStatic[r] = fixed[r];
}

} // namespace mpc::proto

//===- runtime/proto/Univariate.cpp ---------------------------------------===//
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"

#include <fmt/format.h>

namespace mpc::proto {

Words lowMaskBits(const Dealer &p, size_t operand, unsigned bits) {
  const uint64_t mask = core::ringMask(bits);
  const Share &x = p.in(operand);
  Words out(x.a.size());
  for (size_t i = 0; i < out.size(); ++i)
    out.data()[i] = (x.a.data()[i] + x.b.data()[i]) & mask;
  return out;
}

void tapLowBits(const Dealer &p, const Words &lambda, unsigned bits) {
  Words coins(lambda.size());
  for (size_t i = 0; i < coins.size(); ++i)
    coins.data()[i] = lambda.data()[i] & ((uint64_t{1} << bits) - 1);
  p.tap->coins(p.index(), coins.span());
}

Status checkParameters(const plan::Plan &plan) {
  for (size_t i = 0; i < plan.code.size(); ++i) {
    const plan::Instr &in = plan.code[i];
    Status s;
    if (in.op == plan::PlanOp::Spline)
      s = kernels::validate(splineTable(plan, in));
    else if (in.op == plan::PlanOp::Exp)
      s = kernels::validate(expParams(plan, in));
    else if (in.op == plan::PlanOp::Fourier)
      s = kernels::validate(fourierTable(plan, in), plan.regs[in.in[0]].ring);
    else if (in.op == plan::PlanOp::OneHot || in.op == plan::PlanOp::OneHotBits)
      s = crypto::validate(oneHotDpf(plan, in));
    if (!s)
      return Error{fmt::format("instruction {} ('{}'): {}: {}", i,
                               plan.locations[in.loc],
                               plan::info(in.op).mnemonic, s.error().message)};
  }
  return {};
}

} // namespace mpc::proto

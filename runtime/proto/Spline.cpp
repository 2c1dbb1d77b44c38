//===- runtime/proto/Spline.cpp - spline: additive <- masked, one step ----===//
//
// Piecewise polynomials of a masked value through a DPF at the mask's high
// bits (crypto/SplineShare.h): no exchange, no party learns the segment. Both
// evaluators get the same keys; their roots come from PRG(k0j, DpfRoot).
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/SplineShare.h"
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"

namespace mpc::proto {

kernels::SplineTable splineTable(const plan::Plan &plan,
                                 const plan::Instr &in) {
  kernels::SplineTable t;
  t.inputBits = static_cast<unsigned>(in.scalar(1));
  t.segmentBits = static_cast<unsigned>(in.scalar(2));
  t.degree = static_cast<unsigned>(in.scalar(3));
  t.payloadFrac = static_cast<unsigned>(in.scalar(4));
  t.coeffFrac = static_cast<unsigned>(in.scalar(5));
  t.ringBits = plan.regs[in.out].ring;
  t.coeffs = plan.consts[static_cast<size_t>(in.scalar(0))].data;
  return t;
}

void dealSpline(Dealer &p) {
  const kernels::SplineTable table = splineTable(p.plan, p.instr());
  const size_t n = p.outSize();
  Words lambda = lowMaskBits(p, 0, table.inputBits);
  if (p.tap)
    tapLowBits(p, lambda, table.lowBits());
  const auto roots1 = p.drawRoots(1, n), roots2 = p.drawRoots(2, n);
  core::SecretVector<uint8_t> keys(
      crypto::dpfKeyBytes(crypto::splineDpf(table), n));
  crypto::splineDeal(table, lambda.span(), roots1.data(), roots2.data(),
                     keys.data(), p.pool);
  p.put(1, keys.clone());
  p.put(2, std::move(keys));
}

void beginSpline(Evaluator &p) {
  const kernels::SplineTable table = splineTable(p.plan, p.instr());
  const size_t n = p.outSize();
  const auto roots = p.drawRoots(n);
  const std::span<const uint8_t> keys =
      p.take(crypto::dpfKeyBytes(crypto::splineDpf(table), n));
  Words acc = Words::zeros(n);
  if (!keys.empty())
    crypto::splineEvaluate(kernels::PreparedSpline(table), p.party,
                           p.in(0).a.span(), roots.data(), keys.data(),
                           acc.span(), p.pool);
  p.out().a = std::move(acc);
}

} // namespace mpc::proto

//===- runtime/proto/Exp.cpp - exp: additive <- masked, one step ----------===//
//
// e^x splits into a factor that depends on the mask and the public class ma,
// and a public one (kernels/ExpTable.h). P0 deals the first for each of the
// 2^depth classes, to P2 only; evaluators take the entry of their public class.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::proto {
namespace {

constexpr size_t kGrain = 256;

} // namespace

kernels::ExpParams expParams(const plan::Plan &, const plan::Instr &in) {
  kernels::ExpParams e;
  e.window = static_cast<unsigned>(in.scalar(0));
  e.depth = static_cast<unsigned>(in.scalar(1));
  e.inFrac = static_cast<unsigned>(in.scalar(2));
  e.tableFrac = static_cast<unsigned>(in.scalar(3));
  e.publicFrac = static_cast<unsigned>(in.scalar(4));
  return e;
}

void dealExp(Dealer &p) {
  const kernels::ExpParams e = expParams(p.plan, p.instr());
  const size_t n = p.outSize(), classes = e.classes();
  const unsigned h = e.lowBits();
  Words lambda = lowMaskBits(p, 0, e.window);
  if (p.tap)
    tapLowBits(p, lambda, h);
  Words table(n * classes);
  p.pool.parallelFor(n, kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint64_t l = lambda.data()[i];
      kernels::expTableRow(e, l >> h, l & core::ringMask(h),
                           {table.data() + i * classes, classes});
    }
  });
  p.dealWords(0, std::move(table), p.outInfo().ring);
}

void beginExp(Evaluator &p) {
  const kernels::ExpParams e = expParams(p.plan, p.instr());
  const size_t n = p.outSize(), classes = e.classes();
  const unsigned h = e.lowBits(), k = p.outInfo().ring;
  const uint64_t ring = core::ringMask(k), window = core::ringMask(e.window);
  Words table = p.dealtWords(0, n * classes, k);
  Words out(n);
  const Words &x = p.in(0).a;
  p.pool.parallelFor(n, kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint64_t m = x.data()[i] & window; // public
      out.data()[i] = (table.data()[i * classes + (m >> h)] *
                       kernels::expPublic(e, m & core::ringMask(h))) &
                      ring;
    }
  });
  p.out().a = std::move(out);
}

} // namespace mpc::proto

//===- runtime/proto/Bilinear.cpp - mul, matmul of masked values ----------===//
//
// mul and matmul with a static operand (ASTRA 2019, BLAZE 2020): P0 deals
// g = lx ly, g1 from PRG(k01), g2 = g - g1 to P2;
//   a1 = mx (my - ly1) - lx1 my + g1,    a2 = -mx ly2 - lx2 my + g2.
// Static means a weight or a local map of weights: the product of the other
// operand's mask with its m is computed offline, added to the dealt share and
// kept; one product an evaluator remains online.
// matmul of two activations: P0 deals g = lx1 ly2 + lx2 ly1;
//   a_j = (mx - lx_j)(my - ly_j) - half_j of mx my + g_j
// where P1 and P2 each take half of the rows (or columns) of mx my.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Prepare.h"
#include "runtime/proto/RingGemm.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"

namespace mpc::proto {
namespace {

using kernels::Acc;

/// m - l_j of an operand.
Words unmasked(const Evaluator &p, size_t operand) {
  const Share &y = p.in(operand);
  const uint64_t mask = core::ringMask(p.inInfo(operand).ring);
  Words out(y.a.size());
  p.pool.parallelFor(out.size(), kernels::kElementGrain,
                     [&](size_t begin, size_t end) {
                       for (size_t i = begin; i < end; ++i)
                         out.data()[i] = (y.a.data()[i] - y.b.data()[i]) & mask;
                     });
  return out;
}

bool anyStatic(const Machine &p) {
  return p.isStatic[p.instr().in[0]] || p.isStatic[p.instr().in[1]];
}

} // namespace

Words ownHalf(const Evaluator &p, size_t operand) {
  return p.party == 1 ? unmasked(p, operand) : p.in(operand).b.clone();
}

void dealMul(Dealer &p) {
  const unsigned k = p.outInfo().ring;
  const Share &x = p.in(0), &y = p.in(1);
  Words lx = sumMod(x.a, x.b, k, p.pool), ly = sumMod(y.a, y.b, k, p.pool);
  Words g(p.outSize());
  kernels::broadcastBinary(
      g.data(), p.outInfo().shape, lx.data(), p.inInfo(0).shape, ly.data(),
      p.inInfo(1).shape, p.pool, [](uint64_t a, uint64_t b) { return a * b; });
  p.dealWords(0, std::move(g), k);
}

void beginMul(Evaluator &p) {
  const unsigned k = p.outInfo().ring;
  const uint64_t mask = core::ringMask(k);
  const core::Shape &shape = p.outInfo().shape;
  const core::Shape &sx = p.inInfo(0).shape, &sy = p.inInfo(1).shape;
  const Share &x = p.in(0), &y = p.in(1);
  Words a = p.dealtWords(0, p.outSize(), k);
  Words own = ownHalf(p, 1);
  Words product(a.size());
  const auto times = [](uint64_t u, uint64_t v) { return u * v; };
  const uint64_t sign = p.party == 1 ? 1 : ~uint64_t{0};
  const auto combine = [&](uint64_t s) {
    p.pool.parallelFor(
        a.size(), kernels::kElementGrain, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i)
            a.data()[i] = (a.data()[i] + s * product.data()[i]) & mask;
        });
  };
  kernels::broadcastBinary(product.data(), shape, x.a.data(), sx, own.data(),
                           sy, p.pool, times);
  combine(sign);
  kernels::broadcastBinary(product.data(), shape, x.b.data(), sx, y.a.data(),
                           sy, p.pool, times);
  combine(~uint64_t{0});
  p.out().a = std::move(a);
}

void dealMatMul(Dealer &p) {
  const MatMulDims dims = MatMulDims::of(p.instr(), 0);
  const unsigned k = p.outInfo().ring;
  const Share &x = p.in(0), &y = p.in(1);
  Words g(p.outSize());
  if (anyStatic(p)) {
    const Words lx = sumMod(x.a, x.b, k, p.pool);
    if (const PackedRhs *ly = p.statics->offlineRhs(p.index()))
      ly->multiply(dims, lx, g, Acc::Set, p.pool);
    else
      ringGemm(dims, k, lx, sumMod(y.a, y.b, k, p.pool), g, Acc::Set, p.pool);
    p.gemmMacs += dims.macs();
  } else {
    ringGemm(dims, k, x.a, y.b, g, Acc::Set, p.pool);
    ringGemm(dims, k, x.b, y.a, g, Acc::Add, p.pool);
    p.gemmMacs += 2 * dims.macs();
  }
  p.dealWords(0, std::move(g), k);
}

void prepareMatMul(Evaluator &p) {
  if (!anyStatic(p))
    return;
  const MatMulDims dims = MatMulDims::of(p.instr(), 0);
  const unsigned k = p.outInfo().ring;
  const Share &x = p.in(0), &y = p.in(1);
  Words c = p.dealtWords(0, p.outSize(), k);
  // With static y, -lx_j my is known now; with static x, -mx ly_j.
  if (const PackedRhs *rhs = p.statics->offlineRhs(p.index()))
    rhs->multiply(dims, x.b, c, Acc::Sub, p.pool);
  else if (p.isStatic[p.instr().in[1]])
    ringGemm(dims, k, x.b, y.a, c, Acc::Sub, p.pool);
  else
    ringGemm(dims, k, x.a, y.b, c, Acc::Sub, p.pool);
  p.offlineGemmMacs += dims.macs();
  p.keep(c, k);
}

void beginMatMul(Evaluator &p) {
  const MatMulDims dims = MatMulDims::of(p.instr(), 0);
  const unsigned k = p.outInfo().ring;
  const Share &x = p.in(0), &y = p.in(1);
  Words a;
  if (anyStatic(p)) {
    a = p.takeKept(p.outSize(), k);
    const Acc sign = p.party == 1 ? Acc::Add : Acc::Sub;
    if (const PackedRhs *rhs = p.statics->onlineRhs(p.index()))
      rhs->multiply(dims, x.a, a, sign, p.pool);
    else if (p.isStatic[p.instr().in[1]])
      ringGemm(dims, k, x.a, ownHalf(p, 1), a, sign, p.pool);
    else
      ringGemm(dims, k, ownHalf(p, 0), y.a, a, sign, p.pool);
    p.gemmMacs += dims.macs();
  } else {
    a = p.dealtWords(0, p.outSize(), k);
    ringGemm(dims, k, unmasked(p, 0), unmasked(p, 1), a, Acc::Add, p.pool);
    p.gemmMacs += dims.macs();
    p.gemmMacs +=
        ringGemmHalf(dims, k, p.party == 1, x.a, y.a, a, Acc::Sub, p.pool);
  }
  p.out().a = std::move(a);
}

} // namespace mpc::proto

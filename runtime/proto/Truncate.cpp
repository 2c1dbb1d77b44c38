//===- runtime/proto/Truncate.cpp - trunc: additive k -> masked k - t -----===//
//
// P1 sends floor(a1 / 2^t) + l'_1, P2 sends ceil(a2 / 2^t) + l'_2, modulo
// 2^(k-t); the sum is the new m. Since a1 + a2 = z mod 2^k and the result is
// claimed mod 2^(k-t) only, nothing wraps wrongly: |error| < 1 ulp, zero mean
// when a1 mod 2^t is uniform, exact when 2^t divides z. Truncate-and-reduce of
// SIRNN (2021) and LLAMA (2022).
//
// rerandomize: the operand's shares are a linear function of earlier masks, so
// a zero share from PRG(k12) makes a1 mod 2^t uniform first.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;

constexpr size_t kPiece = kernels::kFusedPiece;

unsigned resultRing(const Machine &p) { return p.outInfo().ring; }

} // namespace

void dealTrunc(Dealer &p) { p.drawMasks(p.out(), p.outSize(), resultRing(p)); }

void maskTrunc(Evaluator &p) {
  p.out().b = p.drawMask(p.outSize(), resultRing(p));
}

void beginTrunc(Evaluator &p) {
  const unsigned k = p.inInfo(0).ring, t = static_cast<unsigned>(p.imm(0));
  const unsigned out = k - t;
  const uint64_t maskIn = core::ringMask(k), maskOut = core::ringMask(out);
  const size_t n = p.outSize();
  const uint64_t *a = p.in(0).a.data();
  const bool first = p.party == 1, rerandomize = p.imm(1) != 0;
  const kernels::FusedKernels &fused = kernels::fusedKernels(p.pool.simd());
  const bool taps = p.tap && first;
  Words m(n), mask(n), coins(taps ? n : 0);
  uint8_t *to = p.sendRoom(n, out);
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words shares(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      const uint64_t *share = a + at;
      if (rerandomize) {
        uint64_t *rho = shares.data();
        p.keys.k12.words(p.address(Purpose::ZeroShare), at, {rho, count}, k);
        for (size_t i = 0; i < count; ++i)
          rho[i] = first ? share[i] + rho[i] : share[i] - rho[i];
        share = rho;
      }
      if (taps)
        for (size_t i = 0; i < count; ++i)
          coins.data()[at + i] = share[i] & ((uint64_t{1} << t) - 1);
      uint64_t *l = mask.data() + at;
      p.keys.k0.words(p.address(Purpose::Mask), at, {l, count}, out);
      // ceil(a / 2^t) = -floor(-a / 2^t)
      (first ? fused.truncFloor : fused.truncCeil)(m.data() + at, share, l,
                                                   count, maskIn, t, maskOut);
      kernels::packBits(m.data() + at, count, out,
                        to + core::packedBytes(at, out), p.pool.simd());
    }
  });
  if (taps)
    p.tap->coins(p.index(), coins.span());
  p.out().b = std::move(mask);
  p.out().a = std::move(m);
}

void finishTrunc(Evaluator &p, std::span<const uint8_t> received) {
  addReceived(p.out().a, received, resultRing(p), p.pool);
}

} // namespace mpc::proto

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

namespace mpc::proto {
namespace {

using crypto::Purpose;

unsigned resultRing(const Machine &p) { return p.outInfo().ring; }

} // namespace

void dealTrunc(Dealer &p) { p.drawMasks(p.out(), p.outSize(), resultRing(p)); }

void maskTrunc(Evaluator &p) {
  p.out().b = p.drawMask(p.outSize(), resultRing(p));
}

void beginTrunc(Evaluator &p) {
  const unsigned k = p.inInfo(0).ring, t = static_cast<unsigned>(p.imm(0));
  const uint64_t maskIn = core::ringMask(k), maskOut = core::ringMask(k - t);
  const size_t n = p.outSize();
  const Words &a = p.in(0).a;
  maskTrunc(p);
  Words m(n);
  if (p.imm(1)) {
    Words rho =
        prgWords(p.keys.k12, p.address(Purpose::ZeroShare), n, k, p.pool);
    for (size_t i = 0; i < n; ++i)
      m.data()[i] = p.party == 1 ? a.data()[i] + rho.data()[i]
                                 : a.data()[i] - rho.data()[i];
  } else {
    std::copy(a.begin(), a.end(), m.begin());
  }
  const uint64_t *mask = p.out().b.data();
  if (p.party == 1) {
    if (p.tap) {
      Words coins(n);
      for (size_t i = 0; i < n; ++i)
        coins.data()[i] = m.data()[i] & ((uint64_t{1} << t) - 1);
      p.tap->coins(p.index(), coins.span());
    }
    for (size_t i = 0; i < n; ++i)
      m.data()[i] = (((m.data()[i] & maskIn) >> t) + mask[i]) & maskOut;
  } else {
    // ceil(a / 2^t) = -floor(-a / 2^t)
    for (size_t i = 0; i < n; ++i)
      m.data()[i] = (mask[i] - ((-m.data()[i] & maskIn) >> t)) & maskOut;
  }
  p.sendWords(m, k - t);
  p.out().a = std::move(m);
}

void finishTrunc(Evaluator &p, std::span<const uint8_t> received) {
  addReceived(p.out().a, received, resultRing(p), p.pool);
}

} // namespace mpc::proto

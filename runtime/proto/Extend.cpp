//===- runtime/proto/Extend.cpp - extend: masked k -> masked K, signed ----===//
//
// Exact for |X| <= 2^(k-2); only the K - k new bits are exchanged. The low bits
// of the masks stay: l'_j = l_j + 2^k r_j. With m^ = m + 2^(k-2) mod 2^k and
// l = l1 + l2 mod 2^k, P0 deals in Z_{2^(K-k)}
//   T1 = c = [l1 + l2 >= 2^k],   T0 = c + msb(l),
// the evaluators exchange T_{msb(m^)} + r_j, whose sum s gives
//   m' = m^ - 2^(k-2) + 2^k s  mod 2^K.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"

#include "runtime/core/Ring.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;

struct Rings {
  unsigned k, wide, grow;
  explicit Rings(const Machine &p)
      : k(p.inInfo(0).ring), wide(p.outInfo().ring), grow(wide - k) {}
};

/// low + 2^k r: the new mask from the old one.
void widenMask(Words &r, const Words &low, unsigned k) {
  for (size_t i = 0; i < r.size(); ++i)
    r.data()[i] = low.data()[i] + (r.data()[i] << k);
}

} // namespace

void dealExtend(Dealer &p) {
  const Rings ring(p);
  const size_t n = p.outSize();
  p.drawMasks(p.out(), n, ring.grow);
  widenMask(p.out().a, p.in(0).a, ring.k);
  widenMask(p.out().b, p.in(0).b, ring.k);

  const Words &l1 = p.in(0).a, &l2 = p.in(0).b;
  const uint64_t mask = core::ringMask(ring.k);
  Words t0(n), t1(n);
  for (size_t i = 0; i < n; ++i) {
    // k < K <= 64, so the sum of two k-bit words does not wrap.
    const uint64_t sum = l1.data()[i] + l2.data()[i];
    const uint64_t carry = sum >> ring.k;
    const uint64_t msb = (sum & mask) >> (ring.k - 1);
    t0.data()[i] = carry + msb;
    t1.data()[i] = carry;
  }
  p.dealWords(0, std::move(t0), ring.grow);
  p.dealWords(1, std::move(t1), ring.grow);
}

void maskExtend(Evaluator &p) {
  const Rings ring(p);
  Words l = p.drawMask(p.outSize(), ring.grow);
  widenMask(l, p.in(0).b, ring.k);
  p.out().b = std::move(l);
}

void beginExtend(Evaluator &p) {
  const Rings ring(p);
  const size_t n = p.outSize();
  Words t0 = p.dealtWords(0, n, ring.grow);
  Words t1 = p.dealtWords(1, n, ring.grow);
  maskExtend(p);
  const Words &m = p.in(0).a;
  const uint64_t *l = p.out().b.data();
  const uint64_t maskLow = core::ringMask(ring.k);
  const uint64_t maskGrow = core::ringMask(ring.grow);
  const uint64_t maskWide = core::ringMask(ring.wide);
  // A ring of one bit holds only X = 0 here.
  const uint64_t quarter = ring.k >= 2 ? uint64_t{1} << (ring.k - 2) : 0;
  Words base(n);
  for (size_t i = 0; i < n; ++i) {
    const uint64_t up = (m.data()[i] + quarter) & maskLow;
    const uint64_t msb = up >> (ring.k - 1); // public
    const uint64_t t = msb ? t1.data()[i] : t0.data()[i];
    const uint64_t s = (t + (l[i] >> ring.k)) & maskGrow;
    t0.data()[i] = s;
    base.data()[i] = (up - quarter + (s << ring.k)) & maskWide;
  }
  p.sendWords(t0, ring.grow);
  p.out().a = std::move(base);
}

void finishExtend(Evaluator &p, std::span<const uint8_t> received) {
  const Rings ring(p);
  Words s = Words::zeros(p.outSize());
  addReceived(s, received, ring.grow, p.pool);
  const uint64_t mask = core::ringMask(ring.wide);
  uint64_t *m = p.out().a.data();
  for (size_t i = 0; i < s.size(); ++i)
    m[i] = (m[i] + (s.data()[i] << ring.k)) & mask;
}

} // namespace mpc::proto

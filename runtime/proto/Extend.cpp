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
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"

namespace mpc::proto {
namespace {

constexpr size_t kPiece = kernels::kFusedPiece;

struct Rings {
  unsigned k, wide, grow;
  explicit Rings(const Machine &p)
      : k(p.inInfo(0).ring), wide(p.outInfo().ring), grow(wide - k) {}
};

/// low + 2^k r: the new mask from the old one.
void widenMask(Words &r, const Words &low, unsigned k,
               kernels::ThreadPool &pool) {
  const kernels::FusedKernels &fused = kernels::fusedKernels(pool.simd());
  pool.parallelFor(r.size(), kPiece, [&](size_t begin, size_t end) {
    fused.widen(r.data() + begin, low.data() + begin, end - begin, k);
  });
}

} // namespace

void dealExtend(Dealer &p) {
  const Rings ring(p);
  const size_t n = p.outSize();
  const uint64_t *l1 = p.in(0).a.data(), *l2 = p.in(0).b.data();
  const uint64_t mask = core::ringMask(ring.k);
  const crypto::PrgAddress masks = p.address(crypto::Purpose::Mask);
  const kernels::FusedKernels &fused = kernels::fusedKernels(p.pool.simd());
  Words m1(n), m2(n);
  core::SecretVector<uint8_t> wire0(core::packedBytes(n, ring.grow)),
      wire1(core::packedBytes(n, ring.grow));
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words t0(kPiece), t1(kPiece), share(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      p.keys.k01.words(masks, at, {m1.data() + at, count}, ring.grow);
      p.keys.k02.words(masks, at, {m2.data() + at, count}, ring.grow);
      fused.widen(m1.data() + at, l1 + at, count, ring.k);
      fused.widen(m2.data() + at, l2 + at, count, ring.k);
      for (size_t i = 0; i < count; ++i) {
        // k < K <= 64, so the sum of two k-bit words does not wrap.
        const uint64_t sum = l1[at + i] + l2[at + i];
        const uint64_t carry = sum >> ring.k;
        t0.data()[i] = carry + ((sum & mask) >> (ring.k - 1));
        t1.data()[i] = carry;
      }
      const size_t to = core::packedBytes(at, ring.grow);
      p.packDealt(0, at, t0.span().first(count), share.span().first(count),
                  ring.grow, wire0.data() + to);
      p.packDealt(1, at, t1.span().first(count), share.span().first(count),
                  ring.grow, wire1.data() + to);
    }
  });
  p.put(2, std::move(wire0));
  p.put(2, std::move(wire1));
  p.out().a = std::move(m1);
  p.out().b = std::move(m2);
}

void maskExtend(Evaluator &p) {
  const Rings ring(p);
  Words l = p.drawMask(p.outSize(), ring.grow);
  widenMask(l, p.in(0).b, ring.k, p.pool);
  p.out().b = std::move(l);
}

void beginExtend(Evaluator &p) {
  const Rings ring(p);
  const size_t n = p.outSize();
  const DealtWords dealt(p, {ring.grow, ring.grow}, n);
  maskExtend(p);
  const uint64_t *m = p.in(0).a.data(), *l = p.out().b.data();
  // A ring of one bit holds only X = 0 here.
  const uint64_t quarter = ring.k >= 2 ? uint64_t{1} << (ring.k - 2) : 0;
  const kernels::FusedKernels &fused = kernels::fusedKernels(p.pool.simd());
  uint8_t *to = p.sendRoom(n, ring.grow);
  Words base(n);
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words t0(kPiece), t1(kPiece), s(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      dealt.read(0, at, t0.span().first(count));
      dealt.read(1, at, t1.span().first(count));
      fused.extend(s.data(), base.data() + at, m + at, t0.data(), t1.data(),
                   l + at, count, ring.k, ring.grow, quarter);
      kernels::packBits(s.data(), count, ring.grow,
                        to + core::packedBytes(at, ring.grow), p.pool.simd());
    }
  });
  p.out().a = std::move(base);
}

void finishExtend(Evaluator &p, std::span<const uint8_t> received) {
  const Rings ring(p);
  const uint64_t mask = core::ringMask(ring.wide);
  const kernels::FusedKernels &fused = kernels::fusedKernels(p.pool.simd());
  uint64_t *m = p.out().a.data();
  p.pool.parallelFor(p.outSize(), kPiece, [&](size_t begin, size_t end) {
    Words s(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      kernels::unpackBits(received.data() + core::packedBytes(at, ring.grow),
                          count, ring.grow, s.data(), p.pool.simd());
      fused.addHigh(m + at, s.data(), count, ring.k, mask);
    }
  });
}

} // namespace mpc::proto

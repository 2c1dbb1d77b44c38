//===- runtime/proto/Bits.cpp - bit_and, from_bits, bit_mul ---------------===//
//
// With b = m ^ l, l = l1 ^ l2:
//   bit_and   ABY2.0 (2021): a b = ma mb ^ ma lb ^ mb la ^ la lb; P0 deals
//             la lb over Z_2, one exchange masks the result
//   from_bits b = m + (1 - 2m) l over Z_{2^k}; P0 deals l as <l>
//   bit_mul   b x = m (mx - lx) + (1 - 2m) (mx l - l lx); P0 deals <l>, <l lx>
// XOR shares are no arithmetic shares: l is dealt anew in Z_{2^k}.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Ops.h"

#include "runtime/core/Ring.h"

namespace mpc::proto {

using crypto::Purpose;

void dealBitAnd(Dealer &p) {
  const size_t n = p.outSize();
  p.drawBitMasks(p.out(), n);
  const Share &x = p.in(0), &y = p.in(1);
  Words product(bitWords(n));
  for (size_t i = 0; i < product.size(); ++i)
    product.data()[i] =
        (x.a.data()[i] ^ x.b.data()[i]) & (y.a.data()[i] ^ y.b.data()[i]);
  p.dealBits(Purpose::Monomial, 0, std::move(product), n);
}

void maskBitAnd(Evaluator &p) { p.out().b = p.drawBitMask(p.outSize()); }

void beginBitAnd(Evaluator &p) {
  const size_t n = p.outSize();
  Words z = p.dealtBits(Purpose::Monomial, 0, n);
  maskBitAnd(p);
  const Share &x = p.in(0), &y = p.in(1);
  const uint64_t first = p.party == 1 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < z.size(); ++i) {
    const uint64_t mx = x.a.data()[i], my = y.a.data()[i];
    z.data()[i] ^= (mx & my & first) ^ (mx & y.b.data()[i]) ^
                   (my & x.b.data()[i]) ^ p.out().b.data()[i];
  }
  p.sendBits(z, n);
  p.out().a = std::move(z);
}

void finishBitAnd(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, p.outSize());
}

void dealFromBits(Dealer &p) {
  const size_t n = p.outSize();
  Words l(n);
  for (size_t i = 0; i < n; ++i)
    l.data()[i] = bitAt(p.in(0).a, i) ^ bitAt(p.in(0).b, i);
  p.dealWords(0, std::move(l), p.outInfo().ring);
}

void beginFromBits(Evaluator &p) {
  const unsigned k = p.outInfo().ring;
  const uint64_t mask = core::ringMask(k);
  const uint64_t first = p.party == 1;
  Words a = p.dealtWords(0, p.outSize(), k);
  for (size_t i = 0; i < a.size(); ++i) {
    const uint64_t m = bitAt(p.in(0).a, i);
    a.data()[i] = (first * m + (1 - 2 * m) * a.data()[i]) & mask;
  }
  p.out().a = std::move(a);
}

void dealBitMul(Dealer &p) {
  const unsigned k = p.outInfo().ring;
  const size_t n = p.outSize();
  const Share &b = p.in(0), &x = p.in(1);
  Words l(n), product(n);
  for (size_t i = 0; i < n; ++i) {
    l.data()[i] = bitAt(b.a, i) ^ bitAt(b.b, i);
    product.data()[i] = l.data()[i] * (x.a.data()[i] + x.b.data()[i]);
  }
  p.dealWords(0, std::move(l), k);
  p.dealWords(1, std::move(product), k);
}

void beginBitMul(Evaluator &p) {
  const unsigned k = p.outInfo().ring;
  const uint64_t mask = core::ringMask(k);
  const size_t n = p.outSize();
  const uint64_t first = p.party == 1;
  Words a = p.dealtWords(0, n, k);
  Words product = p.dealtWords(1, n, k);
  const Share &b = p.in(0), &x = p.in(1);
  for (size_t i = 0; i < n; ++i) {
    const uint64_t m = bitAt(b.a, i), mx = x.a.data()[i];
    a.data()[i] = (m * (first * mx - x.b.data()[i]) +
                   (1 - 2 * m) * (mx * a.data()[i] - product.data()[i])) &
                  mask;
  }
  p.out().a = std::move(a);
}

} // namespace mpc::proto

//===- runtime/proto/SelectWords.cpp - a secret row of the owner's table --===//
//
//   one_hot_bits  the dealer shares a DPF with a one-bit payload at the index's
//                 mask (Boyle, Gilboa, Ishai 2016), seven levels terminated;
//                 the row selector, shared by XOR, is masked by one exchange
//   select_words  with selector S = s ^ o and table T = m ^ L, both masked over
//                 Z_2: S' T = (S m ^ S L) ^ (o m ^ o L); P1 computes
//                 S (m ^ L1) ^ o1 m, P2 S L2 ^ o2 m, P0 deals o L. With an
//                 owner's table o_j m is computed offline
//   from_words    bit b of the word is s + (1 - 2 s) l over Z_{2^(k-b)}; P0
//                 deals l there, and 2^b times it is a number of Z_{2^k}
//
// Against an arithmetic one-hot row times the table: rows bits instead of rows
// ring elements an index. All rows are read whatever the index.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/Ring.h"
#include "runtime/crypto/Dpf.h"
#include "runtime/kernels/BitMatMul.h"
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Prepare.h"
#include "runtime/proto/Univariate.h"

namespace mpc::proto {

using crypto::Purpose;

namespace {

uint64_t reverseBits(uint64_t v) {
  v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
  v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64(v);
}

/// leaves[(m - i) mod points] for i in [0, rows), as packed bits.
Words selector(std::span<const uint64_t> leaves, size_t points, uint64_t m,
               size_t rows) {
  // Twice the leaves in reversed order: the selector lies there in one piece.
  Words twice(bitWords(2 * points));
  if (points >= 64) {
    const size_t n = points / 64;
    for (size_t i = 0; i < n; ++i)
      twice.data()[i] = twice.data()[n + i] = reverseBits(leaves[n - 1 - i]);
  } else {
    const uint64_t one = reverseBits(leaves[0]) >> (64 - points);
    twice.data()[0] = points < 64 ? one | one << points : one;
  }
  return extractBits(twice, (points - 1 - m) & (points - 1), rows);
}

size_t bitsOf(const plan::RegInfo &r) {
  return static_cast<size_t>(r.numel()) * r.ring;
}

kernels::BitMatMulDims dimsOf(const Machine &p) {
  const core::Shape &table = p.inInfo(1).shape;
  const auto rows = static_cast<size_t>(table[0]);
  return {rows ? p.inSize(0) / rows : 0, rows,
          static_cast<size_t>(table[1]) * p.inInfo(1).ring};
}

void xorInto(Words &to, const Words &x) {
  for (size_t i = 0; i < to.size(); ++i)
    to.data()[i] ^= x.data()[i];
}
} // namespace

void dealOneHotBits(Dealer &p) {
  p.drawBitMasks(p.out(), p.outSize());
  dealRowSelector(p);
}

void maskOneHotBits(Evaluator &p) { p.out().b = p.drawBitMask(p.outSize()); }

void beginOneHotBits(Evaluator &p) {
  const crypto::DpfParams dpf = oneHotDpf(p.plan, p.instr());
  const size_t n = p.inSize(0), points = dpf.points();
  const auto rows = static_cast<size_t>(p.imm(1));
  maskOneHotBits(p);
  Words z = p.out().b.clone();
  const auto roots = p.drawRoots(n);
  const std::span<const uint8_t> keys = p.take(crypto::dpfKeyBytes(dpf, n));
  if (!keys.empty()) {
    const size_t words = bitWords(points);
    Words leaves(n * words);
    crypto::dpfEvalBits(dpf, p.party, n, roots.data(), keys.data(), 0, points,
                        leaves.data(), p.pool);
    Words out = Words::zeros(z.size());
    for (size_t e = 0; e < n; ++e)
      depositBits(out, e * rows,
                  selector(leaves.span().subspan(e * words, words), points,
                           p.in(0).a.data()[e], rows),
                  rows);
    xorInto(z, out);
  }
  p.sendBits(z, p.outSize());
  p.out().a = std::move(z);
}

void finishOneHotBits(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, p.outSize());
}

void dealSelectWords(Dealer &p) {
  const size_t bits = bitsOf(p.outInfo());
  p.drawBitMasks(p.out(), bits);
  const Words o = xorOf(p.in(0).a, p.in(0).b);
  const Words *kept = p.statics->offlineTable(p.index());
  const Words l = kept ? Words() : xorOf(p.in(1).a, p.in(1).b);
  Words product = Words::zeros(bitWords(bits));
  kernels::bitMatMul(dimsOf(p), o.data(), (kept ? *kept : l).data(),
                     product.data(), p.pool);
  p.dealBits(Purpose::Monomial, 0, std::move(product), bits);
}

void maskSelectWords(Evaluator &p) {
  p.out().b = p.drawBitMask(bitsOf(p.outInfo()));
}

Words ownTable(const Evaluator &p) {
  return p.party == 1 ? xorOf(p.in(1).a, p.in(1).b) : p.in(1).b.clone();
}

namespace {

/// z ^= o_j m.
void addMaskTimesTable(const Evaluator &p, Words &z) {
  const Words *kept = p.statics->offlineTable(p.index());
  kernels::bitMatMul(dimsOf(p), p.in(0).b.data(),
                     (kept ? *kept : p.in(1).a).data(), z.data(), p.pool);
}

} // namespace

void prepareSelectWords(Evaluator &p) {
  maskSelectWords(p);
  if (!p.isStatic[p.instr().in[1]])
    return;
  const size_t bits = bitsOf(p.outInfo());
  Words z = p.dealtBits(Purpose::Monomial, 0, bits);
  addMaskTimesTable(p, z);
  p.keepBits(z, bits);
}

void beginSelectWords(Evaluator &p) {
  const size_t bits = bitsOf(p.outInfo());
  maskSelectWords(p);
  Words z;
  if (p.isStatic[p.instr().in[1]]) {
    z = p.takeKeptBits(bits);
  } else {
    z = p.dealtBits(Purpose::Monomial, 0, bits);
    addMaskTimesTable(p, z);
  }
  xorInto(z, p.out().b);
  const Words *kept = p.statics->onlineTable(p.index());
  const Words own = kept ? Words() : ownTable(p);
  kernels::bitMatMul(dimsOf(p), p.in(0).a.data(), (kept ? *kept : own).data(),
                     z.data(), p.pool);
  p.sendBits(z, bits);
  p.out().a = std::move(z);
}

void finishSelectWords(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, bitsOf(p.outInfo()));
}

void dealFromWords(Dealer &p) {
  const size_t n = p.outSize();
  const unsigned w = p.inInfo(0).ring, k = p.outInfo().ring;
  const Words l = xorOf(p.in(0).a, p.in(0).b);
  for (unsigned b = 0; b < w; ++b) {
    Words bit(n);
    for (size_t i = 0; i < n; ++i)
      bit.data()[i] = bitAt(l, i * w + b);
    p.dealWords(b, std::move(bit), k - b);
  }
}

void beginFromWords(Evaluator &p) {
  const size_t n = p.outSize();
  const unsigned w = p.inInfo(0).ring, k = p.outInfo().ring;
  const uint64_t mask = core::ringMask(k), first = p.party == 1;
  const Words &m = p.in(0).a;
  Words a = Words::zeros(n);
  for (unsigned b = 0; b < w; ++b) {
    const Words l = p.dealtWords(b, n, k - b);
    // The top bit is the sign's.
    const uint64_t sign = b + 1 == w ? ~uint64_t{0} : 1;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t s = bitAt(m, i * w + b);
      a.data()[i] += sign * ((first * s + (1 - 2 * s) * l.data()[i]) << b);
    }
  }
  for (size_t i = 0; i < n; ++i)
    a.data()[i] &= mask;
  p.out().a = std::move(a);
}

} // namespace mpc::proto

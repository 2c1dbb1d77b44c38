//===- runtime/proto/BitMux.cpp - choose one of four bits by two ----------===//
//
//   out = c[2 s + t] = XOR over i, j of [s = i][t = j] c_ij
// in one round: a polynomial of degree three in masked bits (ABY2.0 2021,
// multi-input AND). With s = ms ^ ls and so on, [s = i] = ms ^ i ^ 1 ^ ls; P0
// deals the products of the masks with two and three factors:
//   ls lt, and for each c: ls lc, lt lc, ls lt lc            (13 bits)
// the rest is local. A tournament of maxima uses it: who wins between two
// winners is among the four comparisons of their candidates, all made at once.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Ops.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;

constexpr size_t kInputs = 4; ///< c_00, c_01, c_10, c_11: operands 2..5
constexpr size_t kDealt = 1 + 3 * kInputs;

uint64_t maskWord(const Dealer &p, size_t operand, size_t w) {
  return p.in(operand).a.data()[w] ^ p.in(operand).b.data()[w];
}

} // namespace

void dealBitMux(Dealer &p) {
  const size_t n = p.outSize(), words = bitWords(n);
  p.drawBitMasks(p.out(), n);
  Words dealt = Words::zeros(bitWords(kDealt * n));
  Words plane(words);
  size_t slot = 0;
  const auto add = [&](auto product) {
    for (size_t w = 0; w < words; ++w)
      plane.data()[w] = product(w);
    clearTail(plane, n);
    depositBits(dealt, slot++ * n, plane, n);
  };
  const auto ls = [&](size_t w) { return maskWord(p, 0, w); };
  const auto lt = [&](size_t w) { return maskWord(p, 1, w); };
  add([&](size_t w) { return ls(w) & lt(w); });
  for (size_t c = 0; c < kInputs; ++c) {
    const auto lc = [&](size_t w) { return maskWord(p, 2 + c, w); };
    add([&](size_t w) { return ls(w) & lc(w); });
    add([&](size_t w) { return lt(w) & lc(w); });
    add([&](size_t w) { return ls(w) & lt(w) & lc(w); });
  }
  p.dealBits(Purpose::Monomial, 0, std::move(dealt), kDealt * n);
}

void maskBitMux(Evaluator &p) { p.out().b = p.drawBitMask(p.outSize()); }

void beginBitMux(Evaluator &p) {
  const size_t n = p.outSize(), words = bitWords(n);
  const Words all = p.dealtBits(Purpose::Monomial, 0, kDealt * n);
  std::vector<Words> dealt;
  for (size_t i = 0; i < kDealt; ++i)
    dealt.push_back(extractBits(all, i * n, n));
  maskBitMux(p);
  const uint64_t first = p.party == 1 ? ~uint64_t{0} : 0;
  Words z(words);
  for (size_t w = 0; w < words; ++w) {
    const uint64_t ls = p.in(0).b.data()[w], lt = p.in(1).b.data()[w];
    const uint64_t lst = dealt[0].data()[w];
    uint64_t sum = p.out().b.data()[w];
    for (size_t c = 0; c < kInputs; ++c) {
      // The public parts of [s = i] and [t = j], and of the bit chosen then.
      const uint64_t ms = p.in(0).a.data()[w] ^ (c & 2 ? 0 : ~uint64_t{0});
      const uint64_t mt = p.in(1).a.data()[w] ^ (c & 1 ? 0 : ~uint64_t{0});
      const uint64_t mc = p.in(2 + c).a.data()[w], lc = p.in(2 + c).b.data()[w];
      const uint64_t lsc = dealt[1 + 3 * c].data()[w],
                     ltc = dealt[2 + 3 * c].data()[w],
                     lstc = dealt[3 + 3 * c].data()[w];
      sum ^= (ms & mt & mc & first) ^ (ms & mt & lc) ^ (ms & mc & lt) ^
             (mt & mc & ls) ^ (ms & ltc) ^ (mt & lsc) ^ (mc & lst) ^ lstc;
    }
    z.data()[w] = sum;
  }
  clearTail(z, n);
  p.sendBits(z, n);
  p.out().a = std::move(z);
}

void finishBitMux(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, p.outSize());
}

} // namespace mpc::proto

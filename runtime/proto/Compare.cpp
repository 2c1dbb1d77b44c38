//===- runtime/proto/Compare.cpp - digits and sign: x < 0 in two rounds ---===//
//
// With m' and l' the low `window` bits of m >> drop and (l1 + l2) >> drop,
//   [x' < 0] = msb(m') ^ msb(l') ^ [low bits of m' < low bits of l'].
// digits: the low bits are cut into q digits. P0 deals per digit the table
// j -> [j == l_d] as XOR shares (the last entry is implied); an evaluator looks
// its public digit up: eq is one entry, lt the XOR of those above it. An
// exchange masks both. sign: the borrow
//   lt_0 ^ eq_0 (lt_1 ^ eq_1 (lt_2 ^ ...))
// is a polynomial in masked bits; P0 deals the products of their masks (ABY2.0
// 2021, multi-input AND) and msb(l'), a local expansion and one exchange
// follow.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Ops.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"
#include "runtime/plan/Digits.h"

#include <bit>

namespace mpc::proto {
namespace {

using crypto::Purpose;

/// The immediates "window drop digit".
struct Comparison {
  unsigned window, drop, digit, q;
  explicit Comparison(const Machine &p)
      : window(static_cast<unsigned>(p.imm(0))),
        drop(static_cast<unsigned>(p.imm(1))),
        digit(static_cast<unsigned>(p.imm(2))),
        q(static_cast<unsigned>(plan::digitCount(window, digit))) {}

  unsigned width(unsigned d) const {
    return static_cast<unsigned>(plan::digitWidth(window, digit, d));
  }
  /// Lowest bit of digit d, counted above the dropped bits.
  unsigned position(unsigned d) const {
    return window - 1 - d * digit - width(d);
  }
  /// Digit d of a masked value or a mask.
  uint64_t digitOf(uint64_t v, unsigned d) const {
    return v >> (drop + position(d)) & core::ringMask(width(d));
  }
  /// Dealt bits an element of the first d digits: 2^width - 1 each.
  size_t tableBits(unsigned d) const {
    size_t bits = 0;
    for (unsigned i = 0; i < d; ++i)
      bits += (size_t{1} << width(i)) - 1;
    return bits;
  }
  uint64_t msbOf(uint64_t v) const { return v >> (drop + window - 1) & 1; }
};

/// Planes: lt_i is plane i, eq_j is plane q + j.
/// Calls term(i, S, withLt): S a subset of eq_0..eq_(i-1), as bits. For each i
/// and S, the product of the masks of S (and of lt_i, if withLt) is multiplied
/// by the public bits of the rest.
template <class F> void forEachTerm(unsigned q, F term) {
  for (unsigned i = 0; i < q; ++i)
    for (uint32_t s = 0; s < uint32_t{1} << i; ++s) {
      term(i, s, false);
      term(i, s, true);
    }
}

/// Products with at least two mask factors, numbered from 1 in the order P0
/// deals them (0 is msb(l')). A product of eq masks alone occurs for several i
/// and is dealt once, at the smallest.
bool firstUse(unsigned i, uint32_t s, bool withLt) {
  if (withLt)
    return s != 0;
  return std::popcount(s) >= 2 && std::bit_width(s) == i;
}

/// Slots of the dealt products: of eq masks (by s), and of those with lt_i.
class Slots {
public:
  explicit Slots(unsigned q) {
    uint32_t next = 1;
    forEachTerm(q, [&](unsigned i, uint32_t s, bool withLt) {
      if (firstUse(i, s, withLt))
        (withLt ? withLt_[i][s] : eqOnly_[s]) = next++;
    });
    count_ = next;
  }
  uint32_t slot(unsigned i, uint32_t s, bool withLt) const {
    return withLt ? withLt_[i][s] : eqOnly_[s];
  }
  uint32_t count() const { return count_; }

private:
  uint32_t eqOnly_[128] = {};
  uint32_t withLt_[8][128] = {};
  uint32_t count_ = 0;
};

std::vector<Words> planesOf(const Words &planes, unsigned q, size_t n) {
  std::vector<Words> out;
  for (unsigned p = 0; p < 2 * q - 1; ++p)
    out.push_back(extractBits(planes, size_t{p} * n, n));
  return out;
}

} // namespace

void dealDigits(Dealer &p) {
  const Comparison c(p);
  const size_t n = p.inSize(0);
  p.drawBitMasks(p.out(), p.outSize());
  const Words &l1 = p.in(0).a, &l2 = p.in(0).b;
  const size_t nBits = n * c.tableBits(c.q);
  Words tables = Words::zeros(bitWords(nBits));
  for (unsigned d = 0; d < c.q; ++d) {
    const unsigned entries = (1u << c.width(d)) - 1;
    const size_t base = n * c.tableBits(d);
    // Tables of up to 8 bits of digit: several words an element.
    const unsigned words = (entries + 63) / 64;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t digit = c.digitOf(l1.data()[i] + l2.data()[i], d);
      for (unsigned w = 0; w < words; ++w) {
        const unsigned bits = std::min(64u, entries - 64 * w);
        // One hot by comparison with the word's number, not by address. The
        // last entry's bit, if digit is the last, falls off the table.
        const uint64_t here = (digit >> 6) == w;
        const uint64_t oneHot = (here << (digit & 63)) & core::ringMask(bits);
        const size_t at = base + i * entries + 64 * w;
        tables.data()[at / 64] |= oneHot << (at % 64);
        if (at % 64 + bits > 64)
          tables.data()[at / 64 + 1] |= oneHot >> (64 - at % 64);
      }
    }
  }
  p.dealBits(Purpose::BitTable, 0, std::move(tables), nBits);
}

void maskDigits(Evaluator &p) { p.out().b = p.drawBitMask(p.outSize()); }

namespace {

/// Digits of at most five bits: [eq] and [lt] of the public digit, a word of
/// table at a time.
void lookUpDigits(const Evaluator &p, const Comparison &c, unsigned d,
                  const Words &tables, Words &eq, Words &lt) {
  const size_t n = p.inSize(0), base = n * c.tableBits(d);
  const unsigned entries = (1u << c.width(d)) - 1;
  Words aligned;
  const auto *bytes = reinterpret_cast<const uint8_t *>(tables.data());
  if (base % 8 == 0) {
    bytes += base / 8;
  } else {
    aligned = extractBits(tables, base, n * entries);
    bytes = reinterpret_cast<const uint8_t *>(aligned.data());
  }
  constexpr size_t kPiece = kernels::kFusedPiece;
  const kernels::FusedKernels &fused = kernels::fusedKernels(p.pool.simd());
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words table(kPiece), isEq(kPiece), isLt(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      kernels::unpackBits(bytes + core::packedBytes(at, entries), count,
                          entries, table.data(), p.pool.simd());
      fused.lookUpDigit(isEq.data(), isLt.data(), p.in(0).a.data() + at,
                        table.data(), count, c.drop + c.position(d), c.width(d),
                        p.party == 1);
      const auto pack = [&](const Words &from, Words &to) {
        kernels::packBits(from.data(), count, 1,
                          reinterpret_cast<uint8_t *>(to.data() + at / 64),
                          p.pool.simd());
      };
      pack(isEq, eq);
      pack(isLt, lt);
    }
  });
}

} // namespace

void beginDigits(Evaluator &p) {
  const Comparison c(p);
  const size_t n = p.inSize(0), nBits = p.outSize();
  const Words &m = p.in(0).a;
  Words planes = Words::zeros(bitWords(nBits));
  Words tables = p.dealtBits(Purpose::BitTable, 0, n * c.tableBits(c.q));
  for (unsigned d = 0; d < c.q; ++d) {
    const unsigned entries = (1u << c.width(d)) - 1;
    const size_t base = n * c.tableBits(d);
    const unsigned words = (entries + 63) / 64;
    Words lt = Words::zeros(bitWords(n)), eq = Words::zeros(bitWords(n));
    const bool wide = c.width(d) > 5;
    if (!wide)
      lookUpDigits(p, c, d, tables, eq, lt);
    for (size_t i = 0; wide && i < n; ++i) {
      const uint64_t digit = c.digitOf(m.data()[i], d); // public
      uint64_t above = 0, at = 0, all = 0;
      for (unsigned w = 0; w < words; ++w) {
        const unsigned bits = std::min(64u, entries - 64 * w);
        const size_t from = base + i * entries + 64 * w;
        uint64_t t = tables.data()[from / 64] >> (from % 64);
        if (from % 64 + bits > 64)
          t |= tables.data()[from / 64 + 1] << (64 - from % 64);
        t &= core::ringMask(bits);
        all ^= t;
        const uint64_t first = 64 * w;
        if (digit < first)
          above ^= t;
        else if (digit - first < 63)
          above ^= t >> (digit - first + 1);
        if (digit >= first && digit - first < 64)
          at ^= t >> (digit - first) & 1;
      }
      // The last entry makes the XOR of all entries 1.
      const uint64_t last = (std::popcount(all) & 1) ^ (p.party == 1);
      uint64_t isEq = at, isLt = std::popcount(above) & 1;
      if (digit == entries)
        isEq = last, isLt = 0;
      else
        isLt ^= last;
      eq.data()[i / 64] |= isEq << (i % 64);
      lt.data()[i / 64] |= isLt << (i % 64);
    }
    depositBits(planes, size_t{d} * n, lt, n);
    if (d + 1 < c.q) // nothing follows the last digit's equality
      depositBits(planes, size_t{c.q + d} * n, eq, n);
  }
  maskDigits(p);
  for (size_t i = 0; i < planes.size(); ++i)
    planes.data()[i] ^= p.out().b.data()[i];
  p.sendBits(planes, nBits);
  p.out().a = std::move(planes);
}

void finishDigits(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, p.outSize());
}

void dealSign(Dealer &p) {
  const Comparison c(p);
  const size_t n = p.outSize();
  p.drawBitMasks(p.out(), n);
  const Words &l1 = p.in(1).a, &l2 = p.in(1).b;
  if (p.tap) {
    Words coins(n);
    for (size_t i = 0; i < n; ++i)
      coins.data()[i] =
          (l1.data()[i] + l2.data()[i]) & ((uint64_t{1} << c.drop) - 1);
    p.tap->coins(p.index(), coins.span());
  }
  // Plane 0: msb(l'); then the products in the order of Slots.
  const size_t nBits = n * (static_cast<size_t>(plan::signMonomials(c.q)) + 1);
  Words dealt = Words::zeros(bitWords(nBits));
  for (size_t i = 0; i < n; ++i)
    dealt.data()[i / 64] |= c.msbOf(l1.data()[i] + l2.data()[i]) << (i % 64);

  std::vector<Words> l = planesOf(p.in(0).a, c.q, n);
  for (unsigned k = 0; k < l.size(); ++k) {
    Words l2Plane = extractBits(p.in(0).b, size_t{k} * n, n);
    for (size_t i = 0; i < l2Plane.size(); ++i)
      l[k].data()[i] ^= l2Plane.data()[i];
  }
  size_t slot = 1;
  forEachTerm(c.q, [&](unsigned i, uint32_t s, bool withLt) {
    if (!firstUse(i, s, withLt))
      return;
    Words product = Words(bitWords(n));
    if (withLt)
      std::copy(l[i].begin(), l[i].end(), product.begin());
    else
      std::fill(product.begin(), product.end(), ~uint64_t{0});
    for (unsigned j = 0; j < i; ++j)
      if (s >> j & 1)
        for (size_t w = 0; w < product.size(); ++w)
          product.data()[w] &= l[c.q + j].data()[w];
    depositBits(dealt, slot++ * n, product, n);
  });
  p.dealBits(Purpose::Monomial, 0, std::move(dealt), nBits);
}

void maskSign(Evaluator &p) { p.out().b = p.drawBitMask(p.outSize()); }

void beginSign(Evaluator &p) {
  const Comparison c(p);
  const size_t n = p.outSize(), nWords = bitWords(n);
  const Slots slots(c.q);
  const size_t nBits = n * slots.count();
  const Words all = p.dealtBits(Purpose::Monomial, 0, nBits);
  std::vector<Words> dealt;
  for (uint32_t s = 0; s < slots.count(); ++s)
    dealt.push_back(extractBits(all, size_t{s} * n, n));
  maskSign(p);
  const std::vector<Words> m = planesOf(p.in(0).a, c.q, n);
  const std::vector<Words> l = planesOf(p.in(0).b, c.q, n);

  Words z = std::move(dealt[0]);
  const Words &x = p.in(1).a;
  const uint64_t first = p.party == 1 ? ~uint64_t{0} : 0;
  if (first)
    for (size_t i = 0; i < n; ++i)
      z.data()[i / 64] ^= c.msbOf(x.data()[i]) << (i % 64);
  forEachTerm(c.q, [&](unsigned i, uint32_t s, bool withLt) {
    // A term without mask factors is public; P1 adds it.
    const bool isPublic = s == 0 && !withLt;
    if (isPublic && !first)
      return;
    const bool single = std::popcount(s) + withLt == 1;
    const Words *mask = isPublic ? nullptr
                        : single ? &l[withLt ? i : c.q + std::countr_zero(s)]
                                 : &dealt[slots.slot(i, s, withLt)];
    for (size_t w = 0; w < nWords; ++w) {
      uint64_t t = mask ? mask->data()[w] : ~uint64_t{0};
      if (!withLt)
        t &= m[i].data()[w];
      for (unsigned j = 0; j < i; ++j)
        if (!(s >> j & 1))
          t &= m[c.q + j].data()[w];
      z.data()[w] ^= t;
    }
  });
  for (size_t w = 0; w < nWords; ++w)
    z.data()[w] ^= p.out().b.data()[w];
  p.sendBits(z, n);
  p.out().a = std::move(z);
}

void finishSign(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, p.outSize());
}

} // namespace mpc::proto

//===- runtime/proto/InRange.cpp - in_range, guard, range -----------------===//
//
// in_range: per link and element P0 deals the refusals over all values that the
// public top bits may have (runtime/plan/RangeLinks.h), an evaluator looks its
// own up: XOR shares of one bit, [the link refuses the element]. The sum over
// GF(2) of these bits, each times 64 random ones that both evaluators draw and
// nobody else knows, is zero if no link refuses, and else a uniform number,
// zero with probability 2^-64. It says whether any element was refused and
// nothing more; masking it is the op's exchange. The conjunction of any number
// of checks is the XOR of their results.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Ops.h"

#include "runtime/core/Ring.h"
#include "runtime/plan/RangeLinks.h"

#include <bit>

namespace mpc::proto {
namespace {

using crypto::Purpose;
using plan::RangeLink;

constexpr size_t kBits = 64; ///< of the result
/// Slot of the random words that both evaluators draw.
constexpr uint32_t kFactors = 1;

std::vector<RangeLink> links(const Machine &p) {
  return plan::linksOf(p.instr().imm[2]);
}

/// Word w of the refusals by public value, for a mask whose top is `top`. The
/// time does not depend on it.
uint64_t refusals(const RangeLink &link, uint64_t top, uint64_t w) {
  const uint64_t entries = link.entries();
  if (entries <= 64) {
    const uint64_t all =
        entries == 64 ? ~uint64_t{0} : (uint64_t{1} << entries) - 1;
    const uint64_t base = all & ~((uint64_t{1} << link.accepted) - 1);
    if (entries == 64)
      return std::rotl(base, static_cast<int>(top));
    return (base << top | base << top >> entries) & all;
  }
  uint64_t word = 0;
  for (uint64_t j = 0; j < 64; ++j) {
    const uint64_t v = (64 * w + j - top) & (entries - 1);
    word |= static_cast<uint64_t>(v >= link.accepted) << j;
  }
  return word;
}

} // namespace

void dealInRange(Dealer &p) {
  p.drawBitMasks(p.out(), kBits);
  const std::vector<RangeLink> all = links(p);
  const Words &l1 = p.in(0).a, &l2 = p.in(0).b;
  const size_t n = p.inSize(0);
  if (p.tap && plan::coinBits(all) != 0) {
    Words coins(n);
    for (size_t i = 0; i < n; ++i)
      coins.data()[i] =
          core::reduce(l1.data()[i] + l2.data()[i], plan::coinBits(all));
    p.tap->coins(p.index(), coins.span());
  }
  const size_t nBits = n * plan::tableBits(all);
  Words tables = Words::zeros(bitWords(nBits));
  size_t base = 0;
  for (const RangeLink &link : all) {
    const size_t entries = link.entries();
    for (size_t i = 0; i < n; ++i) {
      const uint64_t top = link.topOf(l1.data()[i] + l2.data()[i]);
      for (size_t w = 0; 64 * w < entries; ++w) {
        const uint64_t word = refusals(link, top, w);
        const size_t at = base + i * entries + 64 * w;
        tables.data()[at / 64] |= word << (at % 64);
        if (at % 64 + std::min<size_t>(entries, 64) > 64)
          tables.data()[at / 64 + 1] |= word >> (64 - at % 64);
      }
    }
    base += n * entries;
  }
  p.dealBits(Purpose::BitTable, 0, std::move(tables), nBits);
}

void maskInRange(Evaluator &p) { p.out().b = p.drawBitMask(kBits); }

void beginInRange(Evaluator &p) {
  const std::vector<RangeLink> all = links(p);
  const size_t n = p.inSize(0);
  const Words &m = p.in(0).a;
  const Words tables =
      p.dealtBits(Purpose::BitTable, 0, n * plan::tableBits(all));
  uint64_t sum = 0;
  size_t base = 0;
  Words factors;
  for (uint32_t k = 0; k < all.size(); ++k) {
    const RangeLink &link = all[k];
    factors = prgWords(p.keys.k12, p.address(Purpose::ZeroShare, kFactors + k),
                       n, 64, p.pool);
    for (size_t i = 0; i < n; ++i) {
      const uint64_t top = link.topOf(m.data()[i] + link.shift); // public
      const uint64_t refused = bitAt(tables, base + i * link.entries() + top);
      sum ^= (0 - refused) & factors.data()[i];
    }
    base += n * link.entries();
  }
  maskInRange(p);
  Words z(1);
  z.data()[0] = sum ^ p.out().b.data()[0];
  p.sendBits(z, kBits);
  p.out().a = std::move(z);
}

void finishInRange(Evaluator &p, std::span<const uint8_t> received) {
  xorReceived(p.out().a, received, kBits);
}

void dealGuard(Dealer &) {}
void beginGuard(Evaluator &p) {
  core::SecretVector<uint8_t> m(bitBytes(kBits)), l(bitBytes(kBits));
  bitsToBytes(p.in(0).a, kBits, m.span());
  bitsToBytes(p.in(0).b, kBits, l.span());
  p.io.output(m.span(), l.span());
}

// A declaration.
void dealRange(Dealer &) {}
void beginRange(Evaluator &) {}

} // namespace mpc::proto

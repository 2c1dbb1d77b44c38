//===- runtime/plan/RangeLinks.h - range checks by public top bits --------===//
//
// The arithmetic of `in_range`. A masked value m = x + l is looked at through
// its window: the low `window` bits of m + shift, of which the top `bits` are
// compared with those of l. With y = x + shift mod 2^window, cut into top and
// low bits,
//
//   v = top(m + shift) - top(l) = top(y) + carry,   carry = [low(y) + low(l)
//   overflows]
//
// and the link accepts v < accepted. So it accepts all x with
// top(y) + 1 < accepted, refuses all x with top(y) >= accepted and those whose
// top(y) is the largest there is unless its carry wraps, and in between the
// masks decide. P0 deals, per link and element, the table of refusals over the
// 2^bits public values as XOR shares: no round, 2^bits bits (SIGMA 2024 and
// Pika 2022 look up functions so; here the function is one bit).
//
// One link that looks at few bits can only tell a range from values somewhat
// beyond; a chain of links, each relying on the one before it, tells it from
// values far beyond at about a byte a bit. rangeLinks() makes the chain.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mpc::plan {

struct RangeLink {
  unsigned window = 0;   ///< low bits of m and l that are looked at, <= 63
  unsigned bits = 0;     ///< top bits of the window, 1 .. kMaxBits
  uint64_t shift = 0;    ///< added to m, below 2^window
  uint64_t accepted = 0; ///< v below this, 1 .. 2^bits - 1
  static constexpr unsigned kMaxBits = 12, kMaxLinks = 32;

  unsigned lowBits() const { return window - bits; }
  uint64_t entries() const { return uint64_t{1} << bits; }
  bool operator==(const RangeLink &) const = default;

  /// Of a public or masked value or a mask: its top bits. Add the shift first.
  uint64_t topOf(uint64_t word) const {
    return word >> lowBits() & (entries() - 1);
  }
  /// Of element x whose mask has the low bits `low` (more are dropped).
  bool refuses(uint64_t x, uint64_t low) const {
    const uint64_t part = (uint64_t{1} << lowBits()) - 1;
    const uint64_t y = x + shift;
    const uint64_t carry = ((y & part) + (low & part)) >> lowBits();
    return ((topOf(y) + carry) & (entries() - 1)) >= accepted;
  }
};

/// The immediate `links`, four numbers each, and back.
std::vector<RangeLink> linksOf(std::span<const int64_t> imm);
std::vector<int64_t> linksToImm(std::span<const RangeLink> links);

/// Bits of tables an element.
uint64_t tableBits(std::span<const RangeLink> links);
/// The low bits of a mask that decide, at most.
unsigned coinBits(std::span<const RangeLink> links);

/// Bounds of a check, in ulps.
struct RangeRequest {
  int64_t mustLo, mustHi;   ///< accepted whatever the masks
  int64_t lo, hi;           ///< nothing beyond is accepted; lo < mustLo etc.
  int64_t knownLo, knownHi; ///< no value lies beyond
  unsigned ring;            ///< knownLo .. knownHi fit it, signed
  unsigned maxBits = 6;     ///< of the last link
};

/// The chain for a request: none where no value can lie beyond, nothing where
/// no last link of maxBits can tell mustLo from lo or mustHi from hi. A side on
/// which `known` stays within lo (hi) is not checked.
std::optional<std::vector<RangeLink>> rangeLinks(const RangeRequest &r);

} // namespace mpc::plan

//===- runtime/plan/RangeLinks.cpp ----------------------------------------===//
#include "runtime/plan/RangeLinks.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace mpc::plan {
namespace {

using Wide = __int128;

Wide floorDiv(Wide a, Wide b) { // b > 0
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// What is accepted, refused and known at one point of a chain.
struct State {
  Wide mustLo, mustHi, lo, hi, knownLo, knownHi;
  bool below, above; ///< sides that are checked
};

struct Step {
  RangeLink link;
  Wide knownLo, knownHi; ///< once it has accepted
};

/// The link with cells of 2^e and the first one at `base`, if one is possible.
std::optional<Step> tryLink(const State &s, unsigned e, Wide base,
                            unsigned ring, unsigned maxBits) {
  const Wide cell = Wide{1} << e;
  const Wide carry = e > 0; // cells of one ulp have no low bits
  // v = 0 also accepts the cell before the first.
  if (base > s.mustLo || (s.below && base - carry * cell < s.lo))
    return std::nullopt;
  const Wide least = floorDiv(s.knownLo - base, cell),
             most = floorDiv(s.knownHi - base, cell) + carry;
  if (!s.below && least < 0)
    return std::nullopt;
  Wide accepted = floorDiv(s.mustHi - base, cell) + 1 + carry;
  if (s.above && base + accepted * cell > s.hi + 1)
    return std::nullopt;
  if (!s.above)
    accepted = std::max(accepted, most + 1);
  unsigned bits = 1;
  // v lies in [least, most]; none that is refused may look accepted.
  while (bits <= maxBits &&
         !(least >= accepted - (Wide{1} << bits) && most < (Wide{1} << bits)))
    ++bits;
  if (bits > maxBits || e + bits > std::min(ring, 63u))
    return std::nullopt;
  const uint64_t mask = (uint64_t{1} << (e + bits)) - 1;
  return Step{{e + bits, bits, static_cast<uint64_t>(-base) & mask,
               static_cast<uint64_t>(accepted)},
              std::max(s.knownLo, base - carry * cell),
              std::min(s.knownHi, base + accepted * cell - 1)};
}

std::optional<Step> linkOfCells(const State &s, unsigned e, unsigned ring,
                                unsigned maxBits) {
  const Wide first = s.below ? s.lo + (Wide{1} << e) : s.knownLo;
  for (Wide base : {s.mustLo, (s.mustLo + first) / 2, first})
    if (auto step = tryLink(s, e, base, ring, maxBits))
      return step;
  return std::nullopt;
}

/// The link that tells must from beyond, with the widest cells that do.
std::optional<Step> lastLink(const State &s, unsigned ring, unsigned maxBits) {
  for (unsigned e = std::min(ring, 63u); e-- > 0;)
    if (auto step = linkOfCells(s, e, ring, maxBits))
      return step;
  return std::nullopt;
}

constexpr unsigned kNarrowingBits = 4;

/// A link that only narrows what is known, as far as it can.
std::optional<Step> narrowingLink(State s, unsigned ring) {
  const Wide wide = s.knownHi - s.knownLo;
  s.lo = s.knownLo - 2 * wide; // any cell beyond will do
  s.hi = s.knownHi + 2 * wide;
  for (unsigned e = 0; e < std::min(ring, 63u); ++e)
    if (auto step = tryLink(s, e, s.mustLo, ring, kNarrowingBits))
      return step->knownHi - step->knownLo <= wide * 2 / 3 ? step
                                                           : std::nullopt;
  return std::nullopt;
}

/// Sides that need no check accept everything.
void settle(State &s) {
  s.below = s.knownLo < s.lo;
  s.above = s.knownHi > s.hi;
  if (!s.below)
    s.mustLo = std::min(s.mustLo, s.knownLo);
  if (!s.above)
    s.mustHi = std::max(s.mustHi, s.knownHi);
}

using Links = std::optional<std::vector<RangeLink>>;

Links chain(State s, unsigned ring, unsigned maxBits, unsigned links) {
  settle(s);
  if (!s.below && !s.above)
    return std::vector<RangeLink>{};
  Links direct, longer;
  if (links == 0)
    return std::nullopt;
  if (auto last = lastLink(s, ring, maxBits))
    direct = {last->link};
  if (direct && (*direct)[0].bits <= kNarrowingBits)
    return direct;
  if (auto step = narrowingLink(s, ring)) {
    s.knownLo = step->knownLo;
    s.knownHi = step->knownHi;
    longer = chain(s, ring, maxBits, links - 1);
    if (longer)
      longer->insert(longer->begin(), step->link);
  }
  if (!direct || !longer)
    return direct ? direct : longer;
  return tableBits(*longer) < tableBits(*direct) ? longer : direct;
}

} // namespace

std::vector<RangeLink> linksOf(std::span<const int64_t> imm) {
  std::vector<RangeLink> links;
  for (size_t i = 0; i + 4 <= imm.size(); i += 4)
    links.push_back(
        {static_cast<unsigned>(imm[i]), static_cast<unsigned>(imm[i + 1]),
         static_cast<uint64_t>(imm[i + 2]), static_cast<uint64_t>(imm[i + 3])});
  return links;
}

std::vector<int64_t> linksToImm(std::span<const RangeLink> links) {
  std::vector<int64_t> imm;
  for (const RangeLink &l : links)
    for (uint64_t x :
         {uint64_t{l.window}, uint64_t{l.bits}, l.shift, l.accepted})
      imm.push_back(static_cast<int64_t>(x));
  return imm;
}

uint64_t tableBits(std::span<const RangeLink> links) {
  uint64_t bits = 0;
  for (const RangeLink &l : links)
    bits += l.entries();
  return bits;
}

unsigned coinBits(std::span<const RangeLink> links) {
  unsigned bits = 0;
  for (const RangeLink &l : links)
    bits = std::max(bits, l.lowBits());
  return bits;
}

std::optional<std::vector<RangeLink>> rangeLinks(const RangeRequest &r) {
  const State s{r.mustLo,  r.mustHi,  r.lo,  r.hi,
                r.knownLo, r.knownHi, false, false};
  return chain(s, r.ring, std::min(r.maxBits, RangeLink::kMaxBits),
               RangeLink::kMaxLinks);
}

} // namespace mpc::plan

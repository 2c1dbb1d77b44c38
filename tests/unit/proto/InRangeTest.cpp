// Range checks: the chain of links over all values and coins of small rings,
// and the guard among three parties.
#include "runtime/plan/RangeLinks.h"
#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;
using plan::RangeLink;
using plan::RangeRequest;

namespace {

/// Some and all coins: whether the chain may refuse x, whether it always does.
struct Verdict {
  bool mayRefuse = false, mayAccept = false;
};

Verdict judge(const std::vector<RangeLink> &links, int64_t x, unsigned ring) {
  Verdict v;
  const unsigned bits = plan::coinBits(links);
  for (uint64_t coin = 0; coin < uint64_t{1} << bits; ++coin) {
    bool refused = false;
    for (const RangeLink &l : links)
      refused |= l.refuses(core::fromSigned(x, ring), coin);
    (refused ? v.mayRefuse : v.mayAccept) = true;
  }
  return v;
}

plan::Plan guardedPlan(int64_t n, unsigned ring, const RangeRequest &r,
                       bool twice = false) {
  auto links = plan::rangeLinks(r);
  REQUIRE(links);
  PlanBuilder b;
  Reg x = b.input({n}, ring);
  const std::vector<Ints> imms = {{r.lo}, {r.hi}, plan::linksToImm(*links)};
  Reg fits = b.op(PlanOp::InRange, Form::Bits, 1, {64}, {x}, imms);
  Reg again = fits;
  if (twice)
    again = b.op(PlanOp::InRange, Form::Bits, 1, {64}, {x}, imms);
  b.flush();
  if (twice)
    fits = b.op(PlanOp::BitXor, Form::Bits, 1, {64}, {fits, again}, {});
  b.output(x);
  b.note(PlanOp::Guard, fits, {});
  return b.done();
}

/// Empty, or why the client refuses.
std::string outcome(const plan::Plan &p, const Ints &x) {
  auto r = vm::runInProcess(
      p, weightsOf(p, {}),
      std::vector{core::NpyArray::of<int64_t>(p.inputs[0].shape, x)});
  return r ? "" : r.error().message;
}

std::string emulated(const plan::Plan &p, const Ints &x) {
  emu::SeededCoins coins(3);
  emu::EmulateOptions o;
  o.threads = 1;
  o.checkRanges = true;
  emu::RangeReport report;
  auto r = emu::emulate(p, weightsOf(p, {}),
                        {core::NpyArray::of<int64_t>(p.inputs[0].shape, x)},
                        coins, o, &report);
  return r ? "" : r.error().message;
}

} // namespace

TEST_CASE("a chain of links over all values and coins", "[proto][range]") {
  const RangeRequest requests[] = {
      {-8, 8, -16, 15, -1024, 1023, 11}, // both sides, far
      {-7, 7, -16, 15, -31, 31, 6},      // a bit to spare
      {-12, 11, -16, 15, -32, 31, 7},    // finer cells
      {3, 60, 1, 63, -5, 80, 9},         // off centre
      {3, 60, 1, 70, -5, 70, 9},         // only below
      {3, 60, -5, 63, -5, 200, 9},       // only above
      {0, 0, -1, 1, -100, 100, 9},       // one value
      {2, 200, 1, 255, 0, 1000, 11, 9},  // many octaves
  };
  for (const RangeRequest &r : requests) {
    INFO(r.mustLo << ".." << r.mustHi << " in " << r.lo << ".." << r.hi
                  << " of " << r.knownLo << ".." << r.knownHi);
    const auto links = plan::rangeLinks(r);
    REQUIRE(links);
    REQUIRE_FALSE(links->empty());
    CHECK(plan::linksOf(plan::linksToImm(*links)) == *links);
    for (int64_t x = r.knownLo; x <= r.knownHi; ++x) {
      INFO("x " << x);
      const Verdict v = judge(*links, x, r.ring);
      if (x >= r.mustLo && x <= r.mustHi)
        REQUIRE_FALSE(v.mayRefuse);
      if (x < r.lo || x > r.hi)
        REQUIRE_FALSE(v.mayAccept);
    }
  }
}

TEST_CASE("links that cannot tell, or need not", "[proto][range]") {
  // To the ulp takes a table of 2^11 entries.
  CHECK_FALSE(plan::rangeLinks({-1000, 1000, -1000, 1000, -9999, 9999, 17}));
  CHECK(plan::rangeLinks({-8, 8, -8, 8, -100, 100, 9}));
  // Nothing lies beyond.
  CHECK(plan::rangeLinks({-8, 8, -10, 10, -10, 9, 9}).value().empty());
  // Far ends cost about a byte a bit: 20 bits beyond.
  const auto links =
      plan::rangeLinks({-(1 << 15), 1 << 15, -(1 << 16), 1 << 16,
                        -(int64_t{1} << 36), int64_t{1} << 36, 40});
  REQUIRE(links);
  CHECK(plan::tableBits(*links) <= 8 * 22);
}

TEST_CASE("random requests keep their promise", "[proto][range]") {
  std::mt19937_64 rng(5);
  const auto pick = [&](int64_t a, int64_t b) {
    return std::uniform_int_distribution<int64_t>(a, b)(rng);
  };
  int made = 0;
  for (int trial = 0; trial < 400; ++trial) {
    RangeRequest r;
    r.ring = 12;
    r.knownLo = -pick(1, 1500);
    r.knownHi = pick(1, 1500);
    r.lo = pick(r.knownLo, 0);
    r.hi = pick(1, r.knownHi);
    r.mustLo = pick(r.lo, 1);
    r.mustHi = pick(r.mustLo, r.hi);
    r.maxBits = static_cast<unsigned>(pick(3, 12));
    const auto links = plan::rangeLinks(r);
    if (!links)
      continue;
    ++made;
    for (int64_t x = r.knownLo; x <= r.knownHi; x += pick(1, 40)) {
      const Verdict v = judge(*links, x, r.ring);
      INFO("trial " << trial << " x " << x);
      if (x >= r.mustLo && x <= r.mustHi)
        REQUIRE_FALSE(v.mayRefuse);
      if (x < r.lo || x > r.hi)
        REQUIRE_FALSE(v.mayAccept);
    }
  }
  CHECK(made > 200);
}

TEST_CASE("a guard lets good values pass and no others", "[vm][range]") {
  const RangeRequest r{-96, 96, -128, 127, -60000, 60000, 18};
  const plan::Plan p = guardedPlan(5, 18, r);
  const Ints good = {0, -96, 96, 1, -50};
  CHECK(
      runAndCheck(p, {core::NpyArray::of<int64_t>({5}, good)}, weightsOf(p, {}))
          .size() == 1);
  for (int64_t bad : {128, -129, 300, 1024, -5000, 60000, -60000}) {
    INFO(bad);
    Ints x = good;
    x[static_cast<size_t>(bad & 3)] = bad;
    CHECK(outcome(p, x).find("client: guard: a value left the range") == 0);
    const std::string e = emulated(p, x);
    CHECK(e.find("guard: a value left the range") == 0);
    CHECK(e.find("'/test/Node' (in_range, %0): element " +
                 std::to_string(bad & 3) + " is " + std::to_string(bad) +
                 ", outside its guarded range [-128, 127] by") !=
          std::string::npos);
  }
}

TEST_CASE("two checks that fail do not cancel", "[vm][range]") {
  const plan::Plan p =
      guardedPlan(2, 18, {-96, 96, -128, 127, -60000, 60000, 18}, true);
  CHECK(outcome(p, {5000, 5000}).find("guard") != std::string::npos);
  CHECK(emulated(p, {5000, 5000}).find("guard") != std::string::npos);
  CHECK(outcome(p, {5, 5}).empty());
}

TEST_CASE("tables of more than a word", "[vm][range]") {
  // 1 .. 255 of 0 .. 1000: the lower end is fine, the range is wide.
  const RangeRequest r{2, 200, 1, 255, 0, 1000, 14, 10};
  const auto links = plan::rangeLinks(r);
  REQUIRE(links);
  CHECK(std::any_of(links->begin(), links->end(),
                    [](const RangeLink &l) { return l.bits > 6; }));
  const plan::Plan p = guardedPlan(70, 14, r);
  Ints x;
  for (int64_t i = 0; i < 70; ++i)
    x.push_back(2 + i * 198 / 69);
  CHECK(runAndCheck(p, {core::NpyArray::of<int64_t>({70}, x)}, weightsOf(p, {}))
            .size() == 1);
  for (int64_t bad : {0, 256, 1000}) {
    x[69] = bad;
    CHECK_FALSE(outcome(p, x).empty());
    CHECK_FALSE(emulated(p, x).empty());
  }
}

TEST_CASE("a guard over nothing holds", "[vm][range]") {
  const plan::Plan p = guardedPlan(0, 18, {-96, 96, -128, 127, -500, 500, 18});
  CHECK(outcome(p, {}).empty());
}

// The search against an exhaustive one: every ring of every value, every level,
// every version. The same objective, evaluateRings, judges both.
#include "passes/RingSearch.h"
#include "ir/Text.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mpc;
using namespace mpc::passes;
using Producer = RingNode::Producer;

namespace {

/// The least cost over all assignments.
class Exhaustive {
public:
  explicit Exhaustive(const RingProblem &p) : p_(p), choices_(p.nodes.size()) {}
  double run() {
    choose(p_.nodes.size());
    return best_;
  }

private:
  /// Readers first, so that a source gets what it is asked for.
  void choose(size_t i) {
    if (i == 0) {
      best_ = std::min(best_, evaluateRings(p_, choices_).seconds);
      return;
    }
    const RingNode &node = p_.nodes[i - 1];
    int least = node.own, most = node.own ? p_.cap : 0;
    if (node.producer == Producer::Source)
      least = most = std::max(least, asked(i - 1));
    for (bool masked : {false, true})
      if (!masked || node.producer == Producer::Linear)
        for (int k = least; k <= most; ++k) {
          choices_[i - 1] = {static_cast<uint8_t>(k), masked};
          choose(i - 1);
        }
  }
  int asked(size_t of) const {
    int widest = 0;
    for (size_t i = of + 1; i < p_.nodes.size(); ++i)
      for (const RingUse &u : p_.nodes[i].uses)
        if (u.node == of)
          widest = std::max(widest, u.ring(choices_[i].ring));
    if (llvm::is_contained(p_.outputs, of))
      widest = std::max<int>(widest, p_.nodes[of].own);
    return widest;
  }

  const RingProblem &p_;
  std::vector<RingChoice> choices_;
  double best_ = INFINITY;
};

constexpr uint64_t kMuchWork = 1'000'000;

void checkOptimal(const RingProblem &p) {
  const RingSolution s = solveRings(p, kMuchWork);
  const double best = Exhaustive(p).run();
  if (std::isinf(best)) {
    CHECK(s.choices.empty());
    return;
  }
  REQUIRE(!s.choices.empty());
  CHECK(s.exact);
  CHECK(s.cost.seconds == Approx(best).epsilon(1e-9));
  CHECK(s.cost.seconds == evaluateRings(p, s.choices).seconds);
  CHECK(s.cost.seconds <= s.localSeconds);
}

/// Rounds that cost nothing, little, much, all.
constexpr double kRounds[] = {0, 1e-7, 1e-6, 1e-3};

/// %2 is a truncated square of the input %0, x.
std::string truncatedSquare(const char *shape) {
  return llvm::formatv(R"(
    %0 = input {{hi = 1.0, lo = -1.0, name = "x"} : fx<_,2,1>[{0}] secret
    %1 = fixed.mul %0, %0 : fx<_,4,1>[{0}] secret
    %2 = fixed.trunc %1 {{bits = 2} : fx<_,2,1>[{0}] secret)",
                       shape);
}

void checkModule(const char *name, const std::string &body, unsigned cap) {
  auto m = ir::parse("module @t level(fixed) {\n" + body + "\n}\n", "test.mir");
  if (!m)
    FAIL(name << ": " << llvm::toString(m.takeError()));
  Options options;
  options.ringBits = cap;
  for (double round : kRounds) {
    INFO(name << ", a round takes " << round);
    RingProblem p = ringProblem(*m, options);
    p.round = round;
    checkOptimal(p);
  }
}

} // namespace

TEST_CASE("rings of small programs are the cheapest of all") {
  checkModule("chain", truncatedSquare("8") + R"(
    %3 = fixed.mul %2, %2 : fx<_,4,2>[8] secret
    %4 = fixed.trunc %3 {bits = 2} : fx<_,2,2>[8] secret
    return %4 as "y" : f32)",
              13);
  checkModule("diamond", truncatedSquare("64") + R"(
    %3 = fixed.mul %2, %2 : fx<_,4,2>[64] secret
    %4 = fixed.shl %2 {bits = 2} : fx<_,4,1>[64] secret
    %5 = fixed.add %3, %4 : fx<_,4,3>[64] secret
    return %5 as "y" : f32)",
              12);
  checkModule("residual and norm", R"(
    %0 = input {hi = 1.0, lo = -1.0, name = "x"} : fx<_,2,1>[4x8] secret
    %1 = fixed.trunc %0 {bits = 1} : fx<_,1,1>[4x8] secret
    %2 = fixed.mul %1, %1 : fx<_,2,1>[4x8] secret
    %3 = fixed.reduce_sum %2 {axes = [1], keepdims = 1} : fx<_,2,3>[4x1] secret
    %4 = fixed.trunc %3 {bits = 1} : fx<_,1,3>[4x1] secret
    %5 = fixed.mul %1, %4 : fx<_,2,4>[4x8] secret
    %6 = fixed.add %5, %0 : fx<_,2,4>[4x8] secret
    return %6 as "y" : f32)",
              11);
  checkModule("two heads", truncatedSquare("2x4") + R"(
    %3 = slice %2 {starts = [0, 0], steps = [1, 1]} : fx<_,2,1>[1x4] secret
    %4 = slice %2 {starts = [1, 0], steps = [1, 1]} : fx<_,2,1>[1x4] secret
    %5 = fixed.mul %3, %4 : fx<_,4,2>[1x4] secret
    %6 = fixed.mul %4, %4 : fx<_,4,3>[1x4] secret
    %7 = concat %5, %6 {axis = 0} : fx<_,4,3>[2x4] secret
    return %7 as "y" : f32)",
              11);
  checkModule("broadcast", truncatedSquare("1x2") + R"(
    %3 = broadcast %2 : fx<_,2,1>[16x2] secret
    %4 = fixed.mul %3, %3 : fx<_,4,3>[16x2] secret
    %5 = fixed.trunc %4 {bits = 2} : fx<_,2,3>[16x2] secret
    return %5 as "y" : f32)",
              12);
  checkModule("gather", R"(
    %0 = input {hi = 3.0, lo = 0.0, name = "i"} : fx<_,0,2>[4] secret
    %1 = constant {name = "w", value = dense<f32[4x2] [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]>} : fx<_,2,1>[4x2] weight
    %2 = fixed.gather %1, %0 {axis = 0, rows = 4} : fx<_,2,1>[4x2] secret
    %3 = fixed.mul %2, %2 : fx<_,4,1>[4x2] secret
    %4 = fixed.trunc %3 {bits = 2} : fx<_,2,1>[4x2] secret
    %5 = fixed.mul %4, %2 : fx<_,4,2>[4x2] secret
    return %5 as "y" : f32)",
              13);
  checkModule("an extension with two readers", R"(
    %0 = input {hi = 1.0, lo = -1.0, name = "x"} : fx<_,3,1>[64] secret
    %1 = fixed.trunc %0 {bits = 1} : fx<_,2,1>[64] secret
    %2 = fixed.mul %1, %1 : fx<_,4,2>[64] secret
    %3 = constant {name = "w", value = dense<f32[1] [1.0]>} : fx<_,3,1>[1] weight
    %4 = fixed.mul %1, %3 : fx<_,5,2>[64] secret
    return %2 as "y" : f32, %4 as "z" : f32)",
              14);
  checkModule("a sum of products", R"(
    %0 = input {hi = 1.0, lo = -1.0, name = "x"} : fx<_,2,1>[8] secret
    %1 = input {hi = 1.0, lo = -1.0, name = "y"} : fx<_,2,1>[8] secret
    %2 = fixed.mul %0, %1 : fx<_,4,1>[8] secret
    %3 = fixed.mul %0, %0 : fx<_,4,1>[8] secret
    %4 = fixed.add %2, %3 : fx<_,4,2>[8] secret
    %5 = fixed.trunc %4 {bits = 2} : fx<_,2,2>[8] secret
    %6 = fixed.mul %5, %1 : fx<_,4,3>[8] secret
    return %6 as "z" : f32)",
              13);
  checkModule("read at two widths", truncatedSquare("32") + R"(
    %3 = fixed.exp %2 {depth = 1, public_frac = 2, table_frac = 2, window = 5} : fx<_,4,1>[32] secret
    %4 = fixed.mul %2, %2 : fx<_,4,3>[32] secret
    %5 = fixed.add %3, %4 : fx<_,4,4>[32] secret
    return %5 as "y" : f32)",
              12);
  checkModule("a comparison and a choice", truncatedSquare("8") + R"(
    %3 = fixed.less %2, %0 : bool[8] secret
    %4 = fixed.select %3, %2, %0 : fx<_,2,1>[8] secret
    %5 = fixed.mul %4, %4 : fx<_,4,3>[8] secret
    return %5 as "y" : f32)",
              11);
  checkModule("a maximum", truncatedSquare("2x4") + R"(
    %3 = fixed.reduce_max %2 {axes = [1], keepdims = 1} : fx<_,2,1>[2x1] secret
    %4 = fixed.sub %2, %3 : fx<_,2,2>[2x4] secret
    %5 = fixed.mul %4, %4 : fx<_,4,3>[2x4] secret
    return %5 as "y" : f32)",
              12);
  checkModule("a masked sum of additive values", R"(
    %0 = input {hi = 1.0, lo = -1.0, name = "x"} : fx<_,1,1>[8] secret
    %1 = fixed.mul %0, %0 : fx<_,2,1>[8] secret
    %2 = fixed.trunc %1 {bits = 1} : fx<_,1,1>[8] secret
    %3 = fixed.add %1, %1 : fx<_,2,2>[8] secret
    %4 = fixed.mul %3, %3 : fx<_,4,3>[8] secret
    %5 = fixed.sub %2, %2 : fx<_,1,1>[8] secret
    %6 = fixed.mul %5, %2 : fx<_,2,3>[8] secret
    return %4 as "y" : f32, %6 as "z" : f32)",
              10);
}

namespace {

/// A program of few values that uses every kind of node and of reading.
RingProblem randomProblem(std::mt19937 &rng, size_t count) {
  auto draw = [&](int lo, int hi) {
    return std::uniform_int_distribution<>(lo, hi)(rng);
  };
  RingProblem p;
  p.cap = draw(8, 10);
  const double round[] = {0, 1, 8, 60, 1000};
  p.round = round[draw(0, 4)];
  for (size_t i = 0; i < count; ++i) {
    RingNode n;
    n.own = static_cast<int16_t>(draw(3, 7));
    n.exchangeBit = draw(1, 4);
    n.extendBit = n.exchangeBit * 3;
    const int kind = i == 0 ? 0 : draw(0, 6);
    auto read = [&](bool masked) {
      RingUse u;
      u.node = static_cast<uint32_t>(draw(0, static_cast<int>(i) - 1));
      u.masked = masked;
      n.uses.push_back(u);
      return &n.uses.back();
    };
    switch (kind) {
    case 0: // an input or weight
      n.producer = Producer::Source;
      n.perBit = draw(0, 1);
      break;
    case 1: { // a truncation
      n.producer = Producer::Masked;
      n.isTrunc = true;
      n.rounds = 1;
      n.perBit = n.exchangeBit;
      read(false)->offset = static_cast<int16_t>(draw(1, 2));
      break;
    }
    case 2: { // a table
      n.producer = Producer::Additive;
      n.perBit = draw(0, 6);
      RingUse *u = read(true);
      u->ringFollows = false;
      u->least = static_cast<int16_t>(draw(3, 7));
      break;
    }
    case 3: // a product
      n.producer = Producer::Additive;
      n.perBit = draw(0, 3);
      read(true);
      read(true);
      break;
    case 4: { // a range that is known
      n.producer = Producer::Masked;
      RingUse *u = read(true);
      u->ringFollows = false;
      u->least = p.nodes[u->node].own;
      n.own = static_cast<int16_t>(draw(2, u->least));
      n.ceiling = u->least;
      break;
    }
    default: // a linear op
      n.producer = Producer::Linear;
      for (int k = draw(1, 2); k > 0; --k)
        read(false);
    }
    p.nodes.push_back(std::move(n));
  }
  // What nobody reads is an output.
  for (uint32_t i = 0; i < count; ++i)
    if (llvm::none_of(p.nodes, [&](const RingNode &n) {
          return llvm::any_of(n.uses,
                              [&](const RingUse &u) { return u.node == i; });
        }))
      p.outputs.push_back(i);
  return p;
}

} // namespace

TEST_CASE("rings of random programs are the cheapest of all") {
  std::mt19937 rng(20261122);
  for (int i = 0; i < 1000; ++i) {
    INFO("program " << i);
    checkOptimal(randomProblem(rng, 3 + i % 4));
  }
}

TEST_CASE("a search that ends early says so and is no worse than the rule") {
  std::mt19937 rng(3);
  int ended = 0, better = 0;
  for (int i = 0; i < 100; ++i) {
    const RingProblem p = randomProblem(rng, 12);
    const RingSolution all = solveRings(p, kMuchWork), few = solveRings(p, 0);
    CHECK(all.exact);
    if (few.choices.empty())
      continue;
    CHECK(few.cost.seconds >= all.cost.seconds * (1 - 1e-12));
    CHECK(few.cost.seconds <= few.localSeconds);
    CHECK(all.cost.seconds <= all.localSeconds);
    CHECK(few.least <= all.cost.seconds * (1 + 1e-12));
    if (few.exact)
      CHECK(few.cost.seconds == Approx(all.cost.seconds));
    ended += !few.exact;
    better += all.cost.seconds < all.localSeconds * (1 - 1e-9);
  }
  CHECK(ended > 20);
  CHECK(better > 20);
}

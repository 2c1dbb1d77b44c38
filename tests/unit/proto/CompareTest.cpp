#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

TEST_CASE("sign: exact without dropped bits, all edges", "[proto]") {
  struct Case {
    unsigned ring, window;
    int64_t digit;
  };
  for (Case c : {Case{2, 2, 1},
                 {8, 8, 4},
                 {8, 5, 5},
                 {16, 16, 5},
                 {24, 16, 4},
                 {40, 24, 5},
                 {64, 64, 8},
                 {33, 33, 4},
                 {64, 12, 3},
                 {9, 9, 1},
                 {20, 20, 7}})
    for (int64_t n : {1, 67}) {
      INFO("ring " << c.ring << " window " << c.window << " digit " << c.digit
                   << " n " << n);
      PlanBuilder b;
      Reg x = b.input({n}, c.ring);
      b.output(b.sign(x, c.window, 0, c.digit));
      const Ints v =
          values(static_cast<size_t>(n), std::min(c.window - 1, 52u));
      const Ints out = run(b, {v})[0];
      for (size_t i = 0; i < v.size(); ++i) {
        INFO("x " << v[i]);
        CHECK(out[i] == (v[i] < 0));
      }
    }
}

TEST_CASE("sign: exhaustive in a small ring, many masks", "[proto]") {
  Ints v;
  for (int repeat = 0; repeat < 16; ++repeat)
    for (int64_t x = -63; x < 64; ++x)
      v.push_back(x);
  PlanBuilder b;
  Reg x = b.input({static_cast<int64_t>(v.size())}, 7);
  b.output(b.sign(x, 7, 0, 2));
  b.output(b.sign(x, 5, 2, 3));
  const auto out = run(b, {v});
  for (size_t i = 0; i < v.size(); ++i) {
    CHECK(out[0][i] == (v[i] < 0));
    // Dropping two bits errs by less than one unit of what is left: near 0,
    // and where that unit leaves the window.
    if (v[i] < -4 || (v[i] >= 4 && v[i] < 60))
      CHECK(out[1][i] == (v[i] < 0));
  }
}

TEST_CASE("bit_mux chooses one of four, all 64 cases", "[proto]") {
  // Six bits from the signs of six inputs that run through all combinations.
  constexpr int64_t n = 64 * 3 + 5;
  PlanBuilder b;
  std::vector<Reg> bits;
  std::vector<Ints> inputs(6);
  for (int k = 0; k < 6; ++k) {
    bits.push_back(b.sign(b.input({n}, 8), 8, 0, 4));
    for (int64_t i = 0; i < n; ++i)
      inputs[k].push_back(i >> k & 1 ? -3 : 5);
  }
  Reg chosen = b.op(PlanOp::BitMux, Form::Bits, 1, {n}, bits, {});
  b.flush();
  b.output(chosen);
  const auto out = run(b, inputs);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t s = i & 1, t = i >> 1 & 1;
    CHECK(out[0][i] == (i >> (2 + 2 * s + t) & 1));
  }
}

TEST_CASE("bits: xor, not, and, moves, from_bits, bit_mul", "[proto]") {
  for (int64_t n : {1, 64, 131}) {
    INFO("n " << n);
    PlanBuilder b;
    Reg x = b.input({n}, 20), y = b.input({n}, 20);
    Reg s = b.sign(x, 20, 0, 5), t = b.sign(y, 20, 0, 5);
    Reg both = b.op(PlanOp::BitAnd, Form::Bits, 1, {n}, {s, t}, {});
    b.flush();
    b.output(b.op(PlanOp::BitXor, Form::Bits, 1, {n}, {s, t}, {}));
    b.output(b.op(PlanOp::BitNot, Form::Bits, 1, {n}, {s}, {}));
    b.output(both);
    b.output(b.op(PlanOp::BitMul, Form::Additive, 20, {n}, {s, y}, {}));
    Reg wide = b.op(PlanOp::FromBits, Form::Additive, 64, {n}, {t}, {});
    b.output(wide);
    Reg pair = b.op(PlanOp::Concat, Form::Bits, 1, {2 * n}, {s, t}, {{0}});
    b.output(b.op(PlanOp::Strided, Form::Bits, 1, {2 * n}, {pair},
                  {{2 * n - 1}, {-1}}));
    const Ints v = values(static_cast<size_t>(n), 19),
               w = values(static_cast<size_t>(n), 19, 5);
    const auto out = run(b, {v, w});
    for (size_t i = 0; i < v.size(); ++i) {
      const int64_t sv = v[i] < 0, sw = w[i] < 0;
      CHECK(out[0][i] == (sv ^ sw));
      CHECK(out[1][i] == 1 - sv);
      CHECK(out[2][i] == (sv & sw));
      CHECK(out[3][i] == sv * w[i]);
      CHECK(out[4][i] == sw);
      CHECK(out[5][v.size() - 1 - i] == sw);
      CHECK(out[5][2 * v.size() - 1 - i] == sv);
    }
  }
}

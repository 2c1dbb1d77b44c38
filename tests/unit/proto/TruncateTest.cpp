#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

TEST_CASE("trunc: within one ulp, exact on multiples", "[proto]") {
  struct Case {
    unsigned ring;
    int64_t bits;
  };
  for (Case c : {Case{64, 16},
                 {64, 1},
                 {63, 20},
                 {40, 12},
                 {32, 8},
                 {33, 1},
                 {20, 5},
                 {9, 2},
                 {64, 0},
                 {8, 0},
                 {2, 1}})
    for (int64_t n : {1, 7, 130}) {
      INFO("ring " << c.ring << " bits " << c.bits << " n " << n);
      // Signed decoding needs |z| + 2^t < 2^(k-1).
      const unsigned room = c.ring - 1;
      const int64_t limit =
          c.bits == 0 ? core::ringMax(c.ring)
                      : core::ringMax(c.ring) - (int64_t{1} << c.bits);
      PlanBuilder b;
      Reg x = b.input({n}, c.ring);
      Reg a = b.op(PlanOp::ToAdditive, Form::Additive, c.ring, {n}, {x}, {});
      b.output(b.trunc(a, c.bits));
      Ints v = values(static_cast<size_t>(n), std::min(room, 52u));
      for (int64_t &e : v)
        e = std::clamp(e, -std::max<int64_t>(limit, 0),
                       std::max<int64_t>(limit, 0));
      const Ints out = run(b, {v})[0];
      for (size_t i = 0; i < v.size(); ++i) {
        const __int128 e = (static_cast<__int128>(out[i]) << c.bits) - v[i];
        INFO("x " << v[i] << " got " << out[i]);
        CHECK((e < 0 ? -e : e) < (__int128{1} << c.bits));
        if (v[i] % (int64_t{1} << c.bits) == 0)
          CHECK(e == 0);
      }
    }
}

TEST_CASE("trunc: unbiased after a public linear map", "[proto]") {
  // Even coefficients: without the zero share, a1's low bits are not uniform.
  constexpr int64_t kN = 20000, kBits = 8;
  PlanBuilder b;
  Reg x = b.input({kN}, 40);
  Reg a = b.op(PlanOp::ToAdditive, Form::Additive, 40, {kN}, {x}, {});
  Reg s = b.op(PlanOp::MulConst, Form::Additive, 40, {kN}, {a},
               {{b.constant({}, {64})}});
  Reg o = b.op(PlanOp::AddConst, Form::Additive, 40, {kN}, {s},
               {{b.constant({}, {37})}});
  b.output(b.trunc(o, kBits));
  const Ints v = values(kN, 20);
  const Ints out = run(b, {v})[0];
  double sum = 0;
  for (size_t i = 0; i < v.size(); ++i)
    sum += static_cast<double>(out[i]) -
           static_cast<double>(64 * v[i] + 37) / (1 << kBits);
  CHECK(std::abs(sum / kN) < 0.02);
}

TEST_CASE("extend: exact up to 2^(k-2), also in tiny rings", "[proto]") {
  struct Case {
    unsigned from, to;
  };
  for (Case c : {Case{3, 5},
                 {4, 9},
                 {8, 64},
                 {32, 33},
                 {40, 60},
                 {33, 64},
                 {63, 64},
                 {20, 40}})
    for (int64_t n : {1, 9, 200}) {
      INFO(c.from << " -> " << c.to << " n " << n);
      PlanBuilder b;
      Reg x = b.input({n}, c.from, static_cast<int>(c.from) - 2);
      Reg y = b.op(PlanOp::Extend, Form::Masked, c.to, {n}, {x}, {});
      b.flush();
      b.output(y);
      Ints v = values(static_cast<size_t>(n), std::min(c.from - 2, 52u));
      CHECK(run(b, {v})[0] == v);
    }
}

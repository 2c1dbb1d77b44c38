// Whole plans: every op at once, an MLP, several threads.
#include "tests/unit/proto/RunPlan.h"

#include <set>

using namespace mpc;
using namespace mpc::test;

namespace {

PlanBuilder everyOp() {
  PlanBuilder b;
  constexpr int64_t kN = 37;
  const Shape n{kN};
  Reg x = b.input(n, 40), id = b.input({3}, 7);
  Reg w = b.weight({kN, 4}, 40);
  Reg mm = b.op(PlanOp::MatMul, Form::Additive, 40, {1, 4}, {x, w},
                {{1}, {1}, {kN}, {4}, {0}, {0}});
  Reg square = b.op(PlanOp::Mul, Form::Additive, 40, n, {x, x}, {});
  Reg y = b.op(PlanOp::Trunc, Form::Masked, 28, {1, 4}, {mm}, {{12}, {0}});
  Reg digits =
      b.op(PlanOp::Digits, Form::Bits, 1, {5, kN}, {x}, {{16}, {4}, {5}});
  b.flush();
  Reg up =
      b.op(PlanOp::Extend, Form::Masked, 44, {1, 4},
           {b.op(PlanOp::Drop, Form::Masked, 26, {1, 4}, {y}, {}, 20)}, {});
  Reg neg = b.op(PlanOp::Sign, Form::Bits, 1, n, {digits, x}, {{16}, {4}, {5}});
  b.flush();
  Reg spline = b.op(PlanOp::Spline, Form::Additive, 34, n, {x},
                    {{b.constant({4, 3}, {3 << 8, 5, -7, 1 << 9, 100, 3,
                                          -(1 << 9), 80, -2, 40, -1, 9})},
                     {14},
                     {2},
                     {2},
                     {10},
                     {8}});
  Reg exp = b.op(PlanOp::Exp, Form::Additive, 50, n, {x},
                 {{15}, {2}, {10}, {14}, {12}});
  Reg wave = b.op(PlanOp::Fourier, Form::Additive, 42, n, {x},
                  {{b.constant({2, 4}, {int64_t{1} << 40, -(int64_t{1} << 38),
                                        14, 13, int64_t{1} << 35, 77, 9, 12})},
                   {15},
                   {3},
                   {30},
                   {-12345},
                   {1 << 12}});
  Reg hot =
      b.op(PlanOp::OneHot, Form::Additive, 40, {3, kN}, {id}, {{6}, {kN}});
  Reg picked =
      b.op(PlanOp::OneHotBits, Form::Bits, 1, {3, kN}, {id}, {{6}, {kN}});
  Reg pick = b.op(PlanOp::BitMul, Form::Additive, 40, n, {neg, x}, {});
  Reg notNeg = b.op(PlanOp::BitNot, Form::Bits, 1, n, {neg}, {});
  Reg never = b.op(PlanOp::BitAnd, Form::Bits, 1, n, {neg, notNeg}, {});
  Reg mux = b.op(PlanOp::BitMux, Form::Bits, 1, n,
                 {neg, notNeg, notNeg, neg, neg, notNeg}, {});
  b.flush();
  Reg row = b.op(PlanOp::SelectWords, Form::Words, 11, {3, 2},
                 {picked, b.weight({kN, 2}, 11, Form::Words)}, {});
  b.flush();
  Reg some = b.op(PlanOp::BitXor, Form::Bits, 1, n,
                  {b.op(PlanOp::BitXor, Form::Bits, 1, n, {never, neg}, {}),
                   b.op(PlanOp::BitXor, Form::Bits, 1, n, {mux, mux}, {})},
                  {});
  Reg scaled = b.op(PlanOp::MatMulConst, Form::Masked, 44, {1, 2}, {up},
                    {{b.constant({4, 2}, {1, 0, 0, 1, 2, -3, 4, 5})},
                     {1},
                     {1},
                     {1},
                     {4},
                     {2},
                     {0},
                     {0}});
  Reg turned =
      b.op(PlanOp::Strided, Form::Masked, 44, {2, 1}, {scaled}, {{0}, {1, 2}});
  Reg moved = b.op(
      PlanOp::Take, Form::Masked, 44, {2},
      {b.op(PlanOp::Concat, Form::Masked, 44, {4, 1}, {turned, turned}, {{0}})},
      {{b.constant({2}, {3, -1})}});
  Reg linear =
      b.op(PlanOp::AddConst, Form::Masked, 44, {2},
           {b.op(PlanOp::MulConst, Form::Masked, 44, {2},
                 {b.op(PlanOp::Shl, Form::Masked, 44, {2},
                       {b.op(PlanOp::Neg, Form::Masked, 44, {2}, {moved}, {})},
                       {{1}})},
                 {{b.constant({2}, {7, -9})}})},
           {{b.constant({1}, {1234})}});
  Reg total = b.op(
      PlanOp::ReduceSum, Form::Additive, 40, {},
      {b.op(PlanOp::Add, Form::Additive, 40, n,
            {b.op(PlanOp::ToAdditive, Form::Additive, 40, n, {x}, {}), pick},
            {})},
      {{0}});
  Reg spread =
      b.op(PlanOp::Sub, Form::Masked, 44, {2, 2}, {turned, linear}, {});
  for (Reg r : {spline, exp, square, total, hot})
    b.output(b.trunc(r, r == hot ? 0 : 9));
  for (Reg r : {some, spread, linear, y})
    b.output(r);
  b.note(PlanOp::Range, wave, {{-5}, {5}});
  // |x| < 2^11 of 2^12, in a ring of 40.
  const Ints links = {40, 4, int64_t{1} << 36, 3, 17, 6, 1 << 12, 63};
  Reg fits = b.op(PlanOp::InRange, Form::Bits, 1, {64}, {x},
                  {{-(1 << 12)}, {1 << 12}, links});
  b.output(b.trunc(wave, 9)); // the flush of both
  b.note(PlanOp::Guard, fits, {});
  b.output(b.trunc(
      b.op(PlanOp::FromWords, Form::Additive, 13, {3, 2}, {row}, {}), 0));
  return b;
}

std::vector<Ints> everyOpInputs(uint64_t seed) {
  return {values(37, 11, seed), {0, 36, 7}};
}

} // namespace

TEST_CASE("every op at once equals the emulator bit for bit", "[vm]") {
  PlanBuilder b = everyOp();
  for (unsigned threads : {1u, 3u})
    for (uint64_t seed : {1, 2}) {
      INFO("threads " << threads << " seed " << seed);
      const auto out =
          run(b, everyOpInputs(seed),
              {values(148, 10, seed), values(74, 10, seed + 9)}, threads);
      const Ints x = everyOpInputs(seed)[0];
      for (size_t i = 0; i < x.size(); ++i)
        if (x[i] < -16 || x[i] >= 16)
          CHECK(out[5][i] == (x[i] < 0));
    }
}

TEST_CASE("the plan above has every op", "[vm]") {
  std::set<PlanOp> seen;
  for (const plan::Instr &in : everyOp().done().code)
    seen.insert(in.op);
  for (const plan::PlanOpInfo &op : plan::allPlanOps()) {
    INFO(op.name);
    CHECK(seen.count(op.op) == 1);
  }
}

TEST_CASE("an MLP with ReLU agrees with integers", "[vm]") {
  constexpr int64_t kIn = 48, kHidden = 33, kOut = 10, kBatch = 5;
  PlanBuilder b;
  Reg x = b.input({kBatch, kIn}, 40);
  Reg w1 = b.weight({kIn, kHidden}, 40), w2 = b.weight({kHidden, kOut}, 40);
  Reg bias = b.weight({kHidden}, 40);
  Reg h = b.op(PlanOp::MatMul, Form::Additive, 40, {kBatch, kHidden}, {x, w1},
               {{1}, {kBatch}, {kIn}, {kHidden}, {0}, {0}});
  Reg h2 = b.op(
      PlanOp::Add, Form::Additive, 40, {kBatch, kHidden},
      {h, b.op(PlanOp::ToAdditive, Form::Additive, 40, {kHidden}, {bias}, {})},
      {});
  Reg m = b.trunc(h2, 0);
  Reg s = b.sign(m, 32, 0, 5);
  Reg pos = b.op(PlanOp::BitNot, Form::Bits, 1, {kBatch, kHidden}, {s}, {});
  Reg relu = b.trunc(
      b.op(PlanOp::BitMul, Form::Additive, 40, {kBatch, kHidden}, {pos, m}, {}),
      0);
  b.output(b.op(PlanOp::MatMul, Form::Additive, 40, {kBatch, kOut}, {relu, w2},
                {{1}, {kBatch}, {kHidden}, {kOut}, {0}, {0}}));
  const Ints vx = values(kBatch * kIn, 7), v1 = values(kIn * kHidden, 7, 2),
             v2 = values(kHidden * kOut, 7, 3), vb = values(kHidden, 10, 4);
  const auto out = run(b, {vx}, {v1, v2, vb}, 2)[0];
  for (int64_t r = 0; r < kBatch; ++r)
    for (int64_t o = 0; o < kOut; ++o) {
      int64_t want = 0;
      for (int64_t j = 0; j < kHidden; ++j) {
        int64_t a = vb[static_cast<size_t>(j)];
        for (int64_t i = 0; i < kIn; ++i)
          a += vx[static_cast<size_t>(r * kIn + i)] *
               v1[static_cast<size_t>(i * kHidden + j)];
        want += std::max<int64_t>(a, 0) * v2[static_cast<size_t>(j * kOut + o)];
      }
      CHECK(out[static_cast<size_t>(r * kOut + o)] == want);
    }
}

TEST_CASE("empty values pass through", "[vm]") {
  PlanBuilder b;
  Reg x = b.input({0, 3}, 20);
  Reg y = b.op(PlanOp::Mul, Form::Additive, 20, {0, 3}, {x, x}, {});
  Reg t = b.trunc(y, 4);
  b.output(b.sign(t, 12, 2, 4));
  b.output(b.op(PlanOp::Spline, Form::Additive, 30, {0, 3}, {t},
                {{b.constant({4}, {0, 1, 2, 3})}, {8}, {1}, {1}, {8}, {8}}));
  b.output(b.op(PlanOp::Exp, Form::Additive, 40, {0, 3}, {t},
                {{8}, {1}, {6}, {10}, {10}}));
  b.output(
      b.op(PlanOp::Fourier, Form::Additive, 20, {0, 3}, {t},
           {{b.constant({1, 4}, {1000, 0, 4, 4})}, {9}, {2}, {8}, {0}, {0}}));
  b.output(b.op(PlanOp::MatMul, Form::Additive, 16, {0, 2},
                {t, b.weight({6}, 16)}, {{1}, {0}, {3}, {2}, {0}, {0}}));
  const auto out = run(b, {{}}, {{1, 2, 3, 4, 5, 6}});
  for (const Ints &o : out)
    CHECK(o.empty());
}

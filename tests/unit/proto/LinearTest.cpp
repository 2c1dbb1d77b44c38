#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

namespace {

int64_t wrap(__int128 v, unsigned ring) {
  return core::toSigned(static_cast<uint64_t>(v), ring);
}

} // namespace

TEST_CASE("linear ops on masked and additive values", "[proto]") {
  for (unsigned ring : {64u, 40u, 32u, 17u, 4u})
    for (bool additive : {false, true}) {
      INFO("ring " << ring << " additive " << additive);
      const Form form = additive ? Form::Additive : Form::Masked;
      PlanBuilder b;
      Reg x = b.input({2, 3}, ring), y = b.input({3}, ring);
      if (additive) {
        x = b.op(PlanOp::ToAdditive, form, ring, {2, 3}, {x}, {});
        y = b.op(PlanOp::ToAdditive, form, ring, {3}, {y}, {});
      }
      const int64_t c = b.constant({2, 1}, {3, -5});
      std::vector<Reg> results = {
          b.op(PlanOp::Add, form, ring, {2, 3}, {x, y}, {}),
          b.op(PlanOp::Sub, form, ring, {2, 3}, {x, y}, {}),
          b.op(PlanOp::Neg, form, ring, {2, 3}, {x}, {}),
          b.op(PlanOp::AddConst, form, ring, {2, 3}, {x}, {{c}}),
          b.op(PlanOp::MulConst, form, ring, {2, 3}, {x}, {{c}}),
          b.op(PlanOp::Shl, form, ring, {2, 3}, {x}, {{2}}),
          b.op(PlanOp::Drop, form, ring - 1, {2, 3}, {x}, {})};
      const Reg sum = b.op(PlanOp::ReduceSum, form, ring, {3}, {x}, {{0}});
      const Reg rows = b.op(PlanOp::ReduceSum, form, ring, {2, 1}, {x}, {{1}});
      // Reversed columns; a transpose.
      const Reg flip =
          b.op(PlanOp::Strided, form, ring, {2, 3}, {x}, {{2}, {3, -1}});
      const Reg turn =
          b.op(PlanOp::Strided, form, ring, {3, 2}, {x}, {{0}, {1, 3}});
      const Reg joined =
          b.op(PlanOp::Concat, form, ring, {2, 6}, {x, flip}, {{1}});
      const Reg taken = b.op(PlanOp::Take, form, ring, {4}, {x},
                             {{b.constant({4}, {5, -1, 0, 5})}});
      const Reg product = b.op(PlanOp::MatMulConst, form, ring, {2, 2}, {x},
                               {{b.constant({3, 2}, {1, 2, -3, 4, 5, -6})},
                                {1},
                                {1},
                                {2},
                                {3},
                                {2},
                                {0},
                                {0}});
      for (Reg r : {sum, rows, flip, turn, joined, taken, product})
        results.push_back(r);
      for (Reg r : results)
        b.output(r);

      const Ints v = values(6, std::min(ring - 1, 52u)), w = values(3, 1);
      const auto out = run(b, {v, w});
      const Ints cs = {3, 3, 3, -5, -5, -5};
      for (size_t i = 0; i < 6; ++i) {
        const __int128 e = v[i];
        CHECK(out[0][i] == wrap(e + w[i % 3], ring));
        CHECK(out[1][i] == wrap(e - w[i % 3], ring));
        CHECK(out[2][i] == wrap(-e, ring));
        CHECK(out[3][i] == wrap(e + cs[i], ring));
        CHECK(out[4][i] == wrap(e * cs[i], ring));
        CHECK(out[5][i] == wrap(e * 4, ring));
        CHECK(out[6][i] == wrap(e, ring - 1));
        const size_t r = i / 3, k = i % 3;
        CHECK(out[9][i] == v[r * 3 + 2 - k]);
        CHECK(out[10][k * 2 + r] == v[i]);
        CHECK(out[11][r * 6 + k] == v[i]);
        CHECK(out[11][r * 6 + 3 + k] == v[r * 3 + 2 - k]);
      }
      for (size_t k = 0; k < 3; ++k)
        CHECK(out[7][k] == wrap(__int128{v[k]} + v[3 + k], ring));
      for (size_t r = 0; r < 2; ++r) {
        const int64_t *row = &v[3 * r];
        CHECK(out[8][r] == wrap(__int128{row[0]} + row[1] + row[2], ring));
        CHECK(out[13][2 * r] == wrap(__int128{row[0]} - 3 * __int128{row[1]} +
                                         5 * __int128{row[2]},
                                     ring));
        CHECK(out[13][2 * r + 1] ==
              wrap(2 * __int128{row[0]} + 4 * __int128{row[1]} -
                       6 * __int128{row[2]},
                   ring));
      }
      CHECK(out[12] == Ints{v[5], 0, v[0], v[5]});
    }
}

TEST_CASE("mul with broadcasting, and squares", "[proto]") {
  for (unsigned ring : {64u, 41u, 32u, 7u}) {
    INFO("ring " << ring);
    PlanBuilder b;
    Reg x = b.input({3, 5}, ring), y = b.input({5}, ring);
    b.output(b.op(PlanOp::Mul, Form::Additive, ring, {3, 5}, {x, y}, {}));
    b.output(b.op(PlanOp::Mul, Form::Additive, ring, {3, 5}, {y, x}, {}));
    b.output(b.op(PlanOp::Mul, Form::Additive, ring, {3, 5}, {x, x}, {}));
    const Ints v = values(15, std::min(ring - 1, 52u)),
               w = values(5, std::min(ring - 1, 52u), 2);
    const auto out = run(b, {v, w});
    for (size_t i = 0; i < 15; ++i) {
      CHECK(out[0][i] == wrap(__int128{v[i]} * w[i % 5], ring));
      CHECK(out[1][i] == out[0][i]);
      CHECK(out[2][i] == wrap(__int128{v[i]} * v[i], ring));
    }
  }
}

TEST_CASE("matmul: activations and weights, batches, shared operands",
          "[proto]") {
  struct Dims {
    int64_t batch, m, k, n, strideA, strideB;
  };
  for (unsigned ring : {64u, 40u, 32u, 20u})
    for (Dims d : {Dims{1, 3, 4, 5, 0, 0},
                   {2, 3, 4, 5, 12, 20},
                   {3, 1, 7, 4, 7, 0},
                   {2, 5, 3, 1, 0, 3},
                   {1, 1, 1, 1, 0, 0},
                   {4, 8, 6, 10, 48, 0}})
      for (int weight : {0, 1, 2}) {
        INFO("ring " << ring << " batch " << d.batch << " m " << d.m
                     << " weight " << weight);
        const int64_t sizeA = (d.batch - 1) * d.strideA + d.m * d.k;
        const int64_t sizeB = (d.batch - 1) * d.strideB + d.k * d.n;
        const Ints va = values(static_cast<size_t>(sizeA), 18),
                   vb = values(static_cast<size_t>(sizeB), 18, 3);
        PlanBuilder b;
        const Reg a =
            weight == 1 ? b.weight({sizeA}, ring) : b.input({sizeA}, ring);
        Reg y = weight == 2 ? b.weight({sizeB}, ring) : b.input({sizeB}, ring);
        if (weight == 2) // a local map of a weight is as static as the weight
          y = b.op(PlanOp::Neg, Form::Masked, ring, {sizeB}, {y}, {});
        b.output(b.op(
            PlanOp::MatMul, Form::Additive, ring, {d.batch, d.m, d.n}, {a, y},
            {{d.batch}, {d.m}, {d.k}, {d.n}, {d.strideA}, {d.strideB}}));
        std::vector<Ints> inputs, weights;
        (weight == 1 ? weights : inputs).push_back(va);
        (weight == 2 ? weights : inputs).push_back(vb);
        const Ints out = run(b, inputs, weights)[0];
        // Without weights packed ahead: the same.
        CHECK(run(b, inputs, weights, 1, 0)[0] == out);
        for (int64_t q = 0; q < d.batch; ++q)
          for (int64_t i = 0; i < d.m; ++i)
            for (int64_t j = 0; j < d.n; ++j) {
              __int128 s = 0;
              for (int64_t k = 0; k < d.k; ++k)
                s +=
                    __int128{
                        va[static_cast<size_t>(q * d.strideA + i * d.k + k)]} *
                    vb[static_cast<size_t>(q * d.strideB + k * d.n + j)];
              if (weight == 2)
                s = -s;
              CHECK(out[static_cast<size_t>((q * d.m + i) * d.n + j)] ==
                    wrap(s, ring));
            }
      }
}

// Each op against values worked out by hand.
#include "ir/Eval.h"
#include "ir/Builder.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace mpc::ir;

namespace {
struct Graph {
  Module m{"m", Level::Tensor};
  Builder b{m};

  ValueId f(Dims shape, llvm::ArrayRef<float> v) {
    return b.floats(shape, v, Vis::Public);
  }
  ConstData run(ValueId v) {
    m.outputs() = {{"y", v, m.type(v).elem}};
    auto r = evaluate(m, {});
    if (!r)
      FAIL(llvm::toString(r.takeError()));
    CHECK((*r)[0].shape == m.type(v).shape);
    return (*r)[0];
  }
  std::vector<float> floats(ValueId v) { return run(v).floats; }
  std::vector<int64_t> ints(ValueId v) { return run(v).ints; }
};
using F = std::vector<float>;
using I = std::vector<int64_t>;
} // namespace

TEST_CASE("elementwise floats broadcast") {
  Graph g;
  ValueId a = g.f({2, 1}, {1, -2}), b = g.f({3}, {3, 5, -7});
  CHECK(g.floats(g.b.binary(Opcode::Add, a, b)) == F{4, 6, -6, 1, 3, -9});
  CHECK(g.floats(g.b.binary(Opcode::Sub, b, a)) == F{2, 4, -8, 5, 7, -5});
  CHECK(g.floats(g.b.binary(Opcode::Mul, a, b)) == F{3, 5, -7, -6, -10, 14});
  CHECK(g.floats(g.b.binary(Opcode::Max, a, b)) == F{3, 5, 1, 3, 5, -2});
  CHECK(g.floats(g.b.binary(Opcode::Min, a, b)) == F{1, 1, -7, -2, -2, -7});
  CHECK(g.floats(g.b.binary(Opcode::Div, b, g.b.scalar(2))) ==
        F{1.5, 2.5, -3.5});
  CHECK(g.floats(g.b.binary(Opcode::Pow, b, g.b.scalar(2))) == F{9, 25, 49});
  CHECK(g.floats(g.b.binary(Opcode::Mod, b, g.b.scalar(4))) == F{3, 1, 1});
  ValueId fmod = g.b.binary(Opcode::Mod, b, g.b.scalar(4));
  g.m.op(fmod).setAttr("fmod", int64_t(1));
  CHECK(g.floats(fmod) == F{3, 1, -3});
  CHECK(g.ints(g.b.binary(Opcode::Less, a, b)) == I{1, 1, 0, 1, 1, 0});
  CHECK(g.ints(g.b.binary(Opcode::LessEqual, b, b)) == I{1, 1, 1});
  CHECK(g.ints(g.b.binary(Opcode::Equal, b, g.b.scalar(5))) == I{0, 1, 0});
}

TEST_CASE("unary floats") {
  Graph g;
  ValueId x = g.f({5}, {-2.5, -0.5, 0, 1.5, 2.5});
  CHECK(g.floats(g.b.unary(Opcode::Neg, x)) == F{2.5, 0.5, -0.0, -1.5, -2.5});
  CHECK(g.floats(g.b.unary(Opcode::Abs, x)) == F{2.5, 0.5, 0, 1.5, 2.5});
  CHECK(g.floats(g.b.unary(Opcode::Sign, x)) == F{-1, -1, 0, 1, 1});
  CHECK(g.floats(g.b.unary(Opcode::Floor, x)) == F{-3, -1, 0, 1, 2});
  CHECK(g.floats(g.b.unary(Opcode::Ceil, x)) == F{-2, -0.0, 0, 2, 3});
  CHECK(g.floats(g.b.unary(Opcode::Round, x)) == F{-2, -0.0, 0, 2, 2});
  CHECK(g.floats(g.b.unary(Opcode::Relu, x)) == F{0, 0, 0, 1.5, 2.5});
  const std::pair<Opcode, double (*)(double)> functions[] = {
      {Opcode::Exp, [](double v) { return std::exp(v); }},
      {Opcode::Erf, [](double v) { return std::erf(v); }},
      {Opcode::Tanh, [](double v) { return std::tanh(v); }},
      {Opcode::Sin, [](double v) { return std::sin(v); }},
      {Opcode::Cos, [](double v) { return std::cos(v); }},
      {Opcode::Atan, [](double v) { return std::atan(v); }},
      {Opcode::Sigmoid, [](double v) { return 1 / (1 + std::exp(-v)); }},
      {Opcode::Log, [](double v) { return std::log(v); }},
      {Opcode::Sqrt, [](double v) { return std::sqrt(v); }},
      {Opcode::Rsqrt, [](double v) { return 1 / std::sqrt(v); }},
      {Opcode::Recip, [](double v) { return 1 / v; }}};
  ValueId p = g.f({3}, {0.25, 1, 3});
  for (auto [op, f] : functions) {
    INFO(info(op).mnemonic.str());
    F y = g.floats(g.b.unary(op, p));
    CHECK(y[0] == Approx(f(0.25)).epsilon(1e-6));
    CHECK(y[1] == Approx(f(1)).epsilon(1e-6).margin(1e-7));
    CHECK(y[2] == Approx(f(3)).epsilon(1e-6));
  }
}

TEST_CASE("integers wrap and divide toward zero") {
  Graph g;
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  ValueId a = g.b.ints({4}, {7, -7, kMin, 3}),
          b = g.b.ints({4}, {2, 2, -1, -5});
  CHECK(g.ints(g.b.binary(Opcode::Div, a, b)) == I{3, -3, kMin, 0});
  CHECK(g.ints(g.b.binary(Opcode::Mod, a, b)) == I{1, 1, 0, -2});
  ValueId fmod = g.b.binary(Opcode::Mod, a, b);
  g.m.op(fmod).setAttr("fmod", int64_t(1));
  CHECK(g.ints(fmod) == I{1, -1, 0, 3});
  CHECK(g.ints(g.b.binary(Opcode::Add, a, g.b.scalarInt(-1)))[2] ==
        std::numeric_limits<int64_t>::max());
  CHECK(g.ints(g.b.binary(Opcode::Pow, g.b.ints({3}, {-2, 1, 5}),
                          g.b.ints({3}, {3, -4, -1}))) == I{-8, 1, 0});
  CHECK(g.ints(g.b.unary(Opcode::Abs, a)) == I{7, 7, kMin, 3});
  ValueId zero = g.b.binary(Opcode::Div, a, g.b.scalarInt(0));
  g.m.outputs() = {{"y", zero, Elem::I64}};
  auto r = evaluate(g.m, {});
  REQUIRE(!r);
  CHECK(llvm::toString(r.takeError()) ==
        "tensor.div '': integer division by zero");
}

TEST_CASE("bools, select and cast") {
  Graph g;
  ValueId p = g.b.binary(Opcode::Less, g.f({4}, {0, 0, 1, 1}), g.b.scalar(.5));
  ValueId q = g.b.binary(Opcode::Less, g.f({4}, {0, 1, 0, 1}), g.b.scalar(.5));
  CHECK(g.ints(g.b.binary(Opcode::And, p, q)) == I{1, 0, 0, 0});
  CHECK(g.ints(g.b.binary(Opcode::Or, p, q)) == I{1, 1, 1, 0});
  CHECK(g.ints(g.b.binary(Opcode::Xor, p, q)) == I{0, 1, 1, 0});
  CHECK(g.ints(g.b.unary(Opcode::Not, p)) == I{0, 0, 1, 1});
  ValueId two = g.f({2, 1}, {7, 8});
  CHECK(g.floats(g.b.select(p, two, g.b.scalar(-1))) ==
        F{7, 7, -1, -1, 8, 8, -1, -1});
  CHECK(g.floats(g.b.cast(p, Elem::F32)) == F{1, 1, 0, 0});
  ValueId x = g.f({5}, {-1.75, 0, 2.5, 1e30f, std::nanf("")});
  CHECK(g.ints(g.b.cast(x, Elem::I64)) ==
        I{-1, 0, 2, std::numeric_limits<int64_t>::max(), 0});
  CHECK(g.ints(g.b.cast(x, Elem::Bool)) == I{1, 0, 1, 1, 1});
}

TEST_CASE("data movement") {
  Graph g;
  ValueId x = g.f({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(g.floats(g.b.reshape(x, {3, 2})) == F{1, 2, 3, 4, 5, 6});
  CHECK(g.floats(g.b.transpose(x, {1, 0})) == F{1, 4, 2, 5, 3, 6});
  CHECK(g.floats(g.b.transpose(g.b.reshape(x, {1, 2, 3}), {2, 0, 1})) ==
        F{1, 4, 2, 5, 3, 6});
  CHECK(g.floats(g.b.slice(x, {1, 2}, {2, 2}, {-1, -2})) == F{6, 4, 3, 1});
  CHECK(g.floats(g.b.slice(x, {0, 0}, {2, 0}, {1, 1})) == F{});
  CHECK(g.floats(g.b.concat({x, g.f({2, 1}, {7, 8})}, 1)) ==
        F{1, 2, 3, 7, 4, 5, 6, 8});
  CHECK(g.floats(g.b.concat({x, g.f({0, 3}, {}), x}, 0)).size() == 12);
  CHECK(g.floats(g.b.broadcast(g.f({2, 1}, {1, 2}), {2, 2, 2})) ==
        F{1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(g.floats(g.b.broadcast(g.b.scalar(3), {2})) == F{3, 3});
  CHECK(g.floats(g.b.pad(x, {1, 0}, {3, 4})) ==
        F{0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0});
  CHECK(g.floats(g.b.take(x, {5, -1, 0}, {3})) == F{6, 0, 1});
  ValueId ids = g.b.ints({2, 2}, {1, -1, -2, 0});
  CHECK(g.floats(g.b.gather(x, ids, 0)) ==
        F{4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3});
  CHECK(g.floats(g.b.gather(x, g.b.scalarInt(-1), 1)) == F{3, 6});
  ValueId bad = g.b.gather(x, g.b.scalarInt(2), 0);
  g.m.outputs() = {{"y", bad, Elem::F32}};
  auto r = evaluate(g.m, {});
  REQUIRE(!r);
  CHECK(llvm::toString(r.takeError()) ==
        "tensor.gather '': index 2 is outside [-2, 2)");
}

TEST_CASE("reductions") {
  Graph g;
  ValueId x = g.f({2, 3}, {1, -2, 3, 4, 5, -6});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceSum, x, {1}, true)) == F{2, 3});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceSum, x, {0}, false)) == F{5, 3, -3});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceSum, x, {0, 1}, false)) == F{5});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceSum, x, {}, false)) ==
        F{1, -2, 3, 4, 5, -6});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceMax, x, {0}, false)) == F{4, 5, 3});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceMin, x, {1}, false)) == F{-2, -6});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceProd, x, {1}, false)) == F{-6, -120});
  ValueId i = g.b.ints({2, 2}, {1, 2, 3, 4});
  CHECK(g.ints(g.b.reduce(Opcode::ReduceSum, i, {0}, false)) == I{4, 6});
  // 2^24 + 1 is lost in float32 accumulation, kept in float64.
  ValueId big = g.f({3}, {16777216, 1, 1});
  CHECK(g.floats(g.b.reduce(Opcode::ReduceSum, big, {0}, false)) ==
        F{16777218});
}

TEST_CASE("softmax, with and without a mask") {
  Graph g;
  ValueId x = g.f({2, 3}, {0, std::log(2.0f), std::log(5.0f), 1, 1, 1});
  F y = g.floats(g.b.softmax(x, 1));
  CHECK(y[0] == Approx(0.125));
  CHECK(y[2] == Approx(0.625));
  CHECK(y[4] == Approx(1.0 / 3));
  ValueId mask =
      g.b.binary(Opcode::Less, g.f({2, 3}, {1, 0, 1, 0, 0, 0}), g.f({1}, {1}));
  y = g.floats(g.b.softmax(x, -1, mask));
  CHECK(y == F{0, 1, 0, y[3], y[4], y[5]});
  ValueId none = g.b.binary(Opcode::Less, g.f({2, 1}, {1, 0}), g.b.scalar(1));
  y = g.floats(g.b.softmax(x, 1, none)); // row 0 has no true lane
  CHECK(y[0] == Approx(1.0 / 3));
  CHECK(y[2] == Approx(1.0 / 3));
  y = g.floats(g.b.softmax(x, 0)); // along the outer axis
  CHECK(y[0] + y[3] == Approx(1));
  CHECK(y[0] == Approx(1 / (1 + std::exp(1.0))));
  CHECK(g.floats(g.b.softmax(g.f({2}, {1000, 1000}), 0)) == F{.5, .5});
}

TEST_CASE("softmax of segments") {
  Graph g;
  const float two = std::log(2.0f), three = std::log(3.0f);
  ValueId x = g.f({2, 4}, {5, 0, three, two, 7, two, 0, 0});
  auto segmented = [&](llvm::ArrayRef<ValueId> operands) {
    ValueId p = g.b.create(Opcode::Softmax, operands, Elem::F32, {2, 4});
    g.m.op(p).setAttr("axis", int64_t{1});
    g.m.op(p).setAttr("segments", std::vector<int64_t>{1, 3});
    return g.floats(p);
  };
  F y = segmented({x});
  CHECK(y[0] == 1);
  CHECK(y[1] == Approx(1.0 / 6));
  CHECK(y[2] == Approx(0.5));
  CHECK(y[4] == 1);
  CHECK(y[5] == Approx(0.5));
  // Lane 0 and the whole second segment of row 1 are masked.
  ValueId mask = g.b.binary(Opcode::Less, g.f({2, 4}, {1, 0, 1, 0, 0, 1, 1, 1}),
                            g.b.scalar(1));
  y = segmented({x, mask});
  CHECK(y == F{1, y[1], 0, y[3], 1, y[5], y[6], y[7]});
  CHECK(y[3] == Approx(2.0 / 3));
  CHECK(y[5] == Approx(1.0 / 3)); // uniform
  // The second mask empties the second segment: the first one's lanes remain.
  ValueId all = g.b.binary(Opcode::Less, g.f({1}, {0}), g.b.scalar(1));
  ValueId none = g.b.unary(Opcode::Not, mask);
  y = segmented({x, all, none});
  CHECK(y[0] == 1);
  CHECK(y == F{1, 0, 1, 0, 1, y[5], y[6], y[7]});
}

TEST_CASE("matmul agrees with the definition at every edge of its tiles") {
  Graph g;
  for (auto [m, k, n] : {std::array{1, 1, 1}, std::array{3, 5, 17},
                         std::array{4, 16, 16}, std::array{5, 33, 31},
                         std::array{130, 129, 140}, std::array{2, 0, 3}}) {
    F a(m * k), b(k * n);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = static_cast<float>(int(i * 7 % 23) - 11);
    for (size_t i = 0; i < b.size(); ++i)
      b[i] = static_cast<float>(int(i * 5 % 19) - 9) / 4;
    F expected(m * n);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        for (int p = 0; p < k; ++p)
          sum += double(a[i * k + p]) * b[p * n + j];
        expected[i * n + j] = static_cast<float>(sum);
      }
    CHECK(g.floats(g.b.matmul(g.f({m, k}, a), g.f({k, n}, b))) == expected);
  }
}

TEST_CASE("matmul broadcasts leading dimensions; integers multiply too") {
  Graph g;
  ValueId a = g.f({2, 1, 1, 2}, {1, 2, 3, 4});
  ValueId b = g.f({2, 2, 1}, {1, 10, 100, 1000});
  ValueId c = g.b.matmul(a, b);
  CHECK(g.m.type(c).shape == Shape{2, 2, 1, 1});
  CHECK(g.floats(c) == F{21, 2100, 43, 4300});
  CHECK(g.ints(g.b.matmul(g.b.ints({1, 2}, {2, 3}),
                          g.b.ints({2, 2}, {1, 2, 3, 4}))) == I{11, 16});
}

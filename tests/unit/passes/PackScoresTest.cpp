// Packed attention means what it meant, whatever the mask; and its products
// shrink.
#include "ir/Builder.h"
#include "ir/Eval.h"
#include "ir/Verifier.h"
#include "passes/Pass.h"

#include <catch2/catch.hpp>
#include <random>

using namespace mpc;
using namespace mpc::ir;

namespace {

/// Attention over heads: q, k, v are inputs.
struct Attention {
  int64_t heads = 2, rows = 12, columns = 12, width = 3;
  Module m{"attention", Level::Tensor};
  Builder b{m, "/attention"};
  InputMap inputs;
  std::mt19937 rng{1};

  ValueId input(const char *name, Shape shape) {
    ConstData data{Elem::F32, shape, {}, {}};
    std::normal_distribution<float> normal;
    data.floats.resize(Type::tensor(Elem::F32, Vis::Public, shape).numel());
    for (float &x : data.floats)
      x = normal(rng);
    inputs[name] = std::move(data);
    return b.input(name, Elem::F32, shape, Vis::Secret);
  }
  /// Bool [lead..., rows, columns] from a function of (batch, row, column).
  template <class F> ValueId mask(Shape lead, F live) {
    int64_t n = 1;
    for (int64_t d : lead)
      n *= d;
    Shape shape = lead;
    shape.append({rows, columns});
    ConstData data{Elem::Bool, shape, {}, {}};
    for (int64_t o = 0; o < n; ++o)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          data.ints.push_back(live(o, r, c));
    return b.constant(std::move(data), Vis::Public);
  }
  ValueId scores() {
    const ValueId q = input("q", {heads, rows, width});
    const ValueId k = input("k", {heads, columns, width});
    return b.binary(Opcode::Mul, b.matmul(q, b.transpose(k, {0, 2, 1})),
                    b.scalar(0.5));
  }
  ValueId values() { return input("v", {heads, columns, width}); }
  void finish(ValueId y) {
    m.outputs().push_back(
        {"y" + std::to_string(m.outputs().size()), y, Elem::F32});
  }

  int64_t macs() const {
    int64_t sum = 0;
    for (ValueId v : m.order())
      if (m.op(v).opcode == Opcode::MatMul)
        sum += m.type(v).numel() * m.type(m.op(v).operands[0]).shape.back();
    return sum;
  }
  int64_t products() const {
    int64_t n = 0;
    for (ValueId v : m.order())
      n += m.op(v).opcode == Opcode::MatMul;
    return n;
  }

  /// Packs, and checks that the outputs stay. Returns the share of products
  /// that is left.
  double pack(bool changes = true) {
    auto before = evaluate(m, inputs);
    REQUIRE(static_cast<bool>(before));
    const int64_t macsBefore = macs();
    passes::Context ctx;
    const passes::PassInfo *pass[] = {passes::findPass("pack-scores")};
    REQUIRE(pass[0]);
    llvm::Error e = passes::runPasses(m, pass, ctx);
    const std::string message = llvm::toString(std::move(e));
    INFO(message);
    REQUIRE(message.empty());
    auto after = evaluate(m, inputs);
    REQUIRE(static_cast<bool>(after));
    for (size_t o = 0; o < before->size(); ++o) {
      REQUIRE((*before)[o].shape == (*after)[o].shape);
      for (size_t i = 0; i < (*before)[o].floats.size(); ++i)
        REQUIRE((*after)[o].floats[i] ==
                Approx((*before)[o].floats[i]).margin(1e-5));
    }
    bool segments = false;
    for (ValueId v : m.order())
      segments |= m.op(v).hasAttr("segments");
    CHECK(segments == changes);
    return static_cast<double>(macs()) / static_cast<double>(macsBefore);
  }
};

bool causal(int64_t, int64_t r, int64_t c) { return c <= r; }

} // namespace

TEST_CASE("a causal mask halves both products", "[passes]") {
  for (int64_t n : {2, 3, 7, 12, 32}) {
    Attention a;
    a.rows = a.columns = n;
    const ValueId p = a.b.softmax(a.scores(), -1, a.mask({}, causal));
    a.finish(a.b.matmul(p, a.values()));
    const double left = a.pack();
    // Blocks waste at most a sixteenth of the live lanes.
    CHECK(left <= 0.5 * (1 + 1.0 / static_cast<double>(n)) * 17 / 16);
    CHECK(a.products() <= 2 * 32);
  }
}

TEST_CASE("a sliding window, with global lanes in between", "[passes]") {
  Attention a;
  a.rows = a.columns = 24;
  const ValueId mask = a.mask({}, [](int64_t, int64_t r, int64_t c) {
    return c == 0 || (c <= r && c > r - 4);
  });
  a.finish(a.b.matmul(a.b.softmax(a.scores(), -1, mask), a.values()));
  CHECK(a.pack() <= 0.25);
}

TEST_CASE("padding is one block of fewer columns", "[passes]") {
  Attention a;
  const ValueId mask =
      a.mask({1}, [](int64_t, int64_t, int64_t c) { return c < 5; });
  a.finish(a.b.matmul(a.b.softmax(a.scores(), -1, mask), a.values()));
  CHECK(a.pack() == Approx(5.0 / 12));
  CHECK(a.products() == 2);
}

TEST_CASE("masks that differ between batch entries stay masks", "[passes]") {
  Attention a;
  const ValueId mask = a.mask({a.heads}, [](int64_t o, int64_t r, int64_t c) {
    return c <= r && c < (o == 0 ? 4 : 9) && !(o == 1 && c == 2);
  });
  a.finish(a.b.matmul(a.b.softmax(a.scores(), -1, mask), a.values()));
  CHECK(a.pack() < 0.6);
}

TEST_CASE("a row without live lanes attends uniformly", "[passes]") {
  for (int64_t batch : {1, 2}) {
    Attention a;
    const ValueId mask = a.mask({batch}, [](int64_t o, int64_t r, int64_t c) {
      return c <= r && !(o == 0 && (r == 3 || r == 4));
    });
    a.finish(a.b.matmul(a.b.softmax(a.scores(), -1, mask), a.values()));
    a.pack();
  }
}

TEST_CASE("biases, caps and secret masks follow the lanes", "[passes]") {
  Attention a;
  ValueId s = a.scores();
  s = a.b.map(s, *Expr::parse("mul(tanh(mul(x,0.1)),10)"));
  s = a.b.binary(Opcode::Add, s, a.input("bias", {1, a.rows, a.columns}));
  s = a.b.binary(Opcode::Add, s, a.input("row", {a.heads, a.rows, 1}));
  s = a.b.binary(Opcode::Add, s, a.input("column", {a.columns}));
  const ValueId keep = a.b.binary(
      Opcode::Less, a.input("keep", {a.heads, 1, a.columns}), a.b.scalar(0.5));
  const ValueId p = a.b.create(Opcode::Softmax, {s, a.mask({1}, causal), keep},
                               Elem::F32, a.b.shape(s));
  a.m.op(p).setAttr("axis", int64_t{2});
  a.finish(a.b.matmul(p, a.values()));
  CHECK(a.pack() < 0.6);
}

TEST_CASE("leading dimensions may be merged on both sides", "[passes]") {
  Attention a;
  a.heads = 4;
  ValueId s = a.b.reshape(a.scores(), {2, 2, a.rows, a.columns});
  ValueId p = a.b.softmax(s, -1, a.mask({2, 1}, causal));
  p = a.b.reshape(p, {4, a.rows, a.columns});
  // Two products read the same probabilities.
  a.finish(a.b.binary(Opcode::Add, a.b.matmul(p, a.values()),
                      a.b.matmul(p, a.input("w", {a.columns, a.width}))));
  CHECK(a.pack() < 0.6);
}

TEST_CASE("scores that are no product are picked as they are", "[passes]") {
  Attention a;
  const ValueId s = a.input("s", {a.heads, a.rows, a.columns});
  a.finish(a.b.matmul(a.b.softmax(s, -1, a.mask({}, causal)), a.values()));
  CHECK(a.pack() < 0.6);
}

TEST_CASE("what is left alone", "[passes]") {
  SECTION("probabilities that are an output") {
    Attention a;
    const ValueId p = a.b.softmax(a.scores(), -1, a.mask({}, causal));
    a.finish(a.b.matmul(p, a.values()));
    a.finish(p);
    CHECK(a.pack(false) == 1);
  }
  SECTION("a mask that leaves nearly everything") {
    Attention a;
    const ValueId mask = a.mask(
        {}, [](int64_t, int64_t r, int64_t c) { return r != 5 || c != 7; });
    a.finish(a.b.matmul(a.b.softmax(a.scores(), -1, mask), a.values()));
    CHECK(a.pack(false) == 1);
  }
  SECTION("another axis") {
    Attention a;
    a.finish(
        a.b.matmul(a.b.softmax(a.scores(), 1, a.mask({}, causal)), a.values()));
    CHECK(a.pack(false) == 1);
  }
}

// What the builder makes has the inferred type and passes the verifier.
#include "ir/Builder.h"
#include "ir/Verifier.h"
#include <catch2/catch.hpp>

using namespace mpc::ir;

TEST_CASE("built ops have inferred types and verify") {
  Module m("m", Level::Tensor);
  Builder b(m, "/node");
  ValueId x = b.input("x", Elem::F32, {2, 3, 4}, Vis::Secret);
  ValueId ids = b.input("ids", Elem::I64, {5}, Vis::Public);
  ValueId w = b.floats({4, 2}, std::vector<float>(8, 1), Vis::Weight);
  auto is = [&](ValueId v, const char *type) {
    CHECK(m.type(v).str() == type);
    CHECK(m.op(v).loc == "/node");
  };
  is(b.unary(Opcode::Erf, x), "f32[2x3x4] secret");
  is(b.binary(Opcode::Add, x, b.scalar(1)), "f32[2x3x4] secret");
  ValueId less = b.binary(Opcode::Less, w, b.scalar(1));
  is(less, "bool[4x2] weight");
  is(b.unary(Opcode::Not, less), "bool[4x2] weight");
  is(b.select(less, b.scalar(0), w), "f32[4x2] weight");
  is(b.cast(ids, Elem::F32), "f32[5] public");
  CHECK(b.cast(ids, Elem::I64) == ids);
  is(b.map(x, Expr::apply(Opcode::Tanh, {Expr::variable()})),
     "f32[2x3x4] secret");
  is(b.matmul(x, w), "f32[2x3x2] secret");
  is(b.reduce(Opcode::ReduceSum, x, {-1, 0}, true), "f32[1x3x1] secret");
  is(b.reduce(Opcode::ReduceMax, x, {1}, false), "f32[2x4] secret");
  ValueId mask =
      b.binary(Opcode::Equal, b.scalarInt(1), b.ints({4}, {0, 1, 1, 0}));
  is(b.softmax(x, -1, mask), "f32[2x3x4] secret");
  is(b.gather(w, ids, 0), "f32[5x2] weight");
  is(b.gather(x, ids, -1), "f32[2x3x5] secret");
  is(b.reshape(x, {6, 4}), "f32[6x4] secret");
  CHECK(b.reshape(x, {2, 3, 4}) == x);
  is(b.transpose(x, {2, 0, 1}), "f32[4x2x3] secret");
  is(b.slice(x, {0, 2, 3}, {2, 2, 2}, {1, -1, -3}), "f32[2x2x2] secret");
  is(b.concat({w, b.reshape(w, {4, 2}), w}, -1), "f32[4x6] weight");
  is(b.broadcast(w, {7, 4, 2}), "f32[7x4x2] weight");
  is(b.pad(w, {1, 0}, {6, 2}), "f32[6x2] weight");
  is(b.take(w, {7, -1, 0}, {3}), "f32[3] weight");
  llvm::Error e = verify(m);
  if (e)
    FAIL(llvm::toString(std::move(e)));
}

TEST_CASE("shape inference refuses what does not fit") {
  using S = std::optional<Shape>;
  CHECK(broadcastShape({3, 1}, {4}) == S(Shape{3, 4}));
  CHECK(broadcastShape({0}, {1}) == S(Shape{0}));
  CHECK(!broadcastShape({3}, {4}));
  CHECK(broadcastsTo({1, 4}, {3, 4}));
  CHECK(!broadcastsTo({3, 4}, {4}));
  CHECK(matmulShape({5, 1, 2, 3}, {4, 3, 7}) == S(Shape{5, 4, 2, 7}));
  CHECK(!matmulShape({2, 3}, {4, 7}));
  CHECK(!matmulShape({3}, {3, 7}));
  CHECK(!reduceShape({2, 3}, {0, 0}, true));
  CHECK(!reduceShape({2, 3}, {2}, true));
  CHECK(!transposeShape({2, 3}, {0, 0}));
  CHECK(!concatShape({Dims{2, 3}, Dims{3, 3}}, 1));
  CHECK(!gatherShape({2, 3}, {}, 2));
  CHECK(checkedNumel({3, 0}) == 0);
  CHECK(!checkedNumel({-1}));
  CHECK(!checkedNumel({int64_t(1) << 30, int64_t(1) << 30}));
}

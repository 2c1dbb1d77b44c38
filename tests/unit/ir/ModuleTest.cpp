// The op table, uses, replacement and dead code.
#include "Samples.h"
#include "ir/Builder.h"
#include "ir/Verifier.h"
#include <catch2/catch.hpp>

using namespace mpc::ir;

TEST_CASE("the table of operations is consistent") {
  for (const OpInfo &op : allOps()) {
    CHECK(info(op.opcode).mnemonic == op.mnemonic);
    CHECK(opcodeByMnemonic(op.mnemonic) == op.opcode);
    CHECK((op.maxOperands == -1 || op.maxOperands >= op.minOperands));
  }
  CHECK(!opcodeByMnemonic("tensor.nothing"));
  CHECK(info(Opcode::MatMul).name == "MatMul");
}

TEST_CASE("attributes are sorted and replaced by key") {
  Op op;
  op.setAttr("steps", std::vector<int64_t>{1});
  op.setAttr("axis", int64_t(2));
  op.setAttr("name", std::string("n"));
  op.setAttr("axis", int64_t(3));
  REQUIRE(op.attrs.size() == 3);
  CHECK(op.attrs[0].first == "axis");
  CHECK(op.attrs[1].first == "name");
  CHECK(op.intAttr("axis") == 3);
  CHECK(op.floatAttr("axis") == 3.0);
  CHECK(op.strAttr("name") == "n");
  CHECK(op.intsAttr("steps") == llvm::ArrayRef<int64_t>{1});
  CHECK(!op.hasAttr("nam"));
}

TEST_CASE("insertion, use counts, replacement") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.input("x", Elem::F32, {2}, Vis::Secret);
  ValueId y = b.unary(Opcode::Neg, x);
  ValueId z = b.binary(Opcode::Add, y, y);
  m.outputs() = {{"z", z, Elem::F32}};
  ValueId w = m.insertBefore(y, Opcode::Abs, {x}, m.type(x), "loc");
  CHECK(m.order() == std::vector<ValueId>{x, w, y, z});
  CHECK(m.useCounts() == std::vector<uint32_t>{2, 2, 1, 0});

  llvm::DenseMap<uint32_t, ValueId> map; // y -> x -> w, but w reads x itself
  map[y.index] = w;
  m.replaceAllUses(map);
  CHECK(m.op(z).operands[0] == w);
  CHECK(m.op(z).operands[1] == w);
  m.replaceAllUses(z, w);
  CHECK(m.outputs()[0].value == w);
}

TEST_CASE("replacement follows chains") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.input("x", Elem::F32, {2}, Vis::Secret);
  ValueId a = b.unary(Opcode::Neg, x), c = b.unary(Opcode::Neg, a);
  ValueId d = b.unary(Opcode::Neg, c);
  llvm::DenseMap<uint32_t, ValueId> map;
  map[c.index] = a;
  map[a.index] = x;
  m.replaceAllUses(map);
  CHECK(m.op(d).operands[0] == x);
}

TEST_CASE("dead code goes, inputs and live constants stay") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.input("x", Elem::F32, {4}, Vis::Secret);
  ValueId unused = b.input("unused", Elem::F32, {4}, Vis::Secret);
  ValueId c = b.scalar(2), deadConst = b.scalar(3);
  ValueId dead = b.binary(Opcode::Mul, x, deadConst);
  b.unary(Opcode::Neg, dead);
  ValueId t = b.take(x, {0, -1}, {2});
  ValueId y = b.binary(Opcode::Mul, t, c);
  m.outputs() = {{"y", y, Elem::F32}};
  ConstId deadId = m.op(deadConst).constAttr("value");
  CHECK(m.removeDead());
  CHECK(m.order() == std::vector<ValueId>{x, unused, c, t, y});
  CHECK(m.op(dead).erased);
  CHECK(m.constData(deadId).numel() == 0);
  CHECK(m.constData(m.op(t).constAttr("indices")).numel() == 2);
  CHECK(m.uniformConstant(c) == 2.0);
  CHECK(!m.removeDead());
  CHECK_FALSE(static_cast<bool>(verify(m)));
}

TEST_CASE("a uniform constant is public and of one value") {
  Module m("m", Level::Tensor);
  Builder b(m);
  CHECK(m.uniformConstant(b.floats({2}, {1.5f, 1.5f}, Vis::Public)) == 1.5);
  CHECK(!m.uniformConstant(b.floats({2}, {1.5f, 1.5f}, Vis::Weight)));
  CHECK(!m.uniformConstant(b.floats({2}, {1.5f, 1.0f}, Vis::Public)));
  CHECK(!m.uniformConstant(b.floats({0}, {}, Vis::Public)));
  CHECK(m.uniformConstant(b.scalarInt(-7)) == -7.0);
}

TEST_CASE("types print as documented") {
  CHECK(Type::tensor(Elem::F32, Vis::Secret, {1, 128}).str() ==
        "f32[1x128] secret");
  CHECK(Type::fx(Vis::Weight, 52, 13, 6, {}).str() == "fx<52,13,6>[] weight");
  Type t = Type::fx(Vis::Secret, 0, 15, -3, {2});
  CHECK(t.str() == "fx<_,15,-3>[2] secret");
  t.ring = 40;
  t.form = Form::Additive;
  CHECK(t.str() == "additive<40,15,-3>[2] secret");
  CHECK(join(Vis::Public, Vis::Weight) == Vis::Weight);
  CHECK(join(Vis::Secret, Vis::Weight) == Vis::Secret);
}

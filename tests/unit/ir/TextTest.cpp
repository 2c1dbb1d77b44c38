// Print, parse, and both again.
#include "ir/Text.h"
#include "Samples.h"
#include "ir/Builder.h"
#include "ir/Verifier.h"
#include "llvm/ADT/StringSet.h"
#include <catch2/catch.hpp>
#include <limits>

using namespace mpc::ir;
using namespace mpc::ir::test;

TEST_CASE("print(parse(text)) is the text") {
  for (llvm::StringRef text : samples())
    CHECK(toString(parseOk(text)) == text.str());
}

TEST_CASE("every operation has a sample") {
  llvm::StringSet<> seen;
  for (llvm::StringRef text : samples()) {
    Module m = parseOk(text);
    for (ValueId v : m.order())
      seen.insert(info(m.op(v).opcode).mnemonic);
  }
  for (const OpInfo &op : allOps()) {
    INFO("no sample in Samples.cpp has " << op.mnemonic.str());
    CHECK(seen.contains(op.mnemonic));
  }
}

static void requireEqual(const Module &a, const Module &b) {
  REQUIRE(a.order().size() == b.order().size());
  CHECK(a.name() == b.name());
  CHECK(a.level() == b.level());
  for (size_t i = 0; i < a.order().size(); ++i) {
    const Op &x = a.op(a.order()[i]), &y = b.op(b.order()[i]);
    CHECK(x.opcode == y.opcode);
    CHECK(x.type == y.type);
    CHECK(x.loc == y.loc);
    CHECK(x.range == y.range);
    REQUIRE(x.attrs.size() == y.attrs.size());
    for (size_t k = 0; k < x.attrs.size(); ++k) {
      CHECK(x.attrs[k].first == y.attrs[k].first);
      REQUIRE(x.attrs[k].second.index() == y.attrs[k].second.index());
      if (auto *id = std::get_if<ConstId>(&x.attrs[k].second))
        CHECK(a.constData(*id) ==
              b.constData(std::get<ConstId>(y.attrs[k].second)));
      else
        CHECK(x.attrs[k].second == y.attrs[k].second);
    }
  }
  REQUIRE(a.outputs().size() == b.outputs().size());
}

TEST_CASE("values are numbered by their place, constants come back exactly") {
  Module m("m", Level::Tensor);
  Builder b(m, "/big");
  std::vector<float> f(40);
  for (size_t i = 0; i < f.size(); ++i)
    f[i] = 1.0f / static_cast<float>(i + 3);
  f[1] = std::numeric_limits<float>::denorm_min();
  f[2] = -0.0f;
  f[3] = std::numeric_limits<float>::max();
  ValueId dead = b.scalar(9);
  ValueId big = b.floats({5, 8}, f, Vis::Weight);
  std::vector<int64_t> k(20, -1);
  k[7] = std::numeric_limits<int64_t>::min();
  ValueId ints = b.ints({20}, k);
  ConstData flags;
  flags.elem = Elem::Bool;
  flags.shape = {18};
  flags.ints.assign(18, 1);
  flags.ints[4] = 0;
  b.constant(flags, Vis::Public);
  b.floats({0, 4}, {}, Vis::Public);
  ValueId x = b.binary(Opcode::Mul, big, big);
  m.op(x).range = {-1.5, 1e300};
  m.outputs() = {{"y", x, Elem::F32}, {"k", ints, Elem::I64}};
  std::vector<ValueId> order = m.order();
  order.erase(order.begin()); // `dead`: numbers shift by one
  m.op(dead).erased = true;
  m.setOrder(order);

  PrintOptions complete;
  complete.complete = true;
  std::string text = toString(m, complete);
  CHECK(text.find("dense<f32[5x8] 0x") != std::string::npos);
  CHECK(text.find("%0 = constant") != std::string::npos);
  Module back = parseOk(text);
  requireEqual(m, back);
  CHECK(toString(back, complete) == text);

  complete.maxConstantElements = 1000; // as lists
  text = toString(m, complete);
  CHECK(text.find("] 0x") == std::string::npos);
  requireEqual(m, parseOk(text));

  std::string elided = toString(m);
  CHECK(elided.find("elided<40>") != std::string::npos);
  CHECK(parseError(elided).find("t.mir:2:41: error: the elements of this "
                                "constant were left out") == 0);
}

TEST_CASE("print options leave out locations and ranges") {
  Module m = parseOk(samples()[0]);
  PrintOptions bare;
  bare.locations = bare.ranges = false;
  std::string text = toString(m, bare);
  CHECK(text.find("loc(") == std::string::npos);
  CHECK(text.find(" range(") == std::string::npos);
}

TEST_CASE("NaN and infinities survive") {
  Module m("m", Level::Tensor);
  Builder b(m);
  float inf = std::numeric_limits<float>::infinity();
  ValueId v = b.floats({3}, {inf, -inf, std::nanf("")}, Vis::Public);
  m.op(v).range = {-std::numeric_limits<double>::infinity(), 3};
  std::string text = toString(m);
  CHECK(text.find("[inf, -inf, nan]") != std::string::npos);
  CHECK(text.find("range(-inf, 3.0)") != std::string::npos);
  CHECK(toString(parseOk(text)) == text);
}

TEST_CASE("comments, sparse numbers and any white space are read") {
  Module m = parseOk("// RUN: something\nmodule\n@a.b-c level ( tensor ) {%7="
                     "input{name=\"x\"}:f32[ 2 x 3 ] secret // tail\n"
                     "return %7 as \"y\":f32}// end");
  CHECK(toString(m) == "module @a.b-c level(tensor) {\n"
                       "  %0 = input {name = \"x\"} : f32[2x3] secret\n"
                       "  return %0 as \"y\" : f32\n}\n");
}

TEST_CASE("a broken module still prints") {
  Module m("m", Level::Tensor);
  m.append(Opcode::Neg, {ValueId{7}},
           Type::tensor(Elem::F32, Vis::Secret, {1}));
  CHECK(toString(m).find("tensor.neg %undefined7") != std::string::npos);
}

// One or more broken modules for every numbered rule of ir/Verifier.cpp.
#include "ir/Verifier.h"
#include "Samples.h"
#include "ir/Builder.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

using namespace mpc::ir;
using namespace mpc::ir::test;

namespace {

// Declarations the cases build on; %10 and up are the case's own.
const char *const kTensor =
    "  %0 = input {name = \"x\"} : f32[2x3] secret\n"
    "  %1 = constant {value = dense<f32[3x4] 0.5>} : f32[3x4] weight\n"
    "  %2 = constant {value = dense<i64[2] 1>} : i64[2] public\n"
    "  %3 = constant {value = dense<bool[3] true>} : bool[3] public\n";
const char *const kFixed =
    "  %0 = input {name = \"x\"} : fx<52,12,9>[2x3] secret\n"
    "  %1 = input {name = \"y\"} : fx<52,10,9>[2x3] secret\n"
    "  %2 = input {name = \"z\"} : fx<40,12,9>[2x3] secret\n"
    "  %3 = input {name = \"b\"} : bool[2x3] secret\n"
    "  %4 = input {name = \"i\"} : fx<8,0,7>[4] secret\n"
    "  %5 = input {name = \"full\"} : fx<22,12,9>[2] secret\n";
const char *const kShare =
    "  %0 = input {name = \"x\"} : masked<52,12,9>[2x3] secret\n"
    "  %1 = constant {value = dense<f32[3] 0.5>} : fx<_,12,0>[3] public\n"
    "  %2 = share.to_additive %0 : additive<52,12,9>[2x3] secret\n"
    "  %3 = input {name = \"b\"} : bits[2x3] secret\n"
    "  %4 = input {name = \"z\"} : masked<40,12,9>[2x3] secret\n"
    "  %5 = input {name = \"full\"} : masked<22,12,9>[2] secret\n";

struct Case {
  int rule;
  const char *level;
  const char *line; ///< an op, without its number
  const char *expected;
};

const Case kCases[] = {
    {2, "tensor", "fixed.neg %0 : f32[2x3] secret",
     "does not belong into a module of level tensor"},
    {2, "fixed", "share.neg %0 : fx<52,12,9>[2x3] secret",
     "does not belong into a module of level fixed"},
    {3, "tensor", "tensor.add %0 : f32[2x3] secret", "takes 2 operands, got 1"},
    {3, "tensor", "tensor.softmax %0, %3, %3, %3 {axis = 0} : f32[2x3] secret",
     "takes 1 to 3 operands, got 4"},
    {3, "tensor", "concat {axis = 0} : f32[2x3] secret",
     "takes 1 or more operands, got 0"},
    {5, "tensor", "tensor.neg %0 {axis = 1} : f32[2x3] secret",
     "has no attribute 'axis'"},
    {5, "tensor", "transpose %0 : f32[3x2] secret",
     "needs the attribute 'perm'"},
    {5, "tensor", "transpose %0 {perm = 1} : f32[3x2] secret",
     "attribute 'perm' must be a list of integers"},
    {5, "tensor", "constant {value = 1} : f32[] public",
     "attribute 'value' must be a constant of the module"},
    {6, "tensor", "tensor.neg %0 : f32[2x3] secret range(2.0, 1.0)",
     "has an empty range"},
    {6, "tensor", "tensor.neg %0 : f32[2x3] secret range(nan, 1.0)",
     "has an empty range"},
    {8, "tensor", "input {name = \"x\"} : f32[] secret",
     "repeats the input name 'x'"},
    {8, "tensor", "input {name = \"\"} : f32[] secret", "needs a name"},
    {8, "tensor", "input {hi = 0, lo = 1.5, name = \"q\"} : f32[] secret",
     "needs lo <= hi"},
    {10, "tensor", "input {name = \"q\"} : fx<_,1,1>[] secret",
     "has type fx at tensor level"},
    {10, "fixed", "input {name = \"q\"} : masked<8,1,1>[] secret",
     "has a sharing form above share level"},
    {10, "fixed", "input {name = \"q\"} : f32[] secret",
     "is f32 below tensor level but not public"},
    {10, "share", "input {name = \"q\"} : bool[] secret",
     "is not public and needs a sharing form"},
    {10, "share", "input {name = \"q\"} : bits[] public",
     "is public but has a sharing form"},
    {11, "fixed", "input {name = \"q\"} : fx<20,12,8>[] secret",
     "needs 21 bits, the ring of fx<20,12,8>[] secret has 20"},
    {11, "share", "input {name = \"q\"} : masked<_,12,8>[] secret",
     "has no ring below fixed level"},
    {12, "tensor", "tensor.neg %0 : f32[2x3] weight",
     "is weight but depends on a secret value"},
    {12, "tensor", "tensor.neg %1 : f32[3x4] public",
     "is public but depends on a weight value"},
    {13, "tensor", "constant {value = dense<f32[] 1.0>} : f32[] secret",
     "is secret; only an input is the client's"},
    {13, "tensor", "constant {value = dense<f32[] 1.0>} : i64[] public",
     "is i64, its data is f32"},
    {13, "tensor", "constant {value = dense<f32[2] 1.0>} : f32[3] public",
     "has shape [3], its data has [2]"},
    {13, "tensor", "constant {value = dense<bool[2] 0x0102>} : bool[2] public",
     "holds a bool that is neither 0 nor 1"},
    {14, "fixed", "reshape %0 : fx<52,11,9>[6] secret",
     "turns fx<52,12,9>[2x3] secret into fx<52,11,9>[6] secret"},
    {14, "fixed", "reshape %0 : fx<51,12,9>[6] secret",
     "mixes rings of 52 and 51 bits"},
    {14, "tensor", "reshape %0 : i64[6] secret",
     "turns f32[2x3] secret into i64[6] secret"},
    {14, "share", "reshape %0 : additive<52,12,9>[6] secret",
     "turns masked<52,12,9>[2x3] secret into additive<52,12,9>[6] secret"},
    {15, "tensor", "reshape %0 : f32[5] secret", "turns 6 elements into 5"},
    {16, "tensor", "transpose %0 {perm = [0, 0]} : f32[2x2] secret",
     "perm does not permute the axes of [2x3]"},
    {16, "tensor", "transpose %0 {perm = [1, 0]} : f32[2x3] secret",
     "has shape [2x3], expected [3x2]"},
    {17, "tensor", "slice %0 {starts = [0], steps = [1]} : f32[2] secret",
     "needs one start, step and extent an axis"},
    {17, "tensor",
     "slice %0 {starts = [0, 1], steps = [1, 0]} : f32[2x1] secret",
     "has a step of 0"},
    {17, "tensor",
     "slice %0 {starts = [0, 1], steps = [1, 2]} : f32[2x2] secret",
     "leaves the operand [2x3] along axis 1"},
    {17, "tensor",
     "slice %0 {starts = [0, 2], steps = [1, -9223372036854775808]} : "
     "f32[2x3] secret",
     "leaves the operand [2x3] along axis 1"},
    {18, "tensor", "concat %0, %1 {axis = 0} : f32[5x3] secret",
     "operands differ in more than the axis"},
    {18, "tensor", "concat %0, %0 {axis = 2} : f32[4x3] secret",
     "axis 2 is outside [2x3]"},
    {18, "tensor", "concat %0, %0 {axis = 0} : f32[5x3] secret",
     "has shape [5x3], expected [4x3]"},
    {19, "tensor", "broadcast %0 : f32[4x3] secret",
     "[2x3] does not broadcast to [4x3]"},
    {20, "tensor", "pad %0 {before = [0, 2]} : f32[2x4] secret",
     "does not fit into [2x4] along axis 1"},
    {20, "tensor", "pad %0 {before = [0]} : f32[2x4] secret",
     "needs one entry of before and one extent an axis"},
    {21, "tensor", "take %0 {indices = dense<i64[2] 1>} : f32[3] secret",
     "needs 3 indices, got 2"},
    {21, "tensor", "take %0 {indices = dense<i64[1] 6>} : f32[1] secret",
     "index 6 is outside [-1,6)"},
    {21, "tensor", "take %0 {indices = dense<f32[1] 1.0>} : f32[1] secret",
     "needs i64 indices"},
    {22, "tensor", "tensor.add %0, %1 : f32[2x3] secret",
     "operands [2x3] and [3x4] do not broadcast"},
    {22, "tensor", "tensor.neg %0 : f32[3x2] secret",
     "has shape [3x2], expected [2x3]"},
    {23, "tensor", "tensor.add %2, %3 : i64[2] public", "do not broadcast"},
    {23, "tensor", "tensor.neg %3 : bool[3] public", "is not defined for bool"},
    {23, "tensor", "tensor.exp %2 : i64[2] public", "is not defined for i64"},
    {23, "tensor", "tensor.select %0, %0, %0 : f32[2x3] secret",
     "needs a bool condition"},
    {23, "tensor", "tensor.less %0, %0 : f32[2x3] secret",
     "gives bool, not f32"},
    {24, "tensor", "tensor.map %0 {expr = \"frob(x)\"} : f32[2x3] secret",
     "expression, character 1: 'frob' is not an elementwise function"},
    {24, "fixed",
     "fixed.map %0 {expr = \"x\", hi = 1.0, lo = 2.0} : fx<_,1,1>[2x3] "
     "secret",
     "needs lo <= hi"},
    {25, "tensor",
     "tensor.reduce_sum %0 {axes = [2], keepdims = 0} : f32[2] secret",
     "axes are repeated or outside [2x3]"},
    {25, "tensor",
     "tensor.reduce_sum %0 {axes = [1], keepdims = 2} : f32[2] secret",
     "takes keepdims in [0,1], got 2"},
    {26, "tensor", "tensor.softmax %0 {axis = 2} : f32[2x3] secret",
     "axis 2 is outside [2x3]"},
    {26, "tensor", "tensor.softmax %0, %0 {axis = 1} : f32[2x3] secret",
     "needs a mask that is a public bool"},
    {26, "tensor",
     "tensor.softmax %0 {axis = 1, segments = [1, 1]} : f32[2x3] secret",
     "has segments of 2 elements in all for [2x3]"},
    {26, "tensor",
     "tensor.softmax %0 {axis = 0, segments = [2]} : f32[2x3] secret",
     "has segments along the last axis only"},
    {26, "tensor",
     "tensor.softmax %0 {axis = 1, segments = [3, 0]} : f32[2x3] secret",
     "takes segments of at least one element, got 0"},
    {26, "fixed",
     "fixed.reduce_max %0 {axes = [1], keepdims = 0, segments = [1, 2]} : "
     "fx<52,12,9>[2x2] secret",
     "with segments takes one axis and keepdims = 1"},
    {27, "tensor", "tensor.matmul %0, %0 : f32[2x3] secret",
     "operands [2x3] and [2x3] do not multiply"},
    {28, "tensor", "tensor.gather %0, %0 {axis = 0} : f32[2x3] secret",
     "needs i64 indices"},
    {28, "tensor", "tensor.gather %0, %2 {axis = -1} : f32[2x2] secret",
     "axis -1 is outside [2x3]"},
    {29, "fixed", "fixed.add %0, %1 : fx<52,12,10>[2x3] secret",
     "operands have 12 and 10 fraction bits"},
    {29, "fixed", "fixed.less %0, %2 : bool[2x3] secret",
     "mixes rings of 52 and 40 bits"},
    {30, "fixed", "fixed.neg %0 : fx<52,11,9>[2x3] secret",
     "has 11 fraction bits, expected 12"},
    {31, "fixed", "fixed.mul %0, %1 : fx<52,21,18>[2x3] secret",
     "has 21 fraction bits, expected 22"},
    {32, "fixed", "fixed.trunc %0 {bits = 52} : fx<52,12,9>[2x3] secret",
     "takes bits in [1,51] for fx<52,12,9>[2x3] secret, got 52"},
    {32, "fixed", "fixed.trunc %0 {bits = 0} : fx<52,12,9>[2x3] secret",
     "takes bits in [1,51] for fx<52,12,9>[2x3] secret, got 0"},
    {32, "fixed", "fixed.trunc %0 {bits = 4} : fx<52,8,9>[2x3] secret",
     "has a ring of 52 bits, expected 48"},
    {32, "fixed", "fixed.trunc %0 {bits = 4} : fx<48,9,9>[2x3] secret",
     "has 9 fraction bits, expected 8"},
    {32, "fixed", "fixed.shl %0 {bits = 4} : fx<52,12,9>[2x3] secret",
     "has 12 fraction bits, expected 16"},
    {33, "fixed", "fixed.extend %0 : fx<52,12,9>[2x3] secret",
     "extends a ring of 52 bits to 52"},
    {33, "fixed", "fixed.extend %5 : fx<30,12,9>[2] secret",
     "fx<22,12,9>[2] secret has no free bit: it needs intBits + frac + 2 <= "
     "ring"},
    {33, "fixed", "fixed.drop %0 : fx<52,12,9>[2x3] secret", "ring"},
    {34, "fixed", "fixed.and %0, %3 : bool[2x3] secret",
     "needs bool operands, got fx<52,12,9>[2x3] secret"},
    {34, "fixed", "fixed.from_bool %3 : fx<8,1,1>[2x3] secret",
     "has 1 fraction bits, expected 0"},
    {35, "fixed",
     "fixed.exp %0 {depth = 9, public_frac = 1, table_frac = 1, window = 8} "
     ": fx<8,2,1>[2x3] secret",
     "takes depth in [0,8], got 9"},
    {35, "fixed",
     "fixed.fourier %0 {coeffs = [1, 2, 3], offset = 0, slope = 0, step = 1, "
     "window = 8} : fx<8,2,1>[2x3] secret",
     "takes 1 to 64 harmonics of 4 numbers, got 3 numbers"},
    {35, "fixed",
     "fixed.fourier %0 {coeffs = [1, 2, 3, 4], offset = 0, slope = 0, step = "
     "256, window = 8} : fx<8,2,1>[2x3] secret",
     "takes step in [1,255], got 256"},
    {36, "fixed",
     "fixed.gather %0, %1 {axis = 0, rows = 2} : fx<52,12,9>[2x3x3] secret",
     "needs an integer index, got fx<52,10,9>[2x3] secret"},
    {36, "fixed",
     "fixed.gather %0, %4 {axis = 0, rows = 3} : fx<52,12,9>[4x3] secret",
     "takes rows in [1,2], got 3"},
    {40, "fixed",
     "fixed.in_range %0 {frac = 12, hi = -1, links = [20, 4, 0, 7], lo = 1} : "
     "bool[64] secret",
     "needs lo <= hi"},
    {40, "fixed",
     "fixed.in_range %0 {frac = 12, hi = 1, links = [20, 4, 0], lo = -1} : "
     "bool[64] secret",
     "takes 1 to 32 links of 4 numbers, got 3 numbers"},
    {40, "fixed",
     "fixed.in_range %0 {frac = 12, hi = 1.5, links = [20, 4, 0, 7], lo = -1} "
     ": bool[64] secret",
     "needs an integer hi"},
    {40, "fixed",
     "fixed.in_range %0 {frac = 11, hi = 1, links = [20, 4, 0, 7], lo = -1} : "
     "bool[64] secret",
     "is for 11 fraction bits, the operand has 12"},
    {40, "fixed", "fixed.assume %0 : fx<52,11,2>[2x3] secret",
     "has 11 fraction bits, expected 12"},
    {37, "share", "share.add %0, %2 : masked<52,12,9>[2x3] secret",
     "mixes masked<52,12,9>[2x3] secret and additive<52,12,9>[2x3] secret"},
    {37, "share", "share.add %1, %1 : fx<_,12,1>[3] public",
     "needs a shared operand"},
    {37, "share", "share.mul %0, %2 : additive<52,24,18>[2x3] secret",
     "needs operand 1 in form masked, got additive<52,12,9>[2x3] secret"},
    {37, "share", "share.mul %0, %0 : masked<52,24,18>[2x3] secret",
     "gives form additive, not masked<52,24,18>[2x3] secret"},
    {37, "share", "share.trunc %0 {bits = 0} : masked<52,12,9>[2x3] secret",
     "needs operand 0 in form additive"},
    {37, "share", "share.mul_public %0, %0 : masked<52,24,18>[2x3] secret",
     "needs a public operand 1"},
    {37, "share", "share.bit_and %3, %0 : bits[2x3] secret",
     "needs operand 1 in form bits"},
    {38, "share", "share.add %0, %4 : masked<52,12,10>[2x3] secret",
     "mixes rings of 52 and 40 bits"},
    {38, "share", "share.drop %0 : masked<52,12,9>[2x3] secret",
     "drops a ring of 52 bits to 52"},
    {38, "share", "share.extend %5 : masked<30,12,9>[2] secret",
     "has no free bit"},
    {39, "share",
     "share.one_hot %0 {rows = 4, window = 2} : additive<52,0,1>[2x3x5] "
     "secret",
     "has shape [2x3x5], expected [2x3x4]"},
    {39, "share",
     "share.one_hot_bits %0 {rows = 4, window = 2} : bits[2x3x5] secret",
     "has shape [2x3x5], expected [2x3x4]"},
};

std::string messageOf(const Module &m) {
  std::optional<Violation> v = firstViolation(m);
  return v ? v->message : "";
}

} // namespace

TEST_CASE("rules seen in text") {
  std::set<int> rules;
  for (const Case &c : kCases) {
    std::string level = c.level;
    std::string base = level == "tensor"  ? kTensor
                       : level == "fixed" ? kFixed
                                          : kShare;
    REQUIRE(parseError(wrap(level, base)) == "");
    std::string message =
        parseError(wrap(level, base + "  %10 = " + c.line + "\n"));
    INFO("rule " << c.rule << ": " << c.line << "\n  " << message);
    CHECK(message.find(c.expected) != std::string::npos);
    rules.insert(c.rule);
  }
  for (int rule : {1, 4, 7, 9}) // below: the parser does not let these through
    rules.insert(rule);
  for (int rule = 1; rule <= 40; ++rule) {
    INFO("rule " << rule << " has no case");
    CHECK(rules.count(rule) == 1);
  }
}

TEST_CASE("rule 1: level and order") {
  CHECK(messageOf(Module("m", Level::Any)) == "the module has no level");
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.scalar(1);
  m.setOrder({x, x});
  CHECK(messageOf(m).find("lists value 0 twice") != std::string::npos);
  m.setOrder({ValueId{5}});
  CHECK(messageOf(m).find("lists value 5") != std::string::npos);
  m.setOrder({x});
  m.op(x).erased = true;
  CHECK(messageOf(m) != "");
}

TEST_CASE("rule 4: definition before use") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.scalar(1), y = b.unary(Opcode::Neg, x);
  CHECK(messageOf(m) == "");
  m.setOrder({y, x});
  CHECK(messageOf(m) == "uses a value before it is defined");
  m.op(y).operands[0] = ValueId{};
  CHECK(messageOf(m) == "uses a value before it is defined");
}

TEST_CASE("rule 5: attributes of hand-made ops") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.scalar(1);
  m.op(x).setAttr("value", ConstId{9});
  CHECK(messageOf(m) == "attribute 'value' must be a constant of the module");
  m.op(x).setAttr("value", ConstId{0});
  m.op(x).attrs.insert(m.op(x).attrs.end(), {"name", std::string("w")});
  CHECK(messageOf(m) != "");
}

TEST_CASE("rule 7: outputs") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.scalar(1);
  m.outputs() = {{"y", ValueId{}, Elem::F32}};
  CHECK(messageOf(m) == "output 'y' is not defined");
  m.outputs() = {{"", x, Elem::F32}};
  CHECK(messageOf(m) == "an output has no name");
  m.outputs() = {{"y", x, Elem::F32}, {"y", x, Elem::F32}};
  CHECK(messageOf(m) == "the output name 'y' is repeated");
  m.outputs() = {{"y", x, Elem::Fx}};
  CHECK(messageOf(m) == "output 'y' must be f32, i64 or bool");
}

TEST_CASE("rule 9, 11, 13: types the parser cannot write") {
  Module m("m", Level::Tensor);
  Builder b(m);
  ValueId x = b.input("x", Elem::F32, {2}, Vis::Secret);
  m.op(x).type.shape = {-1};
  CHECK(messageOf(m) == "has a negative dimension or too many elements");
  m.op(x).type.shape = {2};
  m.op(x).type.ring = 7;
  CHECK(messageOf(m) == "only fx has ring, fraction and integer bits");
  m.op(x).type.ring = 0;
  ValueId c = b.floats({2}, {1, 2}, Vis::Weight);
  m.constData(m.op(c).constAttr("value")).floats.pop_back();
  CHECK(messageOf(m) == "has 1 elements of 2");
}

TEST_CASE("errors name the op's number, mnemonic and origin") {
  Module m("bert", Level::Tensor);
  Builder b(m, "/fc1/Gemm");
  ValueId x = b.input("x", Elem::F32, {2}, Vis::Secret);
  ValueId y = b.unary(Opcode::Neg, x);
  m.op(y).type.shape = {3};
  CHECK(llvm::toString(verify(m)) ==
        "module 'bert': %1 'tensor.neg' has shape [3], expected [2] (from "
        "'/fc1/Gemm')");
}

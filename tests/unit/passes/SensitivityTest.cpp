#include "passes/tensor/Sensitivity.h"
#include "ir/Text.h"

#include <catch2/catch.hpp>

using namespace mpc::ir;
using namespace mpc::passes;

static Module parsed(const std::string &body) {
  return llvm::cantFail(
      parse("module @t level(tensor) {\n" + body + "\n}\n", "t.mir"));
}

/// White sensitivities by value, for outputs that allow an error of 1.
static Sensitivity measured(const Module &m, InputMap inputs) {
  return llvm::cantFail(
      measureSensitivity(m, inputs, [](double) { return 1.0; }));
}

static InputMap named(Shape shape, std::vector<float> x) {
  InputMap inputs;
  inputs["x"] = {Elem::F32, std::move(shape), std::move(x), {}};
  return inputs;
}

// The mean square error at the output for a unit of noise at every element.
TEST_CASE("a scale's square, up to a power of two", "[precision]") {
  const Module m = parsed(R"(
  %0 = input {name = "x"} : f32[4] secret
  %1 = constant {value = dense<f32[] 3.0>} : f32[] public
  %2 = tensor.mul %0, %1 : f32[4] secret
  return %2 as "y" : f32)");
  const Sensitivity s = measured(m, named({4}, {1, 2, 3, 4}));
  CHECK(s.white[0] == 16); // 9
  CHECK(s.white[2] == 1);
}

TEST_CASE("a product with a matrix, exact for few outputs", "[precision]") {
  // y = x W: ||W||_F^2 / 2 for x, ||x||^2 / 2 * 2 for W.
  const Module m = parsed(R"(
  %0 = input {name = "x"} : f32[1x3] secret
  %1 = constant {name = "w", value = dense<f32[3x2] [1.0, -2.0, 3.0, 0.5, 0.0, 1.0]>} : f32[3x2] weight
  %2 = tensor.matmul %0, %1 : f32[1x2] secret
  return %2 as "y" : f32)");
  const Sensitivity s = measured(m, named({1, 3}, {1, -2, 0.5}));
  CHECK(s.white[0] == 8); // 15.25 / 2
  CHECK(s.white[1] == 8); // 5.25
  CHECK_FALSE(s.opaque[0]);
}

TEST_CASE("a mean adds noise up, movement carries it", "[precision]") {
  const Module m = parsed(R"(
  %0 = input {name = "x"} : f32[2x4] secret
  %1 = transpose %0 {perm = [1, 0]} : f32[4x2] secret
  %2 = slice %1 {starts = [1, 0], steps = [1, 1]} : f32[2x2] secret
  %3 = tensor.reduce_sum %2 {axes = [0], keepdims = 0} : f32[2] secret
  return %3 as "y" : f32)");
  const Sensitivity s = measured(m, named({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(s.white[0] == 2); // two of four elements of a row
  CHECK(s.white[2] == 2);
  CHECK(s.white[3] == 1);
}

TEST_CASE("softmax: its operand, its exp and its row sums", "[precision]") {
  const Module m = parsed(R"(
  %0 = input {name = "x"} : f32[1x4] secret
  %1 = tensor.softmax %0 {axis = 1} : f32[1x4] secret
  return %1 as "y" : f32)");
  const Sensitivity s = measured(m, named({1, 4}, {0, 0, 0, 0}));
  // p = 1/4: the Jacobian is (I - 1/4) / 4, its squared norm 3 / 16, a quarter
  // of that an output; that for exp is the same, the row sum being 4.
  CHECK(s.white[1] == 1);
  CHECK(s.white[0] == 0.0625);
  CHECK(s.exp[1] == 0.0625);
  CHECK(s.inverse[1] == 1); // every exp is 1
}

TEST_CASE("a comparison has no slope to measure", "[precision]") {
  const Module m = parsed(R"(
  %0 = input {name = "x"} : f32[2] secret
  %1 = constant {value = dense<f32[] 0.5>} : f32[] public
  %2 = tensor.less %0, %1 : bool[2] secret
  return %2 as "y" : bool)");
  const Sensitivity s = measured(m, named({2}, {0, 1}));
  CHECK(s.opaque[0]);
  CHECK(s.white[0] == 0);
}

TEST_CASE("the slope of a function where its argument is", "[precision]") {
  const Module m = parsed(R"mir(
  %0 = input {name = "x"} : f32[2] secret
  %1 = tensor.map %0 {expr = "mul(x,x)"} : f32[2] secret
  return %1 as "y" : f32)mir");
  const Sensitivity s = measured(m, named({2}, {3, 0}));
  CHECK(s.white[0] == 32);    // (6^2 + 0) / 2 = 18
  CHECK(s.relative[1] == 64); // (9^2 + 0) / 2 = 40.5
}

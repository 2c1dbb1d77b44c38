// Running a whole module: inputs, constants, observation, errors.
#include "Samples.h"
#include "ir/Builder.h"
#include "ir/Eval.h"
#include <catch2/catch.hpp>

using namespace mpc::ir;
using namespace mpc::ir::test;

static ConstData row(std::vector<float> values) {
  ConstData d;
  d.shape = {static_cast<int64_t>(values.size())};
  d.floats = std::move(values);
  return d;
}

static std::string errorOf(const Module &m, const InputMap &inputs) {
  auto r = evaluate(m, inputs);
  return r ? "" : llvm::toString(r.takeError());
}

TEST_CASE("a module runs on named inputs and is observed") {
  Module m = parseOk(
      wrap("tensor",
           "  %0 = input {name = \"x\"} : f32[2] secret\n"
           "  %1 = constant {value = dense<f32[] 3.0>} : f32[] weight\n"
           "  %2 = tensor.mul %0, %1 : f32[2] secret\n"
           "  %3 = tensor.map %2 {expr = \"add(x,1)\"} : f32[2] secret\n"
           "  %4 = tensor.less %0, %1 : bool[2] secret\n",
           "%3 as \"y\" : f32, %0 as \"x\" : f32, %4 as \"b\" : i64"));
  InputMap inputs;
  inputs["x"] = row({1, 5});
  size_t seen = 0;
  std::vector<float> product;
  auto r = evaluate(m, inputs, [&](ValueId v, const ConstData &d) {
    ++seen;
    if (v == m.order()[2])
      product = d.floats;
  });
  REQUIRE(static_cast<bool>(r));
  CHECK(seen == 5);
  CHECK(product == std::vector<float>{3, 15});
  CHECK((*r)[0].floats == std::vector<float>{4, 16});
  CHECK((*r)[1].floats == std::vector<float>{1, 5});
  CHECK((*r)[2].elem == Elem::I64); // as the output declares
  CHECK((*r)[2].ints == std::vector<int64_t>{1, 0});
}

TEST_CASE("wrong inputs are named") {
  Module m =
      parseOk(wrap("tensor", "  %0 = input {name = \"x\"} : f32[2] secret\n",
                   "%0 as \"y\" : f32"));
  InputMap inputs;
  CHECK(errorOf(m, inputs) == "no data for input 'x'");
  inputs["x"] = row({1, 2, 3});
  CHECK(errorOf(m, inputs) == "input 'x' has shape [3], expected [2]");
  inputs["x"].elem = Elem::I64;
  CHECK(errorOf(m, inputs) == "input 'x' is i64, expected f32");
}

TEST_CASE("share ops have no float semantics") {
  Module m = parseOk(samples()[1]);
  InputMap inputs;
  ConstData x;
  x.shape = {4, 8};
  x.floats.resize(32);
  inputs["x"] = x;
  x.shape = {3};
  x.floats.resize(3);
  inputs["id"] = x;
  CHECK(errorOf(m, inputs) ==
        "fixed.add '': 'fixed.add' has no float semantics");
}

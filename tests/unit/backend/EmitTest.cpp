// What emission promises besides the right numbers.
#include "Harness.h"
#include "ir/Text.h"
#include "passes/Pass.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::testing;

namespace {

const char *kModel =
    "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2x6] secret\n"
    "%1 = constant {name = \"w\", value = dense<f32[6x2] 0.25>} : f32[6x2] "
    "weight\n"
    "%2 = tensor.matmul %0, %1 : f32[2x2] secret loc(\"/fc\")\n"
    "%3 = tensor.tanh %2 : f32[2x2] secret loc(\"/act\")\n"
    "%4 = tensor.relu %3 : f32[2x2] secret\n"
    "return %4 as \"o\" : f32";

} // namespace

TEST_CASE("the same module gives the same bytes", "[backend]") {
  Compiled a = compile(kModel), b = compile(kModel);
  REQUIRE(a.error == "");
  CHECK(a.plan.hash() == b.plan.hash());
  CHECK(a.plan.disassemble() == b.plan.disassemble());
  CHECK(a.weights.tensors == b.weights.tensors);
  CHECK(a.weights.planHash == a.plan.hash());
}

TEST_CASE("threads of the compiler change nothing", "[backend]") {
  passes::Options one, many;
  one.threads = 1;
  many.threads = 5;
  CHECK(compile(kModel, one).plan.hash() == compile(kModel, many).plan.hash());
}

TEST_CASE("a plan verifies and names the nodes it came from", "[backend]") {
  Compiled c = compile(kModel);
  REQUIRE(c.error == "");
  CHECK(plan::verify(c.plan));
  auto named = [&](const char *node) {
    return std::count(c.plan.locations.begin(), c.plan.locations.end(), node);
  };
  CHECK(named("/fc") == 1);
  CHECK(named("/act") == 1);
  REQUIRE(c.plan.weights.size() == 1);
  CHECK(c.plan.weights[0].name == "w");
  REQUIRE(c.plan.inputs.size() == 1);
  CHECK(c.plan.inputs[0].name == "x");
  CHECK(c.plan.inputs[0].lo == -4);
  CHECK(c.plan.inputs[0].hi == 4);
}

TEST_CASE("one weight read twice has two names", "[backend]") {
  Compiled c = compile(
      "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2] secret\n"
      "%1 = constant {name = \"w\", value = dense<f32[2] [0.3, 100.7]>} : "
      "f32[2] weight\n"
      "%2 = tensor.mul %0, %1 : f32[2] secret\n"
      "%3 = tensor.add %2, %1 : f32[2] secret\n"
      "return %3 as \"o\" : f32");
  REQUIRE(c.error == "");
  std::vector<std::string> names;
  for (const plan::WeightInfo &w : c.plan.weights)
    names.push_back(w.name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("only share level becomes a plan", "[backend]") {
  ir::Module m =
      llvm::cantFail(ir::parse("module @t level(tensor) {\n"
                               "  %0 = input {name = \"x\"} : f32[2] secret\n"
                               "  return %0 as \"y\" : f32\n}\n",
                               "t.mir"));
  auto e = backend::emitPlan(m, {});
  REQUIRE_FALSE(static_cast<bool>(e));
  CHECK(llvm::toString(e.takeError()) == "a plan is made from share level");
}

TEST_CASE("errors name the node", "[backend]") {
  CHECK(compile("%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[6] "
                "secret\n"
                "%1 = tensor.reduce_prod %0 {axes = [0], keepdims = 0} : f32[] "
                "secret loc(\"/ReduceProd\")\n"
                "return %1 as \"o\" : f32")
            .error.find("'/ReduceProd'") != std::string::npos);
}

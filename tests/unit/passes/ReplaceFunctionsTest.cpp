// What replaced functions compute in float.
#include "ir/Builder.h"
#include "ir/Eval.h"
#include "passes/Pass.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::ir;
using passes::Replacement;

namespace {

/// The values of `build(x)` at x after the pass.
template <class F>
std::vector<float> replaced(Replacement r, Shape shape, std::vector<float> x,
                            F build) {
  Module m("m", Level::Tensor);
  Builder b(m, "/node");
  const ValueId in = b.input("x", Elem::F32, shape, Vis::Secret);
  m.outputs().push_back({"y", build(b, in), Elem::F32});
  InputMap inputs;
  inputs["x"] = {Elem::F32, shape, std::move(x), {}};
  passes::Context ctx;
  r.place = "rules.toml:1:1";
  r.node = "/node";
  ctx.options.replacements = {r};
  const passes::PassInfo *pass[] = {passes::findPass("replace-functions")};
  REQUIRE(pass[0]);
  const std::string message = llvm::toString(passes::runPasses(m, pass, ctx));
  INFO(message);
  REQUIRE(message.empty());
  auto y = evaluate(m, inputs);
  REQUIRE(static_cast<bool>(y));
  return (*y)[0].floats;
}

ValueId tanhOf(Builder &b, ValueId x) {
  return b.map(x, *Expr::parse("tanh(x)"));
}

} // namespace

TEST_CASE("pieces, and what holds outside", "[passes]") {
  Replacement r;
  r.pieces = {{-2, 0, {1, 0.5}}, {0, 3, {0, 0, 2}}}; // a jump at 0
  auto at = [&](Replacement::Outside outside, float x) {
    r.outside = outside;
    return replaced(r, {1}, {x}, tanhOf)[0];
  };
  using Outside = Replacement::Outside;
  for (Outside o : {Outside::Clip, Outside::Linear, Outside::Error}) {
    CHECK(at(o, -2) == 0);
    CHECK(at(o, -1) == 0.5);
    CHECK(at(o, 0) == 0);
    CHECK(at(o, 1) == 2);
    CHECK(at(o, 3) == 18); // the last end belongs to the last piece
  }
  CHECK(at(Outside::Clip, -4) == 0);
  CHECK(at(Outside::Clip, 9) == 18);
  CHECK(at(Outside::Linear, -4) == -1);
  CHECK(at(Outside::Linear, 4) == 30);
  CHECK(std::isnan(at(Outside::Error, 3.5)));
}

TEST_CASE("2quad and 2relu follow their formulas", "[passes]") {
  Replacement r;
  r.kind = Replacement::Kind::TwoQuad;
  r.shift = 2;
  auto softmax = [](Builder &b, ValueId x) { return b.softmax(x, -1); };
  std::vector<float> y = replaced(r, {1, 3}, {1, -1, 2}, softmax);
  CHECK(y[0] == Approx(9.0 / 26));
  CHECK(y[1] == Approx(1.0 / 26));
  CHECK(y[2] == Approx(16.0 / 26));
  r.shift = 0;
  r.eps = 3;
  y = replaced(r, {1, 2}, {1, 2}, softmax);
  CHECK(y[1] == Approx(4.0 / 8));
  r.kind = Replacement::Kind::TwoRelu;
  r.eps = 0.5;
  y = replaced(r, {2, 2}, {1, -3, -1, -1}, softmax);
  CHECK(y[0] == Approx(1 / 1.5));
  CHECK(y[1] == 0);
  CHECK(y[2] == 0);
}

TEST_CASE("masked lanes vanish before squaring", "[passes]") {
  Replacement r;
  r.kind = Replacement::Kind::TwoQuad;
  r.shift = 5;
  auto masked = [](Builder &b, ValueId x) {
    ConstData mask{Elem::Bool, {2, 3}, {}, {1, 0, 1, 0, 0, 0}};
    return b.softmax(x, -1, b.constant(mask, Vis::Public));
  };
  std::vector<float> y = replaced(r, {2, 3}, {1, 1000, 1, 1, 2, 3}, masked);
  CHECK(y[0] == Approx(0.5));
  CHECK(y[1] == 0);
  for (int i : {3, 4, 5}) // nothing is left: uniform
    CHECK(y[i] == Approx(1.0 / 3));
  // The same in segments.
  auto packed = [](Builder &b, ValueId x) {
    const ValueId s = b.softmax(x, -1);
    b.module().op(s).setAttr("segments", std::vector<int64_t>{1, 3});
    return s;
  };
  y = replaced(r, {1, 4}, {7, -4, -3, -4}, packed);
  CHECK(y[0] == Approx(1));
  CHECK(y[2] == Approx(4.0 / 6));
}

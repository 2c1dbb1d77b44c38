// Univariate expressions: text, value, composition, bounds.
#include "ir/Expr.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc::ir;

static Expr parsed(llvm::StringRef text) {
  llvm::Expected<Expr> e = Expr::parse(text);
  if (!e)
    FAIL(text.str() << ": " << llvm::toString(e.takeError()));
  return *e;
}
static std::string error(llvm::StringRef text) {
  llvm::Expected<Expr> e = Expr::parse(text);
  return e ? "" : llvm::toString(e.takeError());
}

static const char *const kGelu =
    "mul(mul(x,0.5),add(1,erf(mul(x,0.7071067811865476))))";

TEST_CASE("expressions print as they are read") {
  for (const char *text :
       {"x", "3", "-inf", "1e-12", kGelu, "select(less(x,0),neg(x),pow(x,3))",
        "and(or(x,1),not(xor(equal(x,2),less_equal(x,1))))", "mod(x,-2.5)"})
    CHECK(parsed(text).str() == text);
  CHECK(parsed(" mul ( x , 2.50 ) ").str() == "mul(x,2.5)");
}

TEST_CASE("bad expressions are refused with a place") {
  CHECK(error("") == "expression, character 1: expected x, a number or a "
                     "function");
  CHECK(error("mul(x,") == "expression, character 7: expected x, a number or "
                           "a function");
  CHECK(error("mul(x)") == "expression, character 6: expected ','");
  CHECK(error("frob(x)") ==
        "expression, character 1: 'frob' is not an elementwise function");
  CHECK(error("matmul(x,x)") != "");
  CHECK(error("map(x)") != "");
  CHECK(error("x x") == "expression, character 3: expected the end");
  CHECK(error("y") != "");
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "neg(";
  CHECK(error(deep).find("too large") != std::string::npos);
  std::string text = kGelu;
  for (size_t n = 0; n < text.size(); ++n)
    CHECK(error(text.substr(0, n)) != "");
}

TEST_CASE("value, composition, constants") {
  Expr gelu = parsed(kGelu);
  CHECK(gelu.eval(1) == Approx(0.5 * (1 + std::erf(std::sqrt(0.5)))));
  Expr shifted = gelu.compose(parsed("sub(x,1)"));
  for (double x : {-3.0, 0.0, 1.0, 2.5})
    CHECK(shifted.eval(x) == gelu.eval(x - 1));
  CHECK(parsed(shifted.str()).eval(0.3) == shifted.eval(0.3));
  CHECK_FALSE(gelu.isConstant());
  Expr c = parsed("add(1,mul(2,3))");
  CHECK(c.constantValue() == 7.0);
  CHECK(c.compose(gelu).isConstant());
  CHECK(Expr::variable().isVariable());
  CHECK(gelu.compose(Expr::variable()).str() == gelu.str());
  CHECK(Expr::apply(Opcode::Add, {gelu, Expr::constant(1)}).eval(2) ==
        gelu.eval(2) + 1);

  std::vector<double> x(600), y(600);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = double(i) / 100 - 3;
  gelu.evalMany(x, y);
  for (size_t i = 0; i < x.size(); ++i)
    CHECK(y[i] == gelu.eval(x[i]));
}

TEST_CASE("every elementwise op has a value") {
  size_t count = 0;
  for (const OpInfo &op : allOps()) {
    if (!isElementwise(op.opcode))
      continue;
    ++count;
    double args[3] = {0.5, 0.25, 2};
    CHECK(std::isfinite(
        applyScalar(op.opcode, {args, elementwiseArity(op.opcode)})));
  }
  CHECK(count == 34);
  CHECK_FALSE(isElementwise(Opcode::Map));
  CHECK_FALSE(isElementwise(Opcode::Cast));
  CHECK_FALSE(isElementwise(Opcode::FixedAdd));
}

TEST_CASE("range is sound and close") {
  struct Case {
    const char *text;
    double lo, hi;
    double width; ///< at most this much wider than the samples
  };
  const Case cases[] = {
      {kGelu, -16, 16, 0.02},
      {"mul(x,sigmoid(mul(1.702,x)))", -8, 8, 0.02},
      {"mul(x,tanh(log(add(1,exp(x)))))", -10, 10, 0.02},
      {"relu(sub(x,1))", -4, 4, 1e-6},
      {"exp(neg(mul(x,x)))", -3, 3, 0.01},
      {"sub(mul(x,x),x)", -2, 5, 0.02},
      {"sin(x)", -1, 4, 1e-6},
      {"cos(mul(3,x))", -1, 4, 1e-6},
      {"cos(x)", 0.5, 3, 1e-6},
      {"abs(x)", -3, 2, 1e-6},
      {"pow(x,3)", -2, 2, 1e-6},
      {"pow(x,2)", -2, 1, 1e-6},
      {"pow(x,-1)", 0.5, 2, 1e-6},
      {"pow(2,x)", -2, 2, 1e-6},
      {"pow(x,0.5)", 0, 4, 1e-6},
      {"rsqrt(add(x,1))", 0, 8, 1e-6},
      {"div(1,add(1,mul(x,x)))", -2, 2, 0.01},
      {"select(less(x,0),neg(x),mul(2,x))", -2, 2, 0.01},
      {"mod(x,2)", -3, 3, 0.01},
      {"max(min(x,1),-1)", -5, 5, 1e-6},
      {"round(x)", -2.2, 3.4, 1e-6},
      {"sign(x)", -2, 3, 1e-6},
      {"or(less(x,0),equal(x,5))", -2, 3, 1e-6},
      {"xor(x,not(x))", 1, 3, 1e-6},
  };
  for (const Case &c : cases) {
    INFO(c.text);
    Expr e = parsed(c.text);
    auto [lo, hi] = e.range(c.lo, c.hi);
    double min = INFINITY, max = -INFINITY;
    for (int i = 0; i <= 20000; ++i) {
      double y = e.eval(c.lo + (c.hi - c.lo) * i / 20000);
      min = std::min(min, y);
      max = std::max(max, y);
    }
    CHECK(lo <= min + 1e-12);
    CHECK(hi >= max - 1e-12);
    CHECK(lo >= min - c.width);
    CHECK(hi <= max + c.width);
  }
}

TEST_CASE("range at poles, points and infinite domains") {
  CHECK(parsed("recip(x)").range(-1, 1).second == INFINITY);
  CHECK(parsed("log(x)").range(0, 1).first == -INFINITY);
  CHECK(parsed("log(x)").range(-1, 1).second == INFINITY);
  CHECK(parsed("mul(x,x)").range(3, 3) == std::pair<double, double>(9, 9));
  CHECK(parsed("tanh(x)").range(-INFINITY, INFINITY) ==
        std::pair<double, double>(-1, 1));
  CHECK(parsed("7").range(-1, 1) == std::pair<double, double>(7, 7));
}

TEST_CASE("breaks and branches of a chain of selects") {
  const Expr f = parsed("select(less(x,1),mul(x,x),select(less(3,x),5,x))");
  CHECK(f.breaks() == std::vector<double>{1, 3});
  CHECK(f.branchAt(0).str() == "mul(x,x)");
  CHECK(f.branchAt(2).str() == "x");
  CHECK(f.branchAt(4).str() == "5");
  CHECK(f.branchAt(4).isConstant());
  for (double x : {-1.0, 1.0, 2.5, 3.0, 9.0})
    CHECK(f.branchAt(x).eval(x) == f.eval(x));
  // Not of the variable itself, or not at the root.
  CHECK(parsed("select(less(mul(x,2),1),0,x)").breaks().empty());
  CHECK(parsed("add(1,select(less(x,1),0,x))").breaks().empty());
  CHECK(parsed("tanh(x)").branchAt(3).str() == "tanh(x)");
  CHECK(f.contains(Opcode::Mul));
  CHECK(!f.contains(Opcode::Add));
}

// Models that cannot be imported: what the user reads.
#include "TestModel.h"

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;
using Catch::Contains;

TEST_CASE("files that are no models", "[frontend][errors]") {
  TestModel t;
  CHECK_THAT(errorOf((t.dir() / "absent.onnx").string()),
             Contains("absent.onnx"));
  std::ofstream(t.path()) << "";
  CHECK_THAT(errorOf(t.path()), Contains("not an ONNX model"));
  std::ofstream(t.path()) << "%PDF-1.4 and so on\n";
  CHECK_THAT(errorOf(t.path()), Contains("not an ONNX model"));
  CHECK_THAT(errorOf(t.path()), Catch::StartsWith(t.path() + ": error: "));
}

TEST_CASE("every truncation of a model is an error", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {2})
      .output("y")
      .initializer("w", floats({2}, {1, 2}));
  t.node("Mul", {"x", "w"}, {"y"}, "/mul");
  REQUIRE(errorOf(t.write()).empty());
  const std::string bytes = t.proto.SerializeAsString();
  for (size_t n = 0; n < bytes.size(); ++n) {
    std::ofstream(t.path(), std::ios::binary) << bytes.substr(0, n);
    INFO(n << " of " << bytes.size());
    CHECK(!errorOf(t.path()).empty());
  }
}

TEST_CASE("opsets outside the supported range", "[frontend][errors]") {
  for (int64_t opset : {0, 25}) {
    TestModel t(opset);
    t.input("x", Elem::F32, {1}).output("y");
    t.node("Relu", {"x"}, {"y"});
    CHECK_THAT(errorOf(t.write()), Contains("1 to 24 are supported"));
  }
  TestModel t(10);
  t.input("x", Elem::F32, {1}).output("y");
  t.node("Gelu", {"x"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("supported in opsets 20 to 24"));
}

TEST_CASE("undefined names, cycles, duplicates", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1}).output("y");
  t.node("Add", {"x", "z"}, {"y"}, "a");
  t.node("Relu", {"y"}, {"z"}, "b");
  CHECK_THAT(errorOf(t.write()),
             Contains("node #0 'a' (Add, opset 17): input 'z' is not defined"));
  TestModel d;
  d.input("x", Elem::F32, {1}).output("y");
  d.node("Relu", {"x"}, {"y"});
  d.node("Relu", {"x"}, {"y"});
  CHECK_THAT(errorOf(d.write()), Contains("output 'y' is defined twice"));
  TestModel o;
  o.input("x", Elem::F32, {1}).output("nowhere");
  CHECK_THAT(errorOf(o.write()), Contains("output 'nowhere' is not defined"));
}

TEST_CASE("check lists every problem, import the first", "[frontend][errors]") {
  TestModel t(13);
  t.input("x", Elem::F32, {1, 1, 4, 4}).output("y");
  auto &pool = t.node("MaxPool", {"x"}, {"a"}, "/pool");
  attr(pool, "kernel_shape", Dims{2, 2});
  attr(pool, "storage_order", 1);
  t.node("FancyOp", {"a"}, {"b"}, "/fancy");
  t.node("Relu", {"b"}, {"c"});
  attr(t.node("Softmax", {"c"}, {"y"}, "/soft"), "temperature", 2.0);
  const std::string p = t.write();
  CHECK(errorOf(p) ==
        p +
            ": error: node #0 '/pool' (MaxPool, opset 13): attribute "
            "'storage_order' is 1; only 0 is supported\n" +
            p +
            ": note: 2 more nodes are unsupported; all are listed by: "
            "mpcc check " +
            p);
  auto report = checkOnnx(p, {});
  REQUIRE(bool(report));
  REQUIRE(report->problems.size() == 3);
  CHECK(report->nodes == 4);
  CHECK(report->problems[1].str() ==
        "node #1 '/fancy' (FancyOp, opset 13): the operator is not supported");
  CHECK_THAT(report->problems[2].reason, Contains("'temperature'"));
  ImportOptions options;
  options.maxErrors = 3;
  CHECK_THAT(errorOf(p, options), !Contains("note:"));
}

TEST_CASE("a branch's problems are reported once", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {2}).output("y");
  t.initializer("yes", bools({}, {1}));
  auto &branch = t.node("If", {"yes"}, {"r"}, "if");
  for (const char *name : {"then_branch", "else_branch"}) {
    auto *a = branch.add_attribute();
    a->set_name(name);
    a->set_type(mpcc_onnx::AttributeProto::GRAPH);
    TestModel::fill(*a->mutable_g()->add_node(), "Unknown", {"x"}, {"r"});
    a->mutable_g()->add_output()->set_name("r");
  }
  t.node("Relu", {"r"}, {"y"});
  auto report = checkOnnx(t.write(), {});
  REQUIRE(bool(report));
  CHECK(report->problems.size() == 1);
}

TEST_CASE("nodes that do not fit their operands", "[frontend][errors]") {
  struct Case {
    const char *type;
    Dims a, b;
    const char *error;
  };
  for (const Case &c :
       {Case{"Add", {2}, {3}, "shapes 2 and 3 do not broadcast"},
        Case{"MatMul", {2, 3}, {2, 3}, "cannot multiply matrices"},
        Case{"Gemm", {2, 3}, {3}, "needs two matrices"},
        Case{"Conv", {1, 1, 2, 2}, {1, 1, 3, 3}, "a window of 3"}}) {
    TestModel t;
    t.input("a", Elem::F32, c.a).input("b", Elem::F32, c.b).output("y");
    t.node(c.type, {"a", "b"}, {"y"});
    CHECK_THAT(errorOf(t.write()), Contains(c.error));
  }
}

TEST_CASE("values that must be known", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {4}).input("s", Elem::I64, {2}).output("y");
  t.node("Reshape", {"x", "s"}, {"y"});
  CHECK_THAT(errorOf(t.write()),
             Contains("needs values known at compile time: input 1 (shape)") &&
                 Contains("--bind"));
  TestModel r;
  r.input("x", Elem::F32, {2}).output("y");
  r.node("NonZero", {"x"}, {"y"});
  CHECK_THAT(errorOf(r.write()), Contains("needs values known"));
}

TEST_CASE("an integer to a secret real power", "[frontend][errors]") {
  TestModel t;
  t.input("i", Elem::I64, {2}).input("x", Elem::F32, {2}).output("y");
  t.node("Pow", {"i", "x"}, {"y"}, "/pow");
  CHECK_THAT(errorOf(t.write()),
             Contains("node #0 '/pow' (Pow, opset 17): an integer raised to a "
                      "secret real power: the result's rounding is not "
                      "defined"));
  ImportOptions options;
  options.bound["x"] = toNpy(floats({2}, {1, 2}));
  CHECK(errorOf(t.path(), options).empty());
}

TEST_CASE("absurd sizes are refused before memory is taken",
          "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1}).output("y");
  t.initializer("huge", ints({1 << 20, 1 << 20, 1 << 20}));
  t.node("ConstantOfShape", {"huge"}, {"c"});
  t.node("Add", {"x", "c"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("1048576x1048576x1048576"));
  TestModel w;
  w.input("x", Elem::F32, {1}).output("y");
  w.initializer("w", floats({1}, {1}));
  w.graph().mutable_initializer(0)->set_dims(0, int64_t{1} << 38);
  w.node("Add", {"x", "w"}, {"y"});
  CHECK_THAT(errorOf(w.write()), Contains("initializer that cannot be read"));
}

TEST_CASE("functions that call themselves", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1}).output("y");
  auto &f = *t.proto.add_functions();
  f.set_name("F");
  f.set_domain("local");
  f.add_input("a");
  f.add_output("b");
  TestModel::fill(*f.add_node(), "F", {"a"}, {"b"}).set_domain("local");
  t.node("F", {"x"}, {"y"}).set_domain("local");
  CHECK_THAT(errorOf(t.write()), Contains("call each other"));
}

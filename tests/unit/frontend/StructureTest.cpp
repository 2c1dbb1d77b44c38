// Names, visibility, shapes, scopes: what the importer does around operators.
#include "TestModel.h"
#include <algorithm>

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;
using ir::Opcode;
using ir::ValueId;
using ir::Vis;

static ImportResult import(const std::string &path,
                           const ImportOptions &options = {}) {
  auto r = importOnnx(path, options);
  if (!r)
    FAIL(llvm::toString(r.takeError()));
  return std::move(*r);
}

static const ir::Op *findConstant(const ir::Module &m,
                                  const std::string &name) {
  for (ValueId v : m.order())
    if (m.op(v).opcode == Opcode::Constant && m.op(v).hasAttr("name") &&
        m.op(v).strAttr("name") == name)
      return &m.op(v);
  return nullptr;
}

TEST_CASE("quantized weights are weights", "[frontend]") {
  TestModel t;
  t.input("x", Elem::F32, {1, 2})
      .output("z")
      .initializer("q", ints({2, 2}, {1, -2, 3, 4}))
      .initializer("scale", floats({}, {0.5}))
      .initializer("zero", ints({}, {1}));
  t.node("DequantizeLinear", {"q", "scale", "zero"}, {"w"});
  t.node("MatMul", {"x", "w"}, {"z"});
  auto r = import(t.write());
  CHECK(findConstant(r.module, "q")->type.vis == Vis::Weight);
}

TEST_CASE("visibility of initializers", "[frontend]") {
  TestModel t;
  t.input("x", Elem::F32, {2})
      .output("z")
      .initializer("w", floats({2}, {1, 2}))
      .initializer("s", floats({}, {3}));
  t.node("Mul", {"x", "w"}, {"y"}, "/mul");
  t.node("Add", {"y", "s"}, {"z"});
  auto r = import(t.write());
  CHECK(findConstant(r.module, "w")->type.vis == Vis::Weight);
  CHECK(findConstant(r.module, "s")->type.vis == Vis::Weight);
  CHECK(r.module.order().size() == 5);
  const ir::Op &add = r.module.op(r.module.outputs()[0].value);
  CHECK(add.loc == "#1 Add");
  CHECK(r.module.op(add.operands[0]).loc == "/mul");
  CHECK(add.type.vis == Vis::Secret);

  ImportOptions options;
  options.publicConsts = {"s"};
  r = import(t.path(), options);
  CHECK(findConstant(r.module, "w")->type.vis == Vis::Weight);
  CHECK(findConstant(r.module, "s")->type.vis == Vis::Public);
  options.weightsPublic = true;
  r = import(t.path(), options);
  CHECK(findConstant(r.module, "w")->type.vis == Vis::Public);
  options.publicConsts = {"nothing"};
  CHECK_THAT(errorOf(t.path(), options),
             Catch::Contains("no initializer of that name"));
}

TEST_CASE("old exporters list initializers as inputs", "[frontend]") {
  TestModel t;
  t.input("x", Elem::F32, {2})
      .input("w", Elem::F32, {2})
      .output("y")
      .initializer("w", floats({2}, {1, 2}));
  t.node("Mul", {"x", "w"}, {"y"});
  auto r = import(t.write());
  CHECK(r.inputs.size() == 1);
  CHECK(findConstant(r.module, "w"));
}

TEST_CASE("shape arithmetic folds away", "[frontend]") {
  TestModel t;
  t.input("x", Elem::F32, {-1, 4}).output("y").initializer("two", ints({2}));
  t.node("Shape", {"x"}, {"s"});
  auto &axis = t.node("Constant", {}, {"zero"});
  auto *a = axis.add_attribute();
  a->set_name("value");
  a->set_type(mpcc_onnx::AttributeProto::TENSOR);
  TestModel::fill(*a->mutable_t(), "", ints({}, {0}));
  t.node("Gather", {"s", "zero"}, {"rows"});
  t.node("Unsqueeze", {"rows", "zero1"}, {"rows1"});
  t.initializer("zero1", ints({0}));
  t.node("Mul", {"rows1", "two"}, {"twice"});
  attr(t.node("Concat", {"twice", "two"}, {"shape"}), "axis", 0);
  t.node("Reshape", {"x", "shape"}, {"y"});
  ImportOptions options;
  options.shapes = {{"x", {3, 4}}};
  auto r = import(t.write(), options);
  CHECK(r.module.order().size() == 2); // the input and the reshape
  CHECK(r.module.type(r.module.outputs()[0].value).shape == ir::Shape{6, 2});
}

TEST_CASE("one symbolic dimension has one size", "[frontend]") {
  TestModel t;
  t.input("a", Elem::F32, {1, -1}).input("b", Elem::F32, {1, -1}).output("y");
  t.node("Add", {"a", "b"}, {"y"});
  ImportOptions options;
  options.shapes = {{"a", {1, 7}}};
  auto r = import(t.write(), options);
  CHECK(r.inputs[1].shape == ir::Shape{1, 7});
  options.shapes.push_back({"b", {1, 8}});
  CHECK_THAT(errorOf(t.path(), options), Catch::Contains("--shape a=1x7") &&
                                             Catch::Contains("--shape b=1x8"));
  options.shapes = {{"a", {2, 7}}};
  CHECK_THAT(errorOf(t.path(), options),
             Catch::Contains("dimension 0 of 'a' is 1"));
  options.shapes = {{"a", {7}}};
  CHECK_THAT(errorOf(t.path(), options), Catch::Contains("has rank 2"));
  options.shapes = {{"c", {7}}};
  CHECK_THAT(errorOf(t.path(), options),
             Catch::Contains("no input 'c'; its inputs are a, b"));
}

TEST_CASE("samples and sums of dimensions bind", "[frontend]") {
  TestModel t;
  t.input("past", Elem::F32, {1, -1}).input("x", Elem::F32, {1, -2});
  t.input("mask", Elem::F32, {1, -3}).output("y");
  t.graph()
      .mutable_input(2)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_param("d1 + d2");
  attr(t.node("Concat", {"past", "x"}, {"all"}), "axis", 1);
  t.node("Mul", {"all", "mask"}, {"y"});
  ImportOptions options;
  options.samples = {{{"past", toNpy(floats({1, 2}, {1, 2}))}}};
  options.shapes = {{"x", {1, 1}}};
  auto r = import(t.write(), options);
  CHECK(r.inputs[2].shape == ir::Shape{1, 3});
  // The other way round: a term follows from the sum.
  options.shapes = {{"mask", {1, 5}}};
  r = import(t.path(), options);
  CHECK(r.inputs[1].shape == ir::Shape{1, 3});
}

TEST_CASE("all unbound dimensions are in one error", "[frontend]") {
  TestModel t;
  t.input("a", Elem::F32, {-1, -2}).input("b", Elem::F32, {-1}).output("y");
  t.node("Identity", {"a"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Catch::Contains("'d1' (a, b), 'd2' (a)"));
  auto report = checkOnnx(t.path(), {});
  REQUIRE(bool(report));
  CHECK(report->problems.empty());
  CHECK(report->notes.size() == 2);
}

TEST_CASE("bound inputs are constants", "[frontend]") {
  TestModel t;
  t.input("ids", Elem::I64, {2}).input("table", Elem::F32, {3, 1}).output("y");
  t.node("Gather", {"table", "ids"}, {"y"});
  auto r = import(t.write());
  REQUIRE(r.inputs[0].range);
  CHECK(*r.inputs[0].range == std::pair<double, double>(0, 2));
  CHECK(r.module.op(r.inputs[0].value).floatAttr("hi") == 2);
  CHECK(!r.inputs[1].range);
  ImportOptions options;
  options.bound["ids"] = toNpy(ints({0, 3}));
  CHECK_THAT(errorOf(t.path(), options), Catch::Contains("index 3"));
  options.bound["ids"] = toNpy(ints({0, -1}));
  auto out = run(t.path(), options, {{"table", floats({3, 1}, {5, 6, 7})}});
  CHECK(out[0].floats == std::vector<float>{5, 7});
  options.bound["ids"] = toNpy(floats({2}, {0.5f, 1}));
  CHECK_THAT(errorOf(t.path(), options), Catch::Contains("--bind ids"));
}

TEST_CASE("branches on known conditions and local functions are inlined",
          "[frontend]") {
  TestModel t;
  t.input("x", Elem::F32, {2}).output("y");
  t.initializer("yes", bools({}, {1}));
  auto &f = *t.proto.add_functions();
  f.set_name("Scale");
  f.set_domain("local");
  f.add_input("a");
  f.add_output("b");
  f.add_attribute("alpha");
  f.add_opset_import()->set_version(17);
  auto &leaky = TestModel::fill(*f.add_node(), "LeakyRelu", {"a"}, {"b"}, "n");
  attr(leaky, "alpha", 0.0);
  leaky.mutable_attribute(0)->set_ref_attr_name("alpha");
  auto &call = t.node("Scale", {"x"}, {"s"}, "call");
  call.set_domain("local");
  attr(call, "alpha", 0.5);
  auto &branch = t.node("If", {"yes"}, {"y"});
  for (const char *name : {"then_branch", "else_branch"}) {
    auto *a = branch.add_attribute();
    a->set_name(name);
    a->set_type(mpcc_onnx::AttributeProto::GRAPH);
    bool then = name[0] == 't';
    TestModel::fill(*a->mutable_g()->add_node(), then ? "Neg" : "Unknown",
                    {"s"}, {"r"});
    a->mutable_g()->add_output()->set_name("r");
  }
  auto out = run(t.write(), {}, {{"x", floats({2}, {-2, 4})}});
  CHECK(out[0].floats == std::vector<float>{1, -4});
  auto r = import(t.path());
  CHECK(std::any_of(r.module.order().begin(), r.module.order().end(),
                    [&](ValueId v) { return r.module.op(v).loc == "call/n"; }));
}

TEST_CASE("the table of operators is sorted and its ranges are disjoint",
          "[frontend]") {
  auto ops = listOnnxOps();
  CHECK(ops.size() > 130);
  for (size_t i = 0; i + 1 < ops.size(); ++i) {
    INFO(ops[i].type.str());
    CHECK(ops[i].type <= ops[i + 1].type);
    CHECK(ops[i].minOpset <= ops[i].maxOpset);
    if (ops[i].type == ops[i + 1].type)
      CHECK(ops[i].maxOpset < ops[i + 1].minOpset);
  }
}

// Operators in the forms that ONNX's own node tests do not reach: newer and
// older opsets, attribute and input forms of the same thing.
#include "TestModel.h"
#include <cmath>

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;

namespace {

/// A model of one node whose inputs are x0, x1, ... and whose outputs y0, ...
struct OneNode {
  explicit OneNode(const std::string &type, std::vector<ConstData> in,
                   int64_t opset, size_t outputs = 1)
      : model(opset), in(std::move(in)) {
    std::vector<std::string> names, outs;
    for (size_t i = 0; i < this->in.size(); ++i) {
      names.push_back("x" + std::to_string(i));
      model.input(names.back(), this->in[i].elem,
                  Dims(this->in[i].shape.begin(), this->in[i].shape.end()));
    }
    for (size_t i = 0; i < outputs; ++i) {
      outs.push_back("y" + std::to_string(i));
      model.output(outs.back());
    }
    node = &model.node(type, names, outs);
  }

  /// Inputs from `firstBound` on are known, the others secret. The same with
  /// all inputs known must give the same, as a constant.
  std::vector<ConstData> run(size_t firstBound = 1) {
    ImportOptions some, all;
    std::map<std::string, ConstData> values;
    for (size_t i = 0; i < in.size(); ++i) {
      std::string name = "x" + std::to_string(i);
      values[name] = in[i];
      all.bound[name] = toNpy(in[i]);
      if (i >= firstBound)
        some.bound[name] = toNpy(in[i]);
    }
    auto result = test::run(model.write(), some, values);
    auto folded = importOnnx(model.path(), all);
    REQUIRE(bool(folded));
    for (size_t i = 0; i < result.size(); ++i) {
      const ConstData *c =
          folded->module.constantOf(folded->module.outputs()[i].value);
      REQUIRE(c);
      CHECK(*c == result[i]);
    }
    return result;
  }

  TestModel model;
  std::vector<ConstData> in;
  mpcc_onnx::NodeProto *node;
};

void checkFloats(const ConstData &got, const std::vector<double> &want) {
  REQUIRE(got.elem == Elem::F32);
  REQUIRE(got.floats.size() == want.size());
  for (size_t i = 0; i < want.size(); ++i)
    CHECK(got.floats[i] == Approx(want[i]).margin(1e-5));
}

const ConstData kX = floats({4}, {-2, -0.5, 0, 3});

void checkUnary(const std::string &type, int64_t opset, double (*f)(double),
                void (*attrs)(mpcc_onnx::NodeProto &) = nullptr) {
  INFO(type);
  OneNode n(type, {kX}, opset);
  if (attrs)
    attrs(*n.node);
  std::vector<double> want;
  for (float x : kX.floats)
    want.push_back(f(x));
  checkFloats(n.run()[0], want);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

} // namespace

TEST_CASE("activations of recent opsets", "[frontend][ops]") {
  checkUnary("Gelu", 20, [](double x) {
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  });
  checkUnary(
      "Gelu", 20,
      [](double x) {
        return 0.5 * x *
               (1 +
                std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
      },
      [](auto &n) { attr(n, "approximate", "tanh"); });
  checkUnary("Mish", 18,
             [](double x) { return x * std::tanh(std::log1p(std::exp(x))); });
  checkUnary("Swish", 24, [](double x) { return x * sigmoid(x); });
  checkUnary(
      "Swish", 24, [](double x) { return x * sigmoid(1.5 * x); },
      [](auto &n) { attr(n, "alpha", 1.5); });
  checkUnary("HardSwish", 14, [](double x) {
    return x * std::min(1.0, std::max(0.0, x / 6 + 0.5));
  });
  checkUnary("Softplus", 22, [](double x) { return std::log1p(std::exp(x)); });
  checkUnary("Elu", 22, [](double x) { return x > 0 ? x : std::expm1(x); });
  checkUnary("Selu", 22, [](double x) {
    return 1.0507009873554805 *
           (x > 0 ? x : 1.6732632423543772 * std::expm1(x));
  });
  checkUnary("HardSigmoid", 22, [](double x) {
    return std::min(1.0, std::max(0.0, 0.2 * x + 0.5));
  });
  checkUnary(
      "LeakyRelu", 16, [](double x) { return x > 0 ? x : 0.2 * x; },
      [](auto &n) { attr(n, "alpha", 0.2); });
}

TEST_CASE("softplus of large values does not overflow", "[frontend][ops]") {
  OneNode n("Softplus", {floats({2}, {100, -100})}, 17);
  checkFloats(n.run()[0], {100, 0});
}

TEST_CASE("clip: attributes before opset 11, inputs since", "[frontend][ops]") {
  OneNode old("Clip", {kX}, 7);
  attr(*old.node, "min", -1.0);
  attr(*old.node, "max", 1.0);
  checkFloats(old.run()[0], {-1, -0.5, 0, 1});
  OneNode recent("Clip", {kX, floats({}, {-1})}, 17);
  checkFloats(recent.run()[0], {-1, -0.5, 0, 3});
}

TEST_CASE("axes: attribute or input by opset", "[frontend][ops]") {
  const ConstData x = floats({2, 1, 3}, {1, 2, 3, 4, 5, 6});
  for (int64_t opset : {7, 11}) {
    OneNode n("Squeeze", {x}, opset);
    attr(*n.node, "axes", Dims{1});
    CHECK(n.run()[0].shape == ir::Shape{2, 3});
  }
  OneNode squeeze("Squeeze", {x, ints({-2})}, 13);
  CHECK(squeeze.run()[0].shape == ir::Shape{2, 3});
  OneNode all("Squeeze", {x}, 21);
  CHECK(all.run()[0].shape == ir::Shape{2, 3});
  OneNode unsqueeze("Unsqueeze", {x, ints({0, -1})}, 13);
  CHECK(unsqueeze.run()[0].shape == ir::Shape{1, 2, 1, 3, 1});
  OneNode mean("ReduceMean", {x}, 13);
  attr(*mean.node, "axes", Dims{-1});
  checkFloats(mean.run()[0], {2, 5});
  OneNode mean18("ReduceMean", {x, ints({2})}, 18);
  attr(*mean18.node, "keepdims", 0);
  auto r = mean18.run()[0];
  checkFloats(r, {2, 5});
  CHECK(r.shape == ir::Shape{2, 1});
  OneNode noop("ReduceMax", {x}, 18);
  attr(*noop.node, "noop_with_empty_axes", 1);
  checkFloats(noop.run()[0], {1, 2, 3, 4, 5, 6});
}

TEST_CASE("split: sizes, equal parts, a smaller last part", "[frontend][ops]") {
  const ConstData x = floats({5}, {1, 2, 3, 4, 5});
  OneNode old("Split", {x}, 11, 2);
  attr(*old.node, "split", Dims{2, 3});
  checkFloats(old.run()[1], {3, 4, 5});
  OneNode sizes("Split", {x, ints({4, 1})}, 13, 2);
  checkFloats(sizes.run()[1], {5});
  OneNode parts("Split", {x}, 18, 3);
  attr(*parts.node, "num_outputs", 3);
  auto r = parts.run();
  checkFloats(r[0], {1, 2});
  checkFloats(r[2], {5});
}

TEST_CASE("softmax before opset 13 works on a matrix", "[frontend][ops]") {
  const ConstData x = floats({1, 2, 2}, {0, 0, 0, std::log(3.0f)});
  OneNode old("Softmax", {x}, 11);
  checkFloats(old.run()[0], {1. / 6, 1. / 6, 1. / 6, 0.5});
  OneNode recent("Softmax", {x}, 13);
  checkFloats(recent.run()[0], {0.5, 0.5, 0.25, 0.75});
  OneNode logs("LogSoftmax", {x}, 13);
  checkFloats(logs.run()[0],
              {std::log(0.5), std::log(0.5), std::log(0.25), std::log(0.75)});
}

TEST_CASE("pad: axes, a value, negative pads", "[frontend][ops]") {
  const ConstData x = floats({1, 3}, {1, 2, 3});
  OneNode n("Pad", {x, ints({1, -1}), floats({}, {9}), ints({1})}, 18);
  checkFloats(n.run()[0], {9, 1, 2});
  OneNode old("Pad", {x}, 7);
  attr(*old.node, "pads", Dims{0, 1, 1, 0});
  checkFloats(old.run()[0], {0, 1, 2, 3, 0, 0, 0, 0});
}

TEST_CASE("slice with negative steps and open ends", "[frontend][ops]") {
  const ConstData x = floats({5}, {0, 1, 2, 3, 4});
  OneNode back("Slice",
               {x, ints({-1}), ints({std::numeric_limits<int64_t>::min()}),
                ints({0}), ints({-2})},
               13);
  checkFloats(back.run()[0], {4, 2, 0});
  OneNode old("Slice", {x}, 9);
  attr(*old.node, "starts", Dims{1});
  attr(*old.node, "ends", Dims{std::numeric_limits<int64_t>::max()});
  checkFloats(old.run()[0], {1, 2, 3, 4});
  OneNode empty("Slice", {x, ints({5}), ints({9})}, 13);
  CHECK(empty.run()[0].shape == ir::Shape{0});
}

TEST_CASE("normalizations", "[frontend][ops]") {
  const ConstData x = floats({2, 2}, {1, 3, -2, 2});
  OneNode layer("LayerNormalization",
                {x, floats({2}, {1, 2}), floats({2}, {0, 1})}, 17);
  attr(*layer.node, "epsilon", 0.0);
  checkFloats(layer.run()[0], {-1, 3, -1, 3});
  OneNode rms("RMSNormalization", {x, floats({2}, {1, 2})}, 23);
  attr(*rms.node, "epsilon", 0.0);
  checkFloats(rms.run()[0], {1 / std::sqrt(5), 6 / std::sqrt(5), -1, 2});
}

TEST_CASE("a grouped convolution", "[frontend][ops]") {
  // Two channels, two groups: each is scaled by its own kernel of one tap.
  OneNode n("Conv",
            {floats({1, 2, 1, 2}, {1, 2, 3, 4}),
             floats({2, 1, 1, 1}, {10, 100}), floats({2}, {1, 2})},
            11);
  attr(*n.node, "group", 2);
  checkFloats(n.run()[0], {11, 21, 302, 402});
}

TEST_CASE("gathers by known indices are data movement", "[frontend][ops]") {
  const ConstData x = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  OneNode n("Gather", {x, ints({2}, {2, 0})}, 13);
  n.model.write();
  ImportOptions options;
  options.bound["x1"] = toNpy(n.in[1]);
  auto r = importOnnx(n.model.path(), options);
  REQUIRE(bool(r));
  for (ir::ValueId v : r->module.order())
    CHECK(r->module.op(v).opcode != ir::Opcode::Gather);
  checkFloats(n.run()[0], {5, 6, 1, 2});
  OneNode scatter("ScatterND",
                  {floats({3}, {1, 2, 3}), ints({1, 1}, {1}), floats({1}, {9})},
                  16);
  checkFloats(scatter.run()[0], {1, 9, 3});
}

TEST_CASE("cumulative sums of secret integers stay exact", "[frontend][ops]") {
  OneNode n("CumSum", {ints({1, 3}, {1, 0, 1}), ints({}, {1})}, 14);
  CHECK(n.run()[0].ints == std::vector<int64_t>{1, 1, 2});
}

TEST_CASE("einsum", "[frontend][ops]") {
  OneNode n("Einsum",
            {floats({1, 2, 2}, {1, 2, 3, 4}), floats({1, 2, 2}, {1, 0, 1, 1})},
            12);
  attr(*n.node, "equation", "bij, bkj -> bik");
  checkFloats(n.run()[0], {1, 3, 3, 7});
}

TEST_CASE("argmax takes the first or the last of equal values",
          "[frontend][ops]") {
  const ConstData x = ints({1, 4}, {3, 7, 7, 1});
  OneNode first("ArgMax", {x}, 13);
  attr(*first.node, "axis", 1);
  CHECK(first.run()[0].ints == std::vector<int64_t>{1});
  OneNode last("ArgMax", {x}, 13);
  attr(*last.node, "axis", 1);
  attr(*last.node, "select_last_index", 1);
  CHECK(last.run()[0].ints == std::vector<int64_t>{2});
}

TEST_CASE("known integers take the width they are cast to", "[frontend][ops]") {
  OneNode n("Cast", {ints({3}, {-1, 300, 5})}, 13);
  attr(*n.node, "to", 2); // uint8
  ImportOptions options;
  options.bound["x0"] = toNpy(n.in[0]);
  auto r = importOnnx(n.model.write(), options);
  REQUIRE(bool(r));
  CHECK(r->module.constantOf(r->module.outputs()[0].value)->ints ==
        std::vector<int64_t>{255, 44, 5});
}

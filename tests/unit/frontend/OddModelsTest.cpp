// Models nobody exports, found by tests/fuzz: each is an error, none a crash.
#include "TestModel.h"

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;
using Catch::Contains;

TEST_CASE("inputs of more elements than a tensor may have",
          "[frontend][errors]") {
  for (Dims shape : {Dims{1 << 20, 1 << 20}, {int64_t{1} << 40, 0}}) {
    TestModel t;
    t.input("x", Elem::F32, shape).output("y");
    t.node("Relu", {"x"}, {"y"});
    CHECK_THAT(errorOf(t.write()), Contains("input 'x' would have shape"));
  }
}

TEST_CASE("results of more elements than a tensor may have",
          "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1 << 16, 1}).output("y");
  t.input("z", Elem::F32, {1, 1 << 16});
  t.node("Add", {"x", "z"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("the result would have shape"));
}

TEST_CASE("a recurrence of more steps than are unrolled",
          "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1 << 20, 1, 1}).output("y");
  t.initializer("w", floats({1, 1, 1}, {1}));
  t.node("RNN", {"x", "w", "w"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("a sequence of 1048576 steps"));
}

TEST_CASE("lengths beyond the axis", "[frontend][errors]") {
  for (int64_t length : {int64_t{3}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    TestModel t;
    t.input("x", Elem::F32, {2, 1}).output("y");
    t.initializer("lengths", ints({length}));
    t.node("ReverseSequence", {"x", "lengths"}, {"y"});
    CHECK_THAT(errorOf(t.write()), Contains("on an axis of 2"));
  }
}

TEST_CASE("the least integer as padding", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {2}).output("y");
  t.initializer("pads", ints({INT64_MIN, 0}));
  t.node("Pad", {"x", "pads"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("are too large"));
}

TEST_CASE("transposed convolutions to impossible shapes",
          "[frontend][errors]") {
  for (Dims shape : {Dims{4}, {INT64_MAX, 4}, {0, 4}, {1 << 27, 1 << 27}}) {
    TestModel t;
    t.input("x", Elem::F32, {1, 1, 2, 2}).output("y");
    t.initializer("w", floats({1, 1, 2, 2}, {1, 2, 3, 4}));
    attr(t.node("ConvTranspose", {"x", "w"}, {"y"}), "output_shape", shape);
    CHECK(!errorOf(t.write()).empty());
  }
  TestModel t; // an attribute that is refused is not computed with
  t.input("x", Elem::F32, {1, 1, 3, 3}).output("y");
  t.initializer("w", floats({1, 1, 2, 2}, {1, 2, 3, 4}));
  attr(t.node("ConvTranspose", {"x", "w"}, {"y"}), "strides",
       Dims{INT64_MIN, 1});
  CHECK_THAT(errorOf(t.write()), Contains("attribute 'strides'"));
}

TEST_CASE("windows whose size an empty batch hides", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {0, 1, 1 << 20, 1 << 10}).output("y");
  attr(t.node("MaxPool", {"x"}, {"y"}), "kernel_shape", Dims{1, 1 << 9});
  CHECK_THAT(errorOf(t.write()), Contains("too many elements"));
}

TEST_CASE("a transform of no elements", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::F32, {1, 0, 1}).output("y");
  t.initializer("length", ints({}, {4}));
  t.node("DFT", {"x", "length"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("needs real or complex floats"));
}

TEST_CASE("zero points along an axis that is not there", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::I64, {}).input("w", Elem::I64, {1, 1, 1}).output("y");
  t.initializer("zero", ints({1, 2}));
  t.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->set_elem_type(2);
  t.graph()
      .mutable_input(1)
      ->mutable_type()
      ->mutable_tensor_type()
      ->set_elem_type(2);
  t.initializer("one", ints({}, {1}));
  t.node("ConvInteger", {"w", "x", "one", "zero"}, {"y"});
  CHECK_THAT(errorOf(t.write()), Contains("along axis 0 of scalar"));
}

TEST_CASE("normalizing what cannot be computed", "[frontend][errors]") {
  TestModel t;
  t.input("x", Elem::I64, {2}).output("y");
  t.initializer("scale", floats({2}, {1, 1}));
  t.node("LayerNormalization", {"x", "scale"}, {"y"});
  CHECK(!errorOf(t.write()).empty());
}

TEST_CASE("ranges beyond int64 wrap", "[frontend]") {
  TestModel t;
  t.input("x", Elem::I64, {4}).output("y");
  t.initializer("start", ints({}, {INT64_MIN}));
  t.initializer("limit", ints({}, {INT64_MAX}));
  t.initializer("delta", ints({}, {int64_t{1} << 62}));
  t.node("Range", {"start", "limit", "delta"}, {"r"});
  t.node("Add", {"x", "r"}, {"y"});
  CHECK(errorOf(t.write()).empty());
}

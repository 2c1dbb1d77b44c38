// Tensors in their several encodings, and weights outside of the model file.
#include "TestModel.h"

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;
using Catch::Contains;

namespace {

/// y = x + w with w of two elements, w to be described by the test.
struct AddModel : TestModel {
  AddModel() {
    input("x", Elem::F32, {2}).output("y");
    node("Add", {"x", "w"}, {"y"});
    w = graph().add_initializer();
    w->set_name("w");
    w->set_data_type(mpcc_onnx::TensorProto::FLOAT);
    w->add_dims(2);
  }
  void external(const std::string &key, const std::string &value) {
    w->set_data_location(mpcc_onnx::TensorProto::EXTERNAL);
    auto *e = w->add_external_data();
    e->set_key(key);
    e->set_value(value);
  }
  std::vector<float> weights() {
    return run(write(), {}, {{"x", floats({2}, {0, 0})}})[0].floats;
  }
  mpcc_onnx::TensorProto *w;
};

std::string raw(std::initializer_list<uint16_t> v) {
  std::string s;
  for (uint16_t x : v)
    s += std::string{static_cast<char>(x), static_cast<char>(x >> 8)};
  return s;
}

} // namespace

TEST_CASE("floats of other widths become float32", "[frontend]") {
  AddModel t;
  t.w->set_data_type(mpcc_onnx::TensorProto::FLOAT16);
  t.w->set_raw_data(raw({0x3c00, 0xc200}));
  CHECK(t.weights() == std::vector<float>{1, -3});
  t.w->clear_raw_data();
  t.w->add_int32_data(0x3800);
  t.w->add_int32_data(0x4000);
  CHECK(t.weights() == std::vector<float>{0.5, 2});
  t.w->clear_int32_data();
  t.w->set_data_type(mpcc_onnx::TensorProto::BFLOAT16);
  t.w->set_raw_data(raw({0x3f80, 0xc040}));
  CHECK(t.weights() == std::vector<float>{1, -3});
  t.w->clear_raw_data();
  t.w->set_data_type(mpcc_onnx::TensorProto::DOUBLE);
  t.w->add_double_data(0.25);
  t.w->add_double_data(-8);
  CHECK(t.weights() == std::vector<float>{0.25, -8});
}

TEST_CASE("external data", "[frontend]") {
  AddModel t;
  const float values[] = {9, 1.5, -2};
  std::ofstream(t.dir() / "w.bin", std::ios::binary)
      .write(reinterpret_cast<const char *>(values), sizeof(values));
  t.external("location", "w.bin");
  t.external("offset", "4");
  t.external("length", "8");
  CHECK(t.weights() == std::vector<float>{1.5, -2});
  t.w->mutable_external_data()->RemoveLast(); // the length is optional
  CHECK(t.weights() == std::vector<float>{1.5, -2});
}

TEST_CASE("external data that is refused", "[frontend][errors]") {
  const float values[] = {9, 1.5, -2};
  auto error = [&](const std::string &location, const std::string &offset,
                   const std::string &length) {
    AddModel t;
    std::ofstream(t.dir() / "w.bin", std::ios::binary)
        .write(reinterpret_cast<const char *>(values), sizeof(values));
    t.external("location", location);
    t.external("offset", offset);
    t.external("length", length);
    return errorOf(t.write());
  };
  CHECK(error("w.bin", "0", "8").empty());
  CHECK(error("./w.bin", "0", "8").empty());
  CHECK_THAT(error("../w.bin", "0", "8"), Contains("leaves the model's"));
  CHECK_THAT(error("a/../../w.bin", "0", "8"), Contains("leaves the model's"));
  CHECK_THAT(error("/etc/passwd", "0", "8"), Contains("is absolute"));
  CHECK_THAT(error("", "0", "8"), Contains("without a location"));
  CHECK_THAT(error("absent.bin", "0", "8"), Contains("absent.bin"));
  CHECK_THAT(error("w.bin", "8", "8"), Contains("which has 12"));
  CHECK_THAT(error("w.bin", "18446744073709551615", "8"),
             Contains("which has 12"));
  CHECK_THAT(error("w.bin", "-4", "8"), Contains("bad offset"));
  CHECK_THAT(error("w.bin", "0", "12"), Contains("takes 8 bytes, got 12"));
  CHECK_THAT(error("w.bin", "0", "4"), Contains("takes 8 bytes, got 4"));
}

TEST_CASE("check does not read weights", "[frontend]") {
  AddModel t;
  t.external("location", "absent.bin");
  auto report = checkOnnx(t.write(), {});
  REQUIRE(bool(report));
  CHECK(report->problems.empty());
}

TEST_CASE("tensors whose data does not fit their shape", "[frontend][errors]") {
  AddModel t;
  t.w->set_raw_data("1234567");
  CHECK_THAT(errorOf(t.write()), Contains("takes 8 bytes, got 7"));
  t.w->clear_raw_data();
  t.w->add_float_data(1);
  CHECK_THAT(errorOf(t.write()), Contains("another number of them"));
  t.w->set_data_type(mpcc_onnx::TensorProto::STRING);
  CHECK_THAT(errorOf(t.write()), Contains("string is not supported"));
  t.w->set_data_type(mpcc_onnx::TensorProto::FLOAT);
  t.w->set_dims(0, -1);
  CHECK_THAT(errorOf(t.write()), Contains("impossible shape"));
}

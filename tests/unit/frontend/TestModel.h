//===- tests/unit/frontend/TestModel.h - small ONNX models in code
//---------===//
#pragma once

#include "frontend/Import.h"
#include "frontend/onnx.pb.h"
#include "ir/Eval.h"
#include "ir/Verifier.h"
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <unistd.h>

namespace mpc::frontend::test {

using ir::ConstData;
using ir::Elem;
using Dims = std::vector<int64_t>;

inline ConstData floats(Dims shape, std::vector<float> v) {
  ConstData d;
  d.shape.assign(shape.begin(), shape.end());
  d.floats = std::move(v);
  return d;
}
inline ConstData ints(Dims shape, std::vector<int64_t> v) {
  ConstData d;
  d.elem = Elem::I64;
  d.shape.assign(shape.begin(), shape.end());
  d.ints = std::move(v);
  return d;
}
inline ConstData ints(std::vector<int64_t> v) {
  return ints({static_cast<int64_t>(v.size())}, v);
}
inline ConstData bools(Dims shape, std::vector<int64_t> v) {
  ConstData d = ints(std::move(shape), std::move(v));
  d.elem = Elem::Bool;
  return d;
}

inline core::NpyArray toNpy(const ConstData &d) {
  core::NpyArray a;
  a.shape.assign(d.shape.begin(), d.shape.end());
  if (d.elem == Elem::F32)
    return core::NpyArray::of<float>(a.shape, d.floats);
  if (d.elem == Elem::I64)
    return core::NpyArray::of<int64_t>(a.shape, d.ints);
  a.dtype = core::DType::Bool;
  a.bytes.assign(d.ints.begin(), d.ints.end());
  return a;
}

inline int32_t onnxType(Elem e) {
  return e == Elem::F32 ? 1 : e == Elem::I64 ? 7 : 9;
}

/// A model under construction; write() puts it into a directory of its own.
class TestModel {
public:
  explicit TestModel(int64_t opset = 17) {
    auto pattern =
        (std::filesystem::temp_directory_path() / "mpcc-frontend-XXXXXX")
            .string();
    dir_ = mkdtemp(pattern.data());
    proto.set_ir_version(8);
    auto *id = proto.add_opset_import();
    id->set_domain("");
    id->set_version(opset);
    proto.mutable_graph()->set_name("test");
  }
  ~TestModel() { std::filesystem::remove_all(dir_); }
  TestModel(const TestModel &) = delete;

  mpcc_onnx::GraphProto &graph() { return *proto.mutable_graph(); }

  /// A dimension below 0 is symbolic: -1 is "d1", -2 is "d2", ...
  TestModel &input(const std::string &name, Elem e, const Dims &shape) {
    describe(*graph().add_input(), name, e, shape);
    return *this;
  }
  TestModel &output(const std::string &name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  mpcc_onnx::NodeProto &node(const std::string &type,
                             std::vector<std::string> in,
                             std::vector<std::string> out,
                             const std::string &name = "") {
    return fill(*graph().add_node(), type, in, out, name);
  }
  static mpcc_onnx::NodeProto &fill(mpcc_onnx::NodeProto &n,
                                    const std::string &type,
                                    const std::vector<std::string> &in,
                                    const std::vector<std::string> &out,
                                    const std::string &name = "") {
    n.set_op_type(type);
    n.set_name(name);
    for (const auto &i : in)
      n.add_input(i);
    for (const auto &o : out)
      n.add_output(o);
    return n;
  }
  static void fill(mpcc_onnx::TensorProto &t, const std::string &name,
                   const ConstData &d) {
    t.set_name(name);
    t.set_data_type(onnxType(d.elem));
    for (int64_t s : d.shape)
      t.add_dims(s);
    for (float f : d.floats)
      t.add_float_data(f);
    for (int64_t i : d.ints)
      d.elem == Elem::Bool ? t.add_int32_data(static_cast<int32_t>(i))
                           : t.add_int64_data(i);
  }
  TestModel &initializer(const std::string &name, const ConstData &d) {
    fill(*graph().add_initializer(), name, d);
    return *this;
  }

  std::filesystem::path dir() const { return dir_; }
  std::string path() const { return (dir_ / "m.onnx").string(); }
  std::string write() const {
    std::ofstream(path(), std::ios::binary) << proto.SerializeAsString();
    return path();
  }

  mpcc_onnx::ModelProto proto;

private:
  static void describe(mpcc_onnx::ValueInfoProto &v, const std::string &name,
                       Elem e, const Dims &shape) {
    v.set_name(name);
    auto *t = v.mutable_type()->mutable_tensor_type();
    t->set_elem_type(onnxType(e));
    t->mutable_shape();
    for (int64_t d : shape) {
      auto *dim = t->mutable_shape()->add_dim();
      if (d < 0)
        dim->set_dim_param("d" + std::to_string(-d));
      else
        dim->set_dim_value(d);
    }
  }
  std::filesystem::path dir_;
};

inline void attr(mpcc_onnx::NodeProto &n, const std::string &name, int64_t v) {
  auto *a = n.add_attribute();
  a->set_name(name);
  a->set_type(mpcc_onnx::AttributeProto::INT);
  a->set_i(v);
}
inline void attr(mpcc_onnx::NodeProto &n, const std::string &name, int v) {
  attr(n, name, int64_t{v});
}
inline void attr(mpcc_onnx::NodeProto &n, const std::string &name, double v) {
  auto *a = n.add_attribute();
  a->set_name(name);
  a->set_type(mpcc_onnx::AttributeProto::FLOAT);
  a->set_f(static_cast<float>(v));
}
inline void attr(mpcc_onnx::NodeProto &n, const std::string &name,
                 const char *v) {
  auto *a = n.add_attribute();
  a->set_name(name);
  a->set_type(mpcc_onnx::AttributeProto::STRING);
  a->set_s(v);
}
inline void attr(mpcc_onnx::NodeProto &n, const std::string &name,
                 const Dims &v) {
  auto *a = n.add_attribute();
  a->set_name(name);
  a->set_type(mpcc_onnx::AttributeProto::INTS);
  for (int64_t i : v)
    a->add_ints(i);
}

inline std::string errorOf(const std::string &path,
                           const ImportOptions &options = {}) {
  auto r = importOnnx(path, options);
  if (r)
    return "";
  return llvm::toString(r.takeError());
}

/// Imports, verifies and evaluates; `inputs` that are not bound are secret.
inline std::vector<ConstData> run(const std::string &path,
                                  const ImportOptions &options,
                                  const std::map<std::string, ConstData> &in) {
  auto r = importOnnx(path, options);
  if (!r)
    FAIL(llvm::toString(r.takeError()));
  if (auto e = ir::verify(r->module))
    FAIL(llvm::toString(std::move(e)));
  ir::InputMap map;
  for (const auto &i : r->inputs)
    if (!i.bound)
      map[i.name] = in.at(i.name);
  auto out = ir::evaluate(r->module, map);
  if (!out)
    FAIL(llvm::toString(out.takeError()));
  return std::move(*out);
}

} // namespace mpc::frontend::test

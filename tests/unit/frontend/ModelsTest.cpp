// Imports real exports and compares the evaluator with the golden outputs.
#include "frontend/Import.h"
#include "ir/Eval.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

using namespace mpc;
namespace fs = std::filesystem;

namespace {

const fs::path kModels = MPCC_MODELS_DIR;

frontend::NamedArrays readArrays(const fs::path &dir) {
  frontend::NamedArrays out;
  if (fs::is_directory(dir))
    for (const auto &f : fs::directory_iterator(dir))
      if (f.path().extension() == ".npy") {
        auto a = core::readNpy(f.path());
        REQUIRE(a);
        out[f.path().stem()] = std::move(*a);
      }
  return out;
}

ir::ConstData toData(const core::NpyArray &a, ir::Elem elem) {
  ir::ConstData d;
  d.elem = elem;
  d.shape.assign(a.shape.begin(), a.shape.end());
  if (elem == ir::Elem::F32)
    d.floats = *core::toFloat32(a);
  else
    d.ints = *core::toInt64(a);
  return d;
}

/// Masks and positions are usually known when a model is compiled.
bool isBound(const std::string &name) {
  return name.find("mask") != std::string::npos || name == "position_ids";
}

/// The largest absolute difference from the golden outputs of one sample.
double compare(const fs::path &model, const fs::path &sample) {
  auto arrays = readArrays(sample / "inputs");
  auto golden = readArrays(sample / "outputs");
  frontend::ImportOptions options;
  options.samples = {arrays};
  for (const auto &[name, array] : arrays)
    if (isBound(name))
      options.bound[name] = array;
  auto r = frontend::importOnnx((model / "model.onnx").string(), options);
  if (!r)
    FAIL(llvm::toString(r.takeError()));
  ir::InputMap inputs;
  for (const auto &i : r->inputs)
    if (!i.bound) {
      // Token ids index an embedding: their range is known.
      if (i.name == "input_ids")
        CHECK(i.range);
      inputs[i.name] = toData(arrays.at(i.name), i.elem);
    }
  // Nothing that needs no inputs is left to compute.
  for (ir::ValueId v : r->module.order()) {
    const ir::Op &op = r->module.op(v);
    if (op.opcode != ir::Opcode::Constant)
      CHECK(op.type.vis != ir::Vis::Public);
  }
  auto out = ir::evaluate(r->module, inputs);
  if (!out)
    FAIL(llvm::toString(out.takeError()));
  double worst = 0;
  size_t compared = 0;
  for (size_t i = 0; i < out->size(); ++i) {
    const auto &name = r->module.outputs()[i].name;
    auto it = golden.find(name);
    if (it == golden.end())
      continue;
    ++compared;
    auto want = toData(it->second, (*out)[i].elem);
    REQUIRE(want.shape == (*out)[i].shape);
    for (int64_t j = 0; j < want.numel(); ++j) {
      double e = std::fabs(want.at(j) - (*out)[i].at(j));
      worst = std::isnan(e) ? INFINITY : std::max(worst, e);
    }
  }
  CHECK(compared == golden.size());
  return worst;
}

std::vector<fs::path> modelsIn(const char *folder) {
  std::vector<fs::path> out;
  if (fs::is_directory(kModels / folder))
    for (const auto &d : fs::directory_iterator(kModels / folder))
      out.push_back(d.path());
  std::sort(out.begin(), out.end());
  return out;
}

bool skipped() {
  if (fs::is_directory(kModels))
    return false;
  WARN("skipped: no model collection beside the repository");
  return true;
}

} // namespace

TEST_CASE("real exports match their golden outputs", "[models]") {
  if (skipped())
    return;
  for (const char *folder : {"zoo", "trained"})
    for (const fs::path &model : modelsIn(folder))
      for (const char *sample : {".", "case1", "case2"}) {
        if (!fs::is_directory(model / sample / "inputs"))
          continue;
        DYNAMIC_SECTION(folder << "/" << model.filename().string() << " "
                               << sample) {
          double e = compare(model, model / sample);
          std::cout << folder << "/" << model.filename().string() << " "
                    << sample << ": " << e << "\n";
          CHECK(e <= 1e-4);
        }
      }
}

TEST_CASE("real exports check without any binding", "[models]") {
  if (skipped())
    return;
  for (const char *folder : {"zoo", "trained"})
    for (const fs::path &model : modelsIn(folder))
      DYNAMIC_SECTION(model.filename().string()) {
        auto r = frontend::checkOnnx((model / "model.onnx").string(), {});
        if (!r)
          FAIL(llvm::toString(r.takeError()));
        for (const auto &p : r->problems)
          FAIL_CHECK(p.str());
      }
}

TEST_CASE("stripped exports of full size check", "[models]") {
  if (skipped())
    return;
  for (const fs::path &model : modelsIn("skeletons")) {
    if (!fs::is_directory(model))
      continue;
    DYNAMIC_SECTION(model.filename().string()) {
      auto r = frontend::checkOnnx((model / "model.onnx").string(), {});
      if (!r)
        FAIL(llvm::toString(r.takeError()));
      for (const auto &p : r->problems)
        FAIL_CHECK(p.str());
      CHECK(r->nodes > 0);
    }
  }
}

// ONNX's own node tests as an oracle: every case that imports must agree with
// its expected outputs, with inputs secret, bound, or mixed. Skipped where the
// data (package libonnx-testdata) is not installed.
#include "TestModel.h"
#include "frontend/ModelFile.h"
#include <cmath>
#include <iostream>

using namespace mpc;
using namespace mpc::frontend;
using namespace mpc::frontend::test;
namespace fs = std::filesystem;

static std::optional<ConstData> readPb(ModelFile &reader, const fs::path &p) {
  std::ifstream in(p, std::ios::binary);
  mpcc_onnx::TensorProto t;
  if (!t.ParsePartialFromIstream(&in) || !t.has_data_type())
    return std::nullopt;
  auto d = reader.read(t, false);
  if (!d) {
    llvm::consumeError(d.takeError());
    return std::nullopt;
  }
  return std::move(*d);
}

static bool close(const ConstData &got, const ConstData &want) {
  if (got.shape != want.shape || got.elem != want.elem)
    return false;
  for (int64_t i = 0; i < got.numel(); ++i) {
    double a = got.at(i), b = want.at(i);
    if (std::isnan(a) && std::isnan(b))
      continue;
    if (a != b && !(std::fabs(a - b) <= 1e-3 * std::fabs(b) + 1e-5))
      return false;
  }
  return true;
}

enum class Outcome { Unsupported, Agrees, Differs };

/// `secret` chooses the inputs that stay inputs.
template <class F>
static Outcome tryCase(ModelFile &file, const fs::path &dir, F secret) {
  const auto &g = file.proto().graph();
  ImportOptions options;
  ir::InputMap inputs;
  for (int i = 0; i < g.input_size(); ++i) {
    auto d = readPb(file, dir / "test_data_set_0" /
                              ("input_" + std::to_string(i) + ".pb"));
    if (!d)
      return Outcome::Unsupported;
    if (secret(*d))
      inputs[g.input(i).name()] = std::move(*d);
    else
      options.bound[g.input(i).name()] = toNpy(*d);
  }
  auto r = importOnnx(file.path(), options);
  if (!r) {
    llvm::consumeError(r.takeError());
    return Outcome::Unsupported;
  }
  if (auto e = ir::verify(r->module)) {
    UNSCOPED_INFO(llvm::toString(std::move(e)));
    return Outcome::Differs;
  }
  auto out = ir::evaluate(r->module, inputs);
  if (!out) {
    UNSCOPED_INFO(llvm::toString(out.takeError()));
    return Outcome::Differs;
  }
  for (size_t i = 0; i < out->size(); ++i) {
    auto want = readPb(file, dir / "test_data_set_0" /
                                 ("output_" + std::to_string(i) + ".pb"));
    if (!want || !close((*out)[i], *want))
      return Outcome::Differs;
  }
  return Outcome::Agrees;
}

TEST_CASE("ONNX's node tests agree", "[suite]") {
  const fs::path root = MPCC_ONNX_NODE_TESTS;
  if (!fs::is_directory(root)) {
    WARN("skipped: ONNX's node tests are not installed");
    return;
  }
  size_t agree = 0, total = 0;
  for (const auto &entry : fs::directory_iterator(root)) {
    const fs::path &dir = entry.path();
    auto file = ModelFile::open((dir / "model.onnx").string());
    if (!file) {
      llvm::consumeError(file.takeError());
      continue;
    }
    ++total;
    const std::string name = dir.filename();
    // These data files carry another type than their model declares.
    if (name.find("BFLOAT16") != std::string::npos)
      continue;
    // Fixed-point values are never NaN or infinite: only known ones are tested.
    const bool classifies =
        name.rfind("test_isnan", 0) == 0 || name.rfind("test_isinf", 0) == 0;
    bool any = false;
    const std::pair<const char *, std::function<bool(const ConstData &)>>
        kModes[] = {{"all secret", [](const ConstData &) { return true; }},
                    {"floats secret",
                     [](const ConstData &d) { return d.elem == Elem::F32; }},
                    {"all bound", [](const ConstData &) { return false; }}};
    for (const auto &[how, secret] : kModes) {
      if (classifies && how != std::string("all bound"))
        continue;
      Outcome o = tryCase(*file, dir, secret);
      INFO(name << ", " << how);
      CHECK(o != Outcome::Differs);
      any |= o == Outcome::Agrees;
    }
    agree += any;
    if (!any && std::getenv("MPCC_LIST_UNSUPPORTED"))
      std::cout << "unsupported: " << name << "\n";
  }
  std::cout << agree << " of " << total << " node tests agree\n";
  // All of them are 932; the others use operators that are not supported.
  CHECK(agree >= total * 8 / 10);
}

#include "NodeCase.h"
#include "backend/Emit.h"
#include "frontend/Import.h"
#include "frontend/ModelFile.h"
#include "passes/Pass.h"
#include "runtime/core/Hash.h"
#include "runtime/emu/Coins.h"
#include "runtime/emu/Emulator.h"
#include "runtime/plan/Encode.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/vm/InProcessRun.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <unistd.h>

namespace fs = std::filesystem;

namespace mpc::e2e {
namespace {

using frontend::ModelFile;
using ir::ConstData;
using ir::Elem;

llvm::Error error(const std::string &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                 message.c_str());
}

core::NpyArray toNpy(const ConstData &d) {
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

std::optional<ConstData> readPb(ModelFile &reader, const fs::path &path) {
  std::ifstream in(path, std::ios::binary);
  mpcc_onnx::TensorProto t;
  if (!t.ParsePartialFromIstream(&in) || !t.has_data_type())
    return std::nullopt;
  auto d = reader.read(t, false);
  if (d)
    return std::move(*d);
  llvm::consumeError(d.takeError());
  return std::nullopt;
}

bool finite(const ConstData &d) {
  return std::all_of(d.floats.begin(), d.floats.end(),
                     [](float x) { return std::isfinite(x); });
}

/// The same values in another order; real ones a little smaller or larger.
ConstData resample(const ConstData &d, double scale, std::mt19937_64 &rng) {
  ConstData s = d;
  std::shuffle(s.floats.begin(), s.floats.end(), rng);
  std::shuffle(s.ints.begin(), s.ints.end(), rng);
  for (float &x : s.floats)
    x = static_cast<float>(x * scale);
  return s;
}

struct Input {
  std::string name;
  ConstData data;
};

class Case {
public:
  Case(ModelFile file, const fs::path &dir, const CaseOptions &o)
      : file_(std::move(file)), data_(dir / "test_data_set_0"), options_(o) {
    result_.name = dir.filename();
  }

  CaseResult run() {
    describe();
    if (!readData()) {
      result_.outcome = Outcome::NotTensors;
      result_.why = "inputs or outputs are no tensors of numbers";
      return result_;
    }
    if (options_.weights && !makeWeights()) {
      result_.outcome = Outcome::Rejected;
      result_.why = "has one float input only";
      return result_;
    }
    std::vector<size_t> ints, all;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      all.push_back(i);
      if (inputs_[i].data.elem != Elem::F32)
        ints.push_back(i);
    }
    if (!trySubsets(ints, {}) && trySubsets(all, result_.why))
      if (result_.outcome == Outcome::Pass) {
        result_.outcome = Outcome::FloatNeeded;
      }
    if (!finiteData_ && result_.outcome != Outcome::Folded &&
        result_.outcome != Outcome::Pass) {
      result_.outcome = Outcome::NonFinite;
    }
    if (!modelPath_.empty())
      fs::remove(modelPath_);
    return result_;
  }

private:
  void describe() {
    const auto &nodes = file_.proto().graph().node();
    if (!nodes.empty()) {
      result_.op = nodes[0].op_type();
      result_.domain = nodes[0].domain();
    }
    for (const auto &id : file_.proto().opset_import())
      if (id.domain().empty())
        result_.opset = id.version();
  }

  bool readData() {
    const auto &g = file_.proto().graph();
    for (int i = 0; i < g.input_size(); ++i) {
      auto d = readPb(file_, data_ / ("input_" + std::to_string(i) + ".pb"));
      if (!d)
        return false;
      finiteData_ &= finite(*d);
      inputs_.push_back({g.input(i).name(), std::move(*d)});
    }
    for (int i = 0; i < g.output_size(); ++i) {
      auto d = readPb(file_, data_ / ("output_" + std::to_string(i) + ".pb"));
      if (!d)
        return false;
      finiteData_ &= finite(*d);
      wanted_.push_back(std::move(*d));
    }
    return true;
  }

  /// Float inputs after the first become initializers of a model of our own.
  bool makeWeights() {
    auto &g = *file_.proto().mutable_graph();
    std::vector<Input> left;
    google::protobuf::RepeatedPtrField<mpcc_onnx::ValueInfoProto> kept;
    bool first = true;
    for (int i = 0; i < g.input_size(); ++i) {
      const ConstData &d = inputs_[i].data;
      if (d.elem != Elem::F32 || std::exchange(first, false)) {
        *kept.Add() = g.input(i);
        left.push_back(std::move(inputs_[i]));
        continue;
      }
      auto &t = *g.add_initializer();
      t.set_name(g.input(i).name());
      t.set_data_type(1);
      for (int64_t s : d.shape)
        t.add_dims(s);
      for (float x : d.floats)
        t.add_float_data(x);
      result_.weight.push_back(g.input(i).name());
    }
    if (result_.weight.empty())
      return false;
    g.mutable_input()->Swap(&kept);
    inputs_ = std::move(left);
    modelPath_ = fs::temp_directory_path() /
                 (result_.name + "-" + std::to_string(getpid()) + ".onnx");
    std::ofstream(modelPath_, std::ios::binary)
        << file_.proto().SerializeAsString();
    return true;
  }

  /// Binds ever more of `candidates` until the case compiles.
  bool trySubsets(const std::vector<size_t> &candidates, std::string firstWhy) {
    std::vector<uint32_t> subsets(size_t{1} << candidates.size());
    for (uint32_t i = 0; i < subsets.size(); ++i)
      subsets[i] = i;
    std::stable_sort(subsets.begin(), subsets.end(),
                     [](uint32_t a, uint32_t b) {
                       return llvm::popcount(a) < llvm::popcount(b);
                     });
    for (uint32_t s : subsets) {
      std::vector<bool> bound(inputs_.size(), false);
      for (size_t i = 0; i < candidates.size(); ++i)
        bound[candidates[i]] = s >> i & 1;
      // With everything bound nothing is secret.
      if (std::find(bound.begin(), bound.end(), false) == bound.end() &&
          !inputs_.empty())
        break;
      if (llvm::Error e = attempt(bound)) {
        const std::string why = llvm::toString(std::move(e));
        // What stands in the way once everything needed is bound.
        if (firstWhy.empty() ||
            firstWhy.find("--bind fixes it") != std::string::npos)
          firstWhy = why;
        continue;
      }
      for (size_t i = 0; i < inputs_.size(); ++i)
        (bound[i] ? result_.bound : result_.secret).push_back(inputs_[i].name);
      return true;
    }
    result_.outcome = Outcome::Rejected;
    result_.why = firstWhy;
    return false;
  }

  /// With the default tolerance of approximations, else with a coarser one (as
  /// --approx-tolerance gives) that still meets the tests' own.
  llvm::Error attempt(const std::vector<bool> &bound) {
    std::string why;
    for (double tolerance :
         {passes::Options().tolerance, 1.0 / 400, 1.0 / 130}) {
      llvm::Error e = attempt(bound, tolerance);
      if (!e)
        return e;
      why = llvm::toString(std::move(e));
      if (why.find("tolerance") == std::string::npos)
        break;
    }
    return error(why);
  }

  llvm::Error attempt(const std::vector<bool> &bound, double tolerance) {
    frontend::ImportOptions options;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const ConstData &d = inputs_[i].data;
      options.shapes.push_back({inputs_[i].name, d.shape});
      if (bound[i])
        options.bound[inputs_[i].name] = toNpy(d);
    }
    for (const ir::InputMap &sample : samples(bound)) {
      frontend::NamedArrays arrays;
      for (const auto &entry : sample)
        arrays[entry.getKey().str()] = toNpy(entry.getValue());
      options.samples.push_back(std::move(arrays));
    }
    auto model = frontend::importOnnx(
        modelPath_.empty() ? file_.path() : modelPath_.string(), options);
    if (!model)
      return model.takeError();
    if (dependsOnNothing(model->module)) {
      result_.outcome = Outcome::Folded;
      return llvm::Error::success();
    }
    if (!finiteData_)
      return error("NaN or infinities in the data");

    passes::Context ctx;
    ctx.options.threads = 1;
    // The tests' own tolerances are finer than what outputs need.
    ctx.options.uniform = true;
    ctx.options.tolerance = tolerance;
    result_.tolerance = tolerance;
    ctx.options.samples = samples(bound);
    std::vector<const passes::PassInfo *> all;
    for (const passes::PassInfo &p : passes::allPasses())
      all.push_back(&p);
    if (llvm::Error e = passes::runPasses(model->module, all, ctx))
      return e;
    backend::Interface iface;
    for (const frontend::InputInfo &i : model->inputs)
      iface.inputTypes[i.name] = i.elem == Elem::F32   ? core::DType::F32
                                 : i.elem == Elem::I64 ? core::DType::I64
                                                       : core::DType::Bool;
    auto emitted = backend::emitPlan(model->module, iface);
    if (!emitted)
      return emitted.takeError();
    if (emitted->plan.inputs.empty()) {
      result_.outcome = Outcome::Folded;
      return llvm::Error::success();
    }
    result_.rounds = plan::totalCost(emitted->plan).rounds;
    execute(*emitted);
    return llvm::Error::success();
  }

  static bool dependsOnNothing(const ir::Module &m) {
    return std::all_of(m.outputs().begin(), m.outputs().end(),
                       [&](const ir::Output &o) {
                         return m.type(o.value).vis != ir::Vis::Secret;
                       });
  }

  std::vector<ir::InputMap> samples(const std::vector<bool> &bound) const {
    std::mt19937_64 rng(7);
    std::vector<ir::InputMap> result;
    for (double scale : {0.9, 1.0, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0}) {
      ir::InputMap sample;
      for (size_t i = 0; i < inputs_.size(); ++i)
        if (!bound[i])
          sample[inputs_[i].name] = resample(inputs_[i].data, scale, rng);
      result.push_back(std::move(sample));
    }
    return result;
  }

  void execute(const backend::Emitted &e) {
    std::vector<core::NpyArray> in;
    for (const plan::InputInfo &info : e.plan.inputs)
      for (const Input &i : inputs_)
        if (i.name == info.name)
          in.push_back(toNpy(i.data));
    std::vector<core::NpyArray> out;
    if (options_.mode == Mode::Emulate) {
      emu::SeededCoins coins(1);
      emu::EmulateOptions o;
      o.threads = 1;
      o.checkRanges = true;
      emu::RangeReport ranges;
      auto r = emu::emulate(e.plan, e.weights, in, coins, o, &ranges);
      if (!r)
        return wrong(r.error().message);
      if (ranges.first && matters(*ranges.first))
        return wrong(ranges.first->message()); // whatever the outputs
      out = std::move(*r);
    } else {
      auto r = vm::runInProcess(e.plan, e.weights, in);
      if (!r)
        return wrong(r.error().message);
      out = std::move(r->outputs);
    }
    for (size_t i = 0; i < wanted_.size(); ++i)
      if (!compare(out[i], wanted_[i], "output " + std::to_string(i)))
        return;
    result_.outcome = Outcome::Pass;
  }

  /// Right or not, other coins may make the outputs wrong. Sums may wrap where
  /// a later step takes the excess away again; a rounding may reach the bound.
  static bool matters(const emu::RangeReport::Violation &v) {
    return v.mnemonic.rfind("add", 0) != 0 && v.mnemonic.rfind("sub", 0) != 0 &&
           v.excess() > 1e-3 * (v.hi - v.lo);
  }

  void wrong(std::string why) {
    result_.outcome = Outcome::Wrong;
    result_.why = std::move(why);
  }

  bool compare(const core::NpyArray &array, const ConstData &want,
               const std::string &where) {
    auto got = frontend::fromNpy(array, want.elem);
    if (!got) {
      wrong(where + ": " + llvm::toString(got.takeError()));
      return false;
    }
    if (got->shape != want.shape) {
      wrong(where + " has another shape");
      return false;
    }
    for (int64_t i = 0; i < want.numel(); ++i) {
      const double g = got->at(i), w = want.at(i), d = std::fabs(g - w);
      const double allowed =
          want.elem == Elem::F32 ? 1e-2 + 1e-2 * std::fabs(w) : 0;
      result_.error = std::max(result_.error, d);
      if (!(d <= allowed)) {
        wrong(where + "[" + std::to_string(i) + "] is " + std::to_string(g) +
              ", expected " + std::to_string(w));
        return false;
      }
    }
    return true;
  }

  ModelFile file_;
  fs::path data_, modelPath_;
  CaseOptions options_;
  CaseResult result_;
  std::vector<Input> inputs_;
  std::vector<ConstData> wanted_;
  bool finiteData_ = true;
};

} // namespace

const char *name(Outcome o) {
  switch (o) {
  case Outcome::Pass:
    return "pass";
  case Outcome::Wrong:
    return "wrong";
  case Outcome::Rejected:
    return "rejected";
  case Outcome::Folded:
    return "folded";
  case Outcome::NonFinite:
    return "non-finite";
  case Outcome::FloatNeeded:
    return "float-needed";
  case Outcome::NotTensors:
    return "not-tensors";
  }
  return "";
}

CaseResult runCase(const fs::path &dir, const CaseOptions &options) {
  auto file = ModelFile::open((dir / "model.onnx").string());
  if (!file) {
    CaseResult r;
    r.name = dir.filename();
    r.why = llvm::toString(file.takeError());
    return r;
  }
  return Case(std::move(*file), dir, options).run();
}

} // namespace mpc::e2e

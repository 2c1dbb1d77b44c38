//===- tools/MpccCompile.cpp - mpcc compile -------------------------------===//
#include "Main.h"
#include "MpccCommon.h"
#include "ProfileFile.h"
#include "backend/Emit.h"
#include "ir/Text.h"
#include "mpcc.h"
#include "passes/Pass.h"
#include "runtime/core/File.h"
#include "runtime/plan/Encode.h"
#include "runtime/plan/Files.h"
#include "runtime/plan/PlanCost.h"
#include "llvm/Support/raw_ostream.h"
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

namespace mpc::tools {
namespace {

struct CompileOptions {
  InputOptions inputs;
  std::string output, weightsOut, compileTo, report, network = "loopback";
  passes::Options passes;
  bool printAfterAll = false, completeConstants = false;
};

core::DType dtypeOfOnnx(int32_t type) {
  switch (type) { // TensorProto.DataType
  case 2:
    return core::DType::U8;
  case 3:
    return core::DType::I8;
  case 4:
    return core::DType::U16;
  case 5:
    return core::DType::I16;
  case 6:
    return core::DType::I32;
  case 7:
    return core::DType::I64;
  case 9:
    return core::DType::Bool;
  case 10:
    return core::DType::F16;
  case 11:
    return core::DType::F64;
  case 12:
    return core::DType::U32;
  case 13:
    return core::DType::U64;
  default:
    return core::DType::F32; // float, bfloat16
  }
}

llvm::Error error(const std::string &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                 message.c_str());
}

llvm::Expected<ir::ConstData>
toConstData(const std::string &name, const core::NpyArray &a, ir::Elem elem) {
  ir::ConstData c{elem, ir::Shape(a.shape.begin(), a.shape.end()), {}, {}};
  if (elem == ir::Elem::F32) {
    Result<std::vector<float>> f = core::toFloat32(a, core::NonFinite::Refuse);
    if (!f)
      return error(
          fmt::format("calibration sample '{}': {}", name, f.error().message));
    c.floats = std::move(*f);
  } else {
    Result<std::vector<int64_t>> i = core::toInt64(a);
    if (!i)
      return error(
          fmt::format("calibration sample '{}': {}", name, i.error().message));
    c.ints = std::move(*i);
  }
  return c;
}

/// The arrays of every sample that are inputs of the module.
llvm::Expected<std::vector<ir::InputMap>>
samplesFor(const frontend::ImportResult &model,
           const std::vector<frontend::NamedArrays> &samples) {
  std::vector<ir::InputMap> result;
  for (const frontend::NamedArrays &sample : samples) {
    ir::InputMap map;
    for (const frontend::InputInfo &i : model.inputs) {
      if (i.bound)
        continue;
      auto it = sample.find(i.name);
      if (it == sample.end())
        return error(fmt::format(
            "calibration sample has no file '{}.npy' for input '{}'", i.name,
            i.name));
      auto c = toConstData(i.name, it->second, i.elem);
      if (!c)
        return c.takeError();
      map[i.name] = std::move(*c);
    }
    result.push_back(std::move(map));
  }
  return result;
}

nlohmann::json describeValues(const ir::Module &m) {
  nlohmann::json values = nlohmann::json::array();
  for (ir::ValueId v : m.order()) {
    const ir::Op &op = m.op(v);
    if (!op.type.isFx())
      continue;
    nlohmann::json j = {{"value", v.index},
                        {"op", ir::info(op.opcode).mnemonic.str()},
                        {"node", op.loc},
                        {"shape", std::vector<int64_t>(op.type.shape.begin(),
                                                       op.type.shape.end())},
                        {"visibility", ir::name(op.type.vis).str()},
                        {"ring_bits", op.type.ring},
                        {"frac_bits", op.type.frac},
                        {"int_bits", op.type.intBits}};
    if (op.range)
      j["range"] = {op.range->first, op.range->second};
    values.push_back(std::move(j));
  }
  return values;
}

llvm::Error writeText(const std::string &path, const std::string &text) {
  if (path.empty()) {
    llvm::outs() << text;
    return llvm::Error::success();
  }
  // May hold weights (--complete) and exact ranges (--report).
  Status s = core::writeFile(
      path, {reinterpret_cast<const uint8_t *>(text.data()), text.size()},
      0600);
  return s ? llvm::Error::success() : error(s.error().message);
}

class Compilation {
public:
  explicit Compilation(const CompileOptions &o) : o_(o) {}

  llvm::Error run() {
    Result<plan::Profile> profile = readProfile(o_.network);
    if (!profile)
      return error(profile.error().message);
    auto importOptions = o_.inputs.read();
    if (!importOptions)
      return importOptions.takeError();
    auto model = frontend::importOnnx(o_.inputs.model, *importOptions);
    if (!model)
      return model.takeError();
    for (const std::string &n : model->notes)
      fmt::print(stderr, "{}: note: {}\n", o_.inputs.model, n);
    if (o_.compileTo == "import")
      return print(model->module);

    passes::Context ctx;
    ctx.options = o_.passes;
    ctx.options.profile = std::move(*profile);
    auto samples = samplesFor(*model, importOptions->samples);
    if (!samples)
      return samples.takeError();
    ctx.options.samples = std::move(*samples);
    llvm::Error e = runPipeline(model->module, ctx);
    for (const auto &[kind, text] : ctx.diagnostics.all())
      fmt::print(stderr, "{}: {}: {}\n", o_.inputs.model,
                 kind == passes::Diagnostics::Kind::Warning ? "warning"
                                                            : "note",
                 text);
    if (e)
      return error(fmt::format("{}: error: {}", o_.inputs.model,
                               llvm::toString(std::move(e))));
    if (stopped_)
      return llvm::Error::success();
    return emit(*model, *importOptions);
  }

private:
  llvm::Error print(const ir::Module &m) {
    stopped_ = true;
    ir::PrintOptions po;
    po.complete = o_.completeConstants;
    return writeText(o_.output, ir::toString(m, po));
  }

  /// Last pass of each phase that --compile-to names.
  llvm::Error runPipeline(ir::Module &m, passes::Context &ctx) {
    auto after = [&](const passes::PassInfo &p, const ir::Module &module) {
      if (p.flag == "assign-rings" && !o_.report.empty())
        values_ = describeValues(module);
      if (!o_.printAfterAll)
        return;
      llvm::errs() << "// ----- after " << p.flag << "\n";
      ir::print(module, llvm::errs());
    };
    for (const passes::PassInfo &p : passes::allPasses()) {
      const passes::PassInfo *one[] = {&p};
      if (llvm::Error e = passes::runPasses(m, one, ctx, after))
        return e;
      if ((o_.compileTo == "tensor" && p.flag == "calibrate") ||
          (o_.compileTo == "fixed" && p.flag == "assign-rings") ||
          (o_.compileTo == "share" && p.flag == "schedule-rounds"))
        return print(m);
    }
    return llvm::Error::success();
  }

  llvm::Error emit(const frontend::ImportResult &model,
                   const frontend::ImportOptions &importOptions) {
    backend::Interface iface;
    for (const frontend::InputInfo &i : model.inputs) {
      const core::DType dtype = dtypeOfOnnx(i.onnxElemType);
      iface.inputTypes[i.name] = dtype;
      auto it = importOptions.bound.find(i.name);
      if (!i.bound || it == importOptions.bound.end())
        continue;
      Result<core::NpyArray> a = plan::convertExactly(it->second, dtype);
      if (!a)
        return error(
            fmt::format("bound input '{}': {}", i.name, a.error().message));
      iface.bound.push_back({i.name, dtype, a->shape, core::sha256(a->bytes)});
    }
    llvm::Expected<backend::Emitted> e = backend::emitPlan(model.module, iface);
    if (!e)
      return error(fmt::format("{}: error: {}", o_.inputs.model,
                               llvm::toString(e.takeError())));
    if (o_.compileTo == "plan-text")
      return writeText(o_.output, e->plan.disassemble());
    const std::string weights = o_.weightsOut.empty()
                                    ? plan::defaultWeightsPath(o_.output)
                                    : o_.weightsOut;
    if (llvm::Error e = distinctFiles(weights))
      return e;
    // Weights first: a plan without its weights is never left behind.
    if (Status s = e->weights.save(weights); !s)
      return error(s.error().message);
    if (Status s = e->plan.save(o_.output); !s)
      return error(s.error().message);
    return summarize(e->plan, weights);
  }

  /// The model and what is written are different files.
  llvm::Error distinctFiles(const std::string &weights) const {
    std::map<std::string, const char *> seen;
    const std::pair<std::string, const char *> files[] = {
        {o_.inputs.model, "the model"},
        {o_.output, "the plan"},
        {weights, "the weights"},
        {o_.report, "the report"}};
    for (const auto &[path, what] : files) {
      if (path.empty())
        continue;
      std::error_code ec;
      const std::string real =
          std::filesystem::weakly_canonical(path, ec).string();
      auto [it, fresh] = seen.try_emplace(ec ? path : real, what);
      if (!fresh)
        return error(fmt::format("{}: error: {} and {} cannot be one file",
                                 path, it->second, what));
    }
    return llvm::Error::success();
  }

  llvm::Error summarize(const plan::Plan &p, const std::string &weights) {
    const plan::PlanCost c = plan::totalCost(p);
    const double online = static_cast<double>(c.p1ToP2 + c.p2ToP1);
    const double offline = static_cast<double>(c.p0ToP1 + c.p0ToP2);
    fmt::print("{}: {} instructions, {} rounds, online {:.3f} MB, offline "
               "{:.3f} MB\n",
               o_.output, p.code.size(), c.rounds, online / 1e6, offline / 1e6);
    fmt::print("{}: {} tensors, private to the model's owner\n", weights,
               p.weights.size());
    fmt::print(
        stderr,
        "{}: note: the plan is public; it holds shapes, public constants "
        "and value ranges rounded to whole bits, which derive from the "
        "weights and the calibration samples\n",
        o_.output);
    if (o_.report.empty())
      return llvm::Error::success();
    const nlohmann::json report = {{"plan", o_.output},
                                   {"rounds", c.rounds},
                                   {"online_bytes", c.p1ToP2 + c.p2ToP1},
                                   {"offline_bytes", c.p0ToP1 + c.p0ToP2},
                                   {"values", values_}};
    return writeText(o_.report, report.dump(1) + "\n");
  }

  const CompileOptions &o_;
  nlohmann::json values_;
  bool stopped_ = false;
};

} // namespace

Command addCompile(CLI::App &app) {
  auto o = std::make_shared<CompileOptions>();
  CLI::App *c = app.add_subcommand("compile", "ONNX model to plan and weights");
  o->inputs.addTo(*c);
  c->add_option("-o,--output", o->output, "the plan (public)");
  c->add_option("--weights-out", o->weightsOut,
                "the encoded weights (private, mode 0600); default: the plan's "
                "name with .weights");
  c->add_option("--frac-bits", o->passes.fracBits,
                "fraction bits of a value of magnitude 1 to 8")
      ->check(CLI::Range(4, 24))
      ->capture_default_str();
  c->add_option("--ring-bits", o->passes.ringBits, "widest ring")
      ->check(CLI::Range(32, 64))
      ->capture_default_str();
  c->add_option("--margin-bits", o->passes.marginBits,
                "a calibrated range is widened by this many bits")
      ->check(CLI::Range(0, 8))
      ->capture_default_str();
  c->add_option("--approx-tolerance", o->passes.tolerance,
                "absolute error allowed to each approximated function")
      ->check(realIn(1e-7, 1.0))
      ->capture_default_str();
  c->add_option("--network", o->network, kNetworkHelp)->capture_default_str();
  c->add_option("--threads", o->passes.threads, "threads to compile with")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  c->add_flag("--print-ir-after-all", o->printAfterAll,
              "print the module on stderr after every pass");
  c->add_option("--compile-to", o->compileTo,
                "stop at a level and print it to -o or stdout")
      ->check(
          CLI::IsMember({"import", "tensor", "fixed", "share", "plan-text"}));
  c->add_flag("--complete", o->completeConstants,
              "print constants in full, so that the text can be parsed");
  c->add_option("--report", o->report,
                "FILE.json: range, fraction, integer and ring bits per value");
  c->footer("example:\n  mpcc compile bert.onnx -o bert.plan --shape "
            "input_ids=1x128 --bind attention_mask=mask.npy --calibrate "
            "samples/");
  return [o, c] {
    if (o->output.empty() && o->compileTo.empty()) {
      fmt::print(stderr, "mpcc compile: error: -o is required (unless "
                         "--compile-to prints a level)\n");
      return 2;
    }
    (void)c;
    llvm::Error e = Compilation(*o).run();
    return e ? fail(std::move(e)) : 0;
  };
}

Command addCheck(CLI::App &app) {
  auto o = std::make_shared<InputOptions>();
  CLI::App *c = app.add_subcommand(
      "check", "list everything in a model that is not supported");
  o->addTo(*c);
  c->footer("exit code 0 if the model compiles, 1 with a list of every "
            "unsupported node.\nexample:\n  mpcc check bert.onnx --shape "
            "input_ids=1x128");
  return [o] {
    auto options = o->read();
    if (!options)
      return fail(options.takeError());
    auto report = frontend::checkOnnx(o->model, *options);
    if (!report)
      return fail(report.takeError());
    for (const std::string &n : report->notes)
      fmt::print(stderr, "{}: note: {}\n", o->model, n);
    for (const frontend::Problem &p : report->problems)
      fmt::print(stderr, "{}: error: {}\n", o->model, p.str());
    if (!report->problems.empty()) {
      fmt::print("{}: {} of {} nodes are not supported\n", o->model,
                 report->problems.size(), report->nodes);
      return 1;
    }
    fmt::print("{}: all {} nodes are supported\n", o->model, report->nodes);
    return 0;
  };
}

} // namespace mpc::tools

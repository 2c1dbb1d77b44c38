//===- tools/MpccPipeline.cpp ---------------------------------------------===//
#include "MpccPipeline.h"
#include "ApproxFile.h"
#include "Main.h"
#include "ProfileFile.h"
#include "ir/Eval.h"
#include "runtime/core/File.h"
#include "runtime/plan/Encode.h"
#include <filesystem>

namespace mpc::tools {
namespace {

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
      Result<ir::ConstData> c = toConstData(it->second, i.elem);
      if (!c)
        return error(fmt::format("calibration sample '{}': {}", i.name,
                                 c.error().message));
      map[i.name] = std::move(*c);
    }
    result.push_back(std::move(map));
  }
  return result;
}

/// What the plan says about the outside.
llvm::Expected<backend::Interface>
interfaceOf(const frontend::ImportResult &model,
            const frontend::ImportOptions &options) {
  backend::Interface iface;
  for (const frontend::InputInfo &i : model.inputs) {
    const core::DType dtype = dtypeOfOnnx(i.onnxElemType);
    iface.inputTypes[i.name] = dtype;
    auto it = options.bound.find(i.name);
    if (!i.bound || it == options.bound.end())
      continue;
    Result<core::NpyArray> a = plan::convertExactly(it->second, dtype);
    if (!a)
      return error(
          fmt::format("bound input '{}': {}", i.name, a.error().message));
    iface.bound.push_back({i.name, dtype, a->shape, core::sha256(a->bytes)});
  }
  return iface;
}

/// What the model computes in float, its functions replaced: DIR/<number of
/// the sample>/<output>.npy.
llvm::Error writeFloatOutputs(const std::string &directory, const ir::Module &m,
                              llvm::ArrayRef<ir::InputMap> samples) {
  namespace fs = std::filesystem;
  if (samples.empty())
    return error("--float-outputs needs samples: give them with --calibrate");
  for (size_t i = 0; i < samples.size(); ++i) {
    auto outputs = ir::evaluate(m, samples[i]);
    if (!outputs)
      return outputs.takeError();
    const fs::path to = fs::path(directory) / std::to_string(i);
    std::error_code ec;
    fs::create_directories(to, ec);
    if (ec)
      return error(fmt::format("{}: {}", to.string(), ec.message()));
    for (size_t k = 0; k < outputs->size(); ++k) {
      const ir::ConstData &d = (*outputs)[k];
      const core::Shape shape(d.shape.begin(), d.shape.end());
      const std::string file =
          (to / (core::encodeFileName(m.outputs()[k].name) + ".npy")).string();
      const core::NpyArray array =
          d.elem == ir::Elem::F32 ? core::NpyArray::of<float>(shape, d.floats)
                                  : core::NpyArray::of<int64_t>(shape, d.ints);
      if (Status s = core::writeNpy(file, array, 0600); !s)
        return error(s.error().message);
    }
  }
  return llvm::Error::success();
}

/// Passes in order, without those that are disabled. True: stopped.
llvm::Expected<bool> runAllPasses(const PipelineOptions &o, ir::Module &m,
                                  passes::Context &ctx,
                                  const Observer &observe) {
  for (const passes::PassInfo &p : passes::allPasses()) {
    if (llvm::is_contained(o.disabled, p.flag))
      continue;
    const passes::PassInfo *one[] = {&p};
    if (llvm::Error e = passes::runPasses(m, one, ctx))
      return error(fmt::format("{}: error: {}", o.inputs.model,
                               llvm::toString(std::move(e))));
    if (p.flag == "replace-functions" && !o.floatOutputs.empty())
      if (llvm::Error e =
              writeFloatOutputs(o.floatOutputs, m, ctx.options.samples))
        return e;
    llvm::Expected<bool> stop = observe(p.flag, m);
    if (!stop || *stop)
      return stop;
  }
  return false;
}

std::string optionalPasses() {
  std::string list;
  for (const passes::PassInfo &p : passes::allPasses())
    if (p.optional)
      list += (list.empty() ? "" : ", ") + p.flag.str();
  return list;
}

} // namespace

void PipelineOptions::addTo(CLI::App &app) {
  inputs.addTo(app);
  addPrecision(app, passes);
  app.add_option("--ring-bits", passes.ringBits, "widest ring")
      ->check(CLI::Range(32, 64))
      ->capture_default_str();
  app.add_option("--margin-bits", passes.marginBits,
                 "a calibrated range is widened by this many bits")
      ->check(CLI::Range(0, 8))
      ->capture_default_str();
  app.add_flag("--truncate-every-product", passes.eagerTruncation,
               "truncate where a product is made, not where it is cheapest (to "
               "see what placement is worth)");
  app.add_flag("--guard", passes.guard,
               "check ranges in the plan: the client gets an error instead of "
               "an answer that a value out of range made wrong");
  app.add_option("--out-of-domain", outOfDomain,
                 "a function's argument outside the range it was calibrated "
                 "for: trust (unspecified result) or clip (two comparisons, "
                 "the function's end value)")
      ->check(CLI::IsMember({"trust", "clip"}))
      ->capture_default_str();
  app.add_option("--approx", approx,
                 "FILE.toml: your own pieces, quad, 2quad or 2relu in the "
                 "place of functions (docs/approximations.md)");
  app.add_option("--float-outputs", floatOutputs,
                 "DIR: what the model computes in float on the calibration "
                 "samples, with --approx applied: DIR/0/<output>.npy, ...");
  app.add_option("--network", network, kNetworkHelp)->capture_default_str();
  app.add_option("--threads", passes.threads, "threads to compile with")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--disable-pass", disabled,
                 "leave out a pass (to see what it is worth): " +
                     optionalPasses())
      ->check(CLI::Validator(
          [](std::string &flag) -> std::string {
            const passes::PassInfo *p = passes::findPass(flag);
            if (!p)
              return fmt::format("no pass '{}'; see mpcc --list-passes", flag);
            return p->optional ? ""
                               : fmt::format("pass '{}' is necessary; these "
                                             "can be left out: {}",
                                             flag, optionalPasses());
          },
          "PASS"))
      ->take_all();
}

llvm::Expected<std::optional<Compiled>>
runPipeline(const PipelineOptions &o, const Observer &observe,
            const ModelObserver &imported) {
  Result<plan::Profile> profile = readProfile(o.network);
  if (!profile)
    return error(profile.error().message);
  auto importOptions = o.inputs.read();
  if (!importOptions)
    return importOptions.takeError();
  auto model = frontend::importOnnx(o.inputs.model, *importOptions);
  if (!model)
    return model.takeError();
  for (const std::string &n : model->notes)
    fmt::print(stderr, "{}: note: {}\n", o.inputs.model, n);
  if (imported)
    if (llvm::Error e = imported(*model))
      return e;
  llvm::Expected<bool> stop = observe("import", model->module);
  if (!stop)
    return stop.takeError();
  if (*stop)
    return std::nullopt;

  passes::Context ctx;
  ctx.options = o.passes;
  ctx.options.clipMaps = o.outOfDomain == "clip";
  ctx.options.profile = std::move(*profile);
  auto samples = samplesFor(*model, importOptions->samples);
  if (!samples)
    return samples.takeError();
  ctx.options.samples = std::move(*samples);
  ctx.options.nodeTypes = std::move(model->nodeTypes);
  if (!o.approx.empty()) {
    auto rules = readApprox(o.approx, o.passes);
    if (!rules)
      return error(rules.error().message);
    ctx.options.replacements = std::move(*rules);
  }
  stop = runAllPasses(o, model->module, ctx, observe);
  for (const auto &[kind, text] : ctx.diagnostics.all())
    fmt::print(stderr, "{}: {}: {}\n", o.inputs.model,
               kind == passes::Diagnostics::Kind::Warning ? "warning" : "note",
               text);
  if (!stop)
    return stop.takeError();
  if (*stop)
    return std::nullopt;

  auto iface = interfaceOf(*model, *importOptions);
  if (!iface)
    return iface.takeError();
  llvm::Expected<backend::Emitted> e = backend::emitPlan(model->module, *iface);
  if (!e)
    return error(fmt::format("{}: error: {}", o.inputs.model,
                             llvm::toString(e.takeError())));
  return Compiled{std::move(*model), std::move(ctx.options), ctx.rings,
                  std::move(*e)};
}

} // namespace mpc::tools

//===- tools/MpccCompile.cpp - mpcc compile -------------------------------===//
#include "MpccHistory.h"
#include "MpccPipeline.h"
#include "MpccReport.h"
#include "ir/Text.h"
#include "mpcc.h"
#include "runtime/core/File.h"
#include "runtime/plan/Files.h"
#include "runtime/plan/PlanCost.h"
#include "llvm/Support/raw_ostream.h"
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

namespace mpc::tools {
namespace {

struct CompileOptions {
  PipelineOptions pipeline;
  std::string output, weightsOut, compileTo, report, annotate;
  bool printAfterAll = false, completeConstants = false;
};

llvm::Error writeText(const std::string &path, const std::string &text) {
  if (path.empty()) {
    llvm::outs() << text;
    return llvm::Error::success();
  }
  // May hold weights (--complete) and exact ranges (--report).
  Status s = core::writeText(path, text, 0600);
  return s ? llvm::Error::success() : error(s.error().message);
}

class Compilation {
public:
  explicit Compilation(const CompileOptions &o) : o_(o) {}

  llvm::Error run() {
    if (llvm::Error e = checkPaths())
      return e;
    auto compiled = runPipeline(
        o_.pipeline,
        [&](llvm::StringRef step, const ir::Module &m) {
          return observe(step, m);
        },
        [&](const frontend::ImportResult &model) {
          return history_.imported(model);
        });
    if (!compiled)
      return compiled.takeError();
    if (!*compiled)
      return llvm::Error::success();
    if (llvm::Error e = save(**compiled))
      return e;
    return annotate(**compiled);
  }

private:
  /// What is written last fails first, before any work.
  llvm::Error checkPaths() const {
    for (const std::string &path : {o_.report, o_.annotate, o_.output})
      if (!path.empty())
        if (Status s = plan::checkWritable(path); !s)
          return error(s.error().message);
    return llvm::Error::success();
  }

  llvm::Error annotate(const Compiled &c) const {
    if (o_.annotate.empty())
      return llvm::Error::success();
    const plan::Profile &profile = c.options.profile;
    const NodeCosts costs(c.emitted.plan, profile);
    return frontend::annotateOnnx(o_.pipeline.inputs.model,
                                  annotationsOf(history_, costs, profile),
                                  o_.annotate);
  }

  /// Last step of each phase that --compile-to names.
  llvm::Expected<bool> observe(llvm::StringRef step, const ir::Module &m) {
    if (!o_.annotate.empty() || !o_.report.empty())
      if (auto seen = history_.step(step, m); !seen)
        return seen;
    if (step == "assign-rings" && !o_.report.empty())
      values_ = reportValues(m, o_.pipeline.passes.tolerance);
    if (o_.printAfterAll && step != "import") {
      llvm::errs() << "// ----- after " << step << "\n";
      ir::print(m, llvm::errs());
    }
    const bool last = (o_.compileTo == "import" && step == "import") ||
                      (o_.compileTo == "tensor" && step == lastOfTensor()) ||
                      (o_.compileTo == "fixed" && step == "assign-rings") ||
                      (o_.compileTo == "share" && step == "schedule-rounds");
    if (!last)
      return false;
    ir::PrintOptions po;
    po.complete = o_.completeConstants;
    if (llvm::Error e = writeText(o_.output, ir::toString(m, po)))
      return e;
    return true;
  }

  llvm::StringRef lastOfTensor() const {
    return llvm::is_contained(o_.pipeline.disabled, "allocate-precision")
               ? "calibrate"
               : "allocate-precision";
  }

  llvm::Error save(const Compiled &c) {
    const backend::Emitted &e = c.emitted;
    if (o_.compileTo == "plan-text")
      return writeText(o_.output, e.plan.disassemble());
    const std::string weights = o_.weightsOut.empty()
                                    ? plan::defaultWeightsPath(o_.output)
                                    : o_.weightsOut;
    if (llvm::Error error = distinctFiles(weights))
      return error;
    // Weights first: a plan without its weights is never left behind.
    if (Status s = e.weights.save(weights); !s)
      return error(s.error().message);
    if (Status s = e.plan.save(o_.output); !s)
      return error(s.error().message);
    return summarize(c, weights);
  }

  /// The model and what is written are different files.
  llvm::Error distinctFiles(const std::string &weights) const {
    std::map<std::string, const char *> seen;
    const std::pair<std::string, const char *> files[] = {
        {o_.pipeline.inputs.model, "the model"},
        {o_.output, "the plan"},
        {weights, "the weights"},
        {o_.report, "the report"},
        {o_.annotate, "the annotated model"}};
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

  llvm::Error summarize(const Compiled &compiled, const std::string &weights) {
    const plan::Plan &p = compiled.emitted.plan;
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
    if (!llvm::StringRef(o_.report).ends_with(".json"))
      return writeText(o_.report == "-" ? "" : o_.report,
                       toTable(values_) + toTable(history_.approximations()));
    const nlohmann::json report = {
        {"plan", o_.output},
        {"rounds", c.rounds},
        {"online_bytes", c.p1ToP2 + c.p2ToP1},
        {"offline_bytes", c.p0ToP1 + c.p0ToP2},
        {"margin_bits", o_.pipeline.passes.marginBits},
        {"guard", o_.pipeline.passes.guard},
        {"rings",
         {{"seconds", compiled.rings.seconds},
          {"at_least_seconds", compiled.rings.least},
          {"local_rule_seconds", compiled.rings.local},
          {"proved", compiled.rings.proved}}},
        {"values", toJson(values_)},
        {"approximations", toJson(history_.approximations())}};
    return writeText(o_.report, report.dump(1) + "\n");
  }

  const CompileOptions &o_;
  std::vector<ValueReport> values_; ///< for the report
  History history_;
};

} // namespace

Command addCompile(CLI::App &app) {
  auto o = std::make_shared<CompileOptions>();
  CLI::App *c = app.add_subcommand("compile", "ONNX model to plan and weights");
  o->pipeline.addTo(*c);
  c->add_option("--reveal", o->pipeline.inputs.reveal,
                "logits, argmax or topk=K: what a client may learn of each "
                "row of a float output; compiled into the plan")
      ->capture_default_str();
  c->add_option("-o,--output", o->output, "the plan (public)");
  c->add_option("--weights-out", o->weightsOut,
                "the encoded weights (private, mode 0600); default: the plan's "
                "name with .weights");
  c->add_flag("--print-ir-after-all", o->printAfterAll,
              "print the module on stderr after every pass");
  c->add_option("--compile-to", o->compileTo,
                "stop at a level and print it to -o or stdout")
      ->check(
          CLI::IsMember({"import", "tensor", "fixed", "share", "plan-text"}));
  c->add_flag("--complete", o->completeConstants,
              "print constants in full, so that the text can be parsed");
  c->add_option("--report", o->report,
                "per value: proved interval, calibrated range, fraction, "
                "integer and ring bits; FILE.json, or a table: FILE.txt, - for "
                "stdout");
  c->add_option("--annotate", o->annotate,
                "OUT.onnx: the model's graph without its weights, every node "
                "with cost, bits and approximation, for viewers such as "
                "Netron");
  c->footer("example:\n  mpcc compile bert.onnx -o bert.plan --shape "
            "input_ids=1x128 --bind attention_mask=mask.npy --calibrate "
            "samples/");
  return [o, c] {
    if (o->output.empty() && o->compileTo.empty()) {
      fmt::print(stderr, "mpcc compile: error: -o is required (unless "
                         "--compile-to prints a level)\n");
      return 2;
    }
    if (!o->annotate.empty() && !o->compileTo.empty()) {
      fmt::print(stderr, "mpcc compile: error: --annotate needs the whole "
                         "plan, --compile-to stops before it\n");
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

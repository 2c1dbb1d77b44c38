//===- tools/MpccEval.cpp - mpcc eval -------------------------------------===//
//
// A plan over a whole data set: emulated, against the float model and against
// labels; some samples through three parties too.
//
//===----------------------------------------------------------------------===//
#include "EvalData.h"
#include "EvalMetrics.h"
#include "Main.h"
#include "MpccCommon.h"
#include "ir/Eval.h"
#include "mpcc.h"
#include "runtime/core/File.h"
#include "runtime/emu/Emulator.h"
#include "runtime/kernels/ThreadPool.h"
#include "runtime/plan/Files.h"
#include "runtime/vm/InProcessRun.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

namespace mpc::tools {
namespace {

using Arrays = std::vector<core::NpyArray>;
using Clock = std::chrono::steady_clock;

struct EvalArgs {
  PlanFiles files;
  std::string dataset, model, labels, output, json;
  std::string metric = "accuracy";
  std::string nextToken, mask = "attention_mask";
  uint64_t seed = 1;
  unsigned threads = 0;
  size_t mpc = 0, limit = 0;
};

double secondsSince(Clock::time_point t) {
  return std::chrono::duration<double>(Clock::now() - t).count();
}

Error inSample(size_t i, const std::string &message) {
  return Error{fmt::format("sample {}: {}", i, message)};
}

class Evaluation {
public:
  Evaluation(const EvalArgs &a, plan::Plan p, plan::Weights w, DataSet d,
             size_t output)
      : a_(a), plan_(std::move(p)), weights_(std::move(w)), data_(std::move(d)),
        output_(output), pool_(a.threads),
        n_(a.limit ? std::min(a.limit, data_.samples()) : data_.samples()) {}

  Status run();

private:
  /// fn(i) for every sample, in parallel; the first failure in order.
  template <class F> Status forEachSample(F fn) {
    std::vector<std::optional<Error>> failed(n_);
    pool_.parallelFor(n_, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        if (Status s = fn(i); !s)
          failed[i] = s.error();
    });
    for (size_t i = 0; i < n_; ++i)
      if (failed[i])
        return inSample(i, failed[i]->message);
    return {};
  }

  Status toRows(const Arrays &samples, Rows &rows);
  Status emulateAll();
  Status floatModel();
  Status golden();
  Status labels();
  Status metrics();
  Status parties();
  void print() const;

  const EvalArgs &a_;
  const plan::Plan plan_;
  const plan::Weights weights_;
  const DataSet data_;
  const size_t output_;
  kernels::ThreadPool pool_;
  const size_t n_;

  Rows private_, float_;
  std::string reference_; ///< what float_ is; empty: there is none
  std::vector<int64_t> labels_;
  Rows targets_;
  double perSecond_ = 0, privateMetric_ = 0, floatMetric_ = 0;
  bool hasMetric_ = false;
  std::optional<ErrorSummary> errors_;
  uint64_t violations_ = 0;
  std::string firstViolation_;
  size_t samplesViolating_ = 0;
  nlohmann::json report_, mpc_;
};

Status Evaluation::toRows(const Arrays &samples, Rows &rows) {
  const core::Shape &shape = plan_.outputs[output_].shape;
  rows.width = shape.empty() ? 1 : static_cast<size_t>(shape.back());
  for (const core::NpyArray &a : samples) {
    if (a.shape != shape)
      return Error{fmt::format("output '{}' has shape {}, the plan's is {}",
                               plan_.outputs[output_].name,
                               core::toString(a.shape), core::toString(shape))};
    Result<std::vector<float>> x = core::toFloat32(a, core::NonFinite::Allow);
    if (!x)
      return x.error();
    rows.values.insert(rows.values.end(), x->begin(), x->end());
  }
  return {};
}

Status Evaluation::emulateAll() {
  Arrays out(n_);
  std::vector<emu::RangeReport> ranges(n_);
  const Clock::time_point start = Clock::now();
  MPC_TRY(forEachSample([&](size_t i) -> Status {
    emu::SeededCoins coins(a_.seed + i);
    emu::EmulateOptions options;
    options.threads = 1;
    options.checkRanges = true;
    Result<Arrays> y = emu::emulate(plan_, weights_, data_.inputs(i), coins,
                                    options, &ranges[i]);
    if (!y)
      return y.error();
    out[i] = std::move((*y)[output_]);
    return {};
  }));
  perSecond_ = static_cast<double>(n_) / secondsSince(start);
  for (size_t i = 0; i < n_; ++i)
    if (ranges[i].first) {
      if (samplesViolating_++ == 0)
        firstViolation_ =
            fmt::format("sample {}: {}", i, ranges[i].first->message());
      violations_ += ranges[i].total;
    }
  return toRows(out, private_);
}

Status Evaluation::floatModel() {
  frontend::ImportOptions options;
  for (const auto &[name, array] : data_.namedInputs(0))
    options.shapes.emplace_back(
        name, ir::Shape(array.shape.begin(), array.shape.end()));
  llvm::Expected<frontend::ImportResult> m =
      frontend::importOnnx(a_.model, options);
  if (!m)
    return Error{llvm::toString(m.takeError())};
  size_t index = 0;
  while (index < m->module.outputs().size() &&
         m->module.outputs()[index].name != plan_.outputs[output_].name)
    ++index;
  if (index == m->module.outputs().size())
    return Error{fmt::format("{}: has no output '{}'", a_.model,
                             plan_.outputs[output_].name)};
  Arrays out(n_);
  MPC_TRY(forEachSample([&](size_t i) -> Status {
    const auto arrays = data_.namedInputs(i);
    ir::InputMap inputs;
    for (const frontend::InputInfo &in : m->inputs) {
      const auto it = arrays.find(in.name);
      if (it == arrays.end())
        return Error{fmt::format("the float model's input '{}' is not in the "
                                 "data set",
                                 in.name)};
      Result<ir::ConstData> c = toConstData(it->second, in.elem);
      if (!c)
        return Error{fmt::format("input '{}': {}", in.name, c.error().message)};
      inputs[in.name] = std::move(*c);
    }
    auto y = ir::evaluate(m->module, inputs);
    if (!y)
      return Error{llvm::toString(y.takeError())};
    const ir::ConstData &d = (*y)[index];
    std::vector<float> values;
    for (int64_t k = 0; k < d.numel(); ++k)
      values.push_back(static_cast<float>(d.at(k)));
    out[i] = core::NpyArray::of<float>(
        core::Shape(d.shape.begin(), d.shape.end()), values);
    return {};
  }));
  reference_ = "float evaluator";
  return toRows(out, float_);
}

Status Evaluation::golden() {
  auto all = data_.golden(plan_.outputs[output_]);
  if (!all)
    return all.error();
  if (!*all)
    return {};
  Result<std::vector<float>> x = core::toFloat32(**all, core::NonFinite::Allow);
  if (!x)
    return x.error();
  float_.width = private_.width;
  float_.values.assign(x->begin(), x->end());
  float_.values.resize(private_.values.size()); // --samples
  reference_ = "data set's outputs";
  return {};
}

Status Evaluation::labels() {
  const bool targets = a_.metric == "mse" || a_.metric == "cosine";
  if (!a_.labels.empty()) {
    Result<core::NpyArray> l = core::readNpy(a_.labels);
    if (!l)
      return l.error();
    if (targets) {
      Result<std::vector<float>> x = core::toFloat32(*l);
      if (!x)
        return Error{fmt::format("{}: {}", a_.labels, x.error().message)};
      targets_ = {{x->begin(), x->end()}, private_.width};
    } else {
      Result<std::vector<int64_t>> x = core::toInt64(*l);
      if (!x)
        return Error{fmt::format("{}: {}", a_.labels, x.error().message)};
      labels_ = std::move(*x);
    }
  } else if (!a_.nextToken.empty()) {
    const core::NpyArray *ids = data_.column(a_.nextToken);
    if (!ids || ids->shape.empty())
      return Error{fmt::format("--next-token: the data set has no sequences of "
                               "input '{}'",
                               a_.nextToken)};
    Result<std::vector<int64_t>> x = core::toInt64(*ids);
    if (!x)
      return Error{
          fmt::format("input '{}': {}", a_.nextToken, x.error().message)};
    std::vector<int64_t> mask;
    if (const core::NpyArray *m = data_.column(a_.mask);
        m && m->shape == ids->shape)
      if (Result<std::vector<int64_t>> values = core::toInt64(*m))
        mask = std::move(*values);
    labels_ = nextTokens(*x, mask, static_cast<size_t>(ids->shape.back()));
  } else {
    return {};
  }
  // --samples: those of the first ones.
  const size_t want = targets ? private_.values.size() : private_.count();
  const size_t all = want / n_ * data_.samples();
  const size_t have = targets ? targets_.values.size() : labels_.size();
  if (have != all)
    return Error{fmt::format("{} labels for {} {} of output '{}'", have, all,
                             targets ? "numbers" : "rows",
                             plan_.outputs[output_].name)};
  (targets ? targets_.values.resize(want) : labels_.resize(want));
  return {};
}

Status Evaluation::metrics() {
  if (!reference_.empty())
    errors_ = compare(private_, float_, n_);
  if (a_.metric == "mse" || a_.metric == "cosine") {
    const Metric m = a_.metric == "mse" ? Metric::Mse : Metric::Cosine;
    const Rows &to = targets_.values.empty() ? float_ : targets_;
    if (to.values.empty())
      return Error{
          fmt::format("--metric {} needs --labels, --model, or outputs "
                      "in the data set to compare with",
                      a_.metric)};
    privateMetric_ = metricOfTargets(m, private_, to);
    if (!reference_.empty())
      floatMetric_ = metricOfTargets(m, float_, to);
    hasMetric_ = true;
    return {};
  }
  if (labels_.empty())
    return {};
  const Metric m =
      a_.metric == "perplexity" ? Metric::Perplexity : Metric::Accuracy;
  Result<double> mine = metricOfLabels(m, private_, labels_);
  if (!mine)
    return mine.error();
  privateMetric_ = *mine;
  if (!reference_.empty()) {
    Result<double> theirs = metricOfLabels(m, float_, labels_);
    if (!theirs)
      return theirs.error();
    floatMetric_ = *theirs;
  }
  hasMetric_ = true;
  return {};
}

Status Evaluation::parties() {
  const size_t runs = std::min(a_.mpc, n_);
  double seconds = 0;
  for (size_t k = 0; k < runs; ++k) {
    const size_t i = k * n_ / runs;
    const Arrays inputs = data_.inputs(i);
    vm::InProcessOptions options;
    options.recordCoins = true;
    options.deadline = std::chrono::hours(1);
    const Clock::time_point start = Clock::now();
    auto run = vm::runInProcess(plan_, weights_, inputs, options);
    if (!run)
      return inSample(i, run.error().message);
    seconds += secondsSince(start);
    emu::RecordedCoins coins(run->coins);
    Result<Arrays> same = emu::emulate(plan_, weights_, inputs, coins);
    if (!same)
      return inSample(i, same.error().message);
    assert(!coins.missing());
    if (*same != run->outputs)
      return inSample(i, "three parties and the emulation under their coins "
                         "differ");
    mpc_["rounds"] = run->stats.rounds;
  }
  mpc_["samples"] = runs;
  mpc_["equal_to_emulation"] = true;
  mpc_["seconds_per_sample"] = seconds / static_cast<double>(runs);
  return {};
}

void Evaluation::print() const {
  const plan::OutputInfo &o = plan_.outputs[output_];
  fmt::print("{}: {} samples of {}, output '{}' {}\n", a_.files.plan, n_,
             a_.dataset, o.name, core::toString(o.shape));
  if (hasMetric_ && !reference_.empty())
    fmt::print("{:<14} private {:.6g}, float {:.6g}, difference {:+.3g}\n",
               a_.metric, privateMetric_, floatMetric_,
               privateMetric_ - floatMetric_);
  else if (hasMetric_)
    fmt::print("{:<14} private {:.6g}\n", a_.metric, privateMetric_);
  if (errors_) {
    const ErrorSummary &e = *errors_;
    fmt::print("{:<14} mean {:.3g}, median {:.3g}, 99 % below {:.3g}, max "
               "{:.3g}; standard deviation of the float output {:.3g} ({})\n",
               "error", e.mean, e.median, e.p99, e.max, e.deviation,
               reference_);
    fmt::print("{:<14} {} of {} rows; {} of {} whose top two differ by more "
               "than 0.1\n",
               "same argmax", e.agreeing, e.rows, e.clearAgreeing, e.clear);
    fmt::print("{:<14}", "worst samples");
    for (const auto &w : report_["worst_samples"])
      fmt::print(" {} ({:.3g})", w["sample"].get<size_t>(),
                 w["max_error"].get<double>());
    fmt::print("\n");
  }
  if (violations_ == 0)
    fmt::print("{:<14} none\n", "out of range");
  else
    fmt::print("{:<14} {} values in {} samples; {}\n", "out of range",
               violations_, samplesViolating_, firstViolation_);
  fmt::print("{:<14} {:.1f} samples/s emulated\n", "speed", perSecond_);
  if (!mpc_.is_null())
    fmt::print("{:<14} {} samples through three parties, each equal to its "
               "emulation to the bit; {:.2f} s and {} rounds a sample\n",
               "parties", mpc_["samples"].get<size_t>(),
               mpc_["seconds_per_sample"].get<double>(),
               mpc_["rounds"].get<uint64_t>());
}

Status Evaluation::run() {
  MPC_TRY(emulateAll());
  MPC_TRY(a_.model.empty() ? golden() : floatModel());
  MPC_TRY(labels());
  MPC_TRY(metrics());
  if (a_.mpc)
    MPC_TRY(parties());
  report_ = {{"plan", a_.files.plan},
             {"samples", n_},
             {"output", plan_.outputs[output_].name},
             {"samples_per_second", perSecond_},
             {"range_violations",
              {{"values", violations_},
               {"samples", samplesViolating_},
               {"first", firstViolation_}}}};
  if (hasMetric_) {
    report_["metric"] = {{"name", a_.metric}, {"private", privateMetric_}};
    if (!reference_.empty())
      report_["metric"]["float"] = floatMetric_;
  }
  if (errors_) {
    const ErrorSummary &e = *errors_;
    report_["error"] = {{"reference", reference_},
                        {"mean", e.mean},
                        {"median", e.median},
                        {"p99", e.p99},
                        {"max", e.max},
                        {"deviation", e.deviation}};
    report_["argmax"] = {{"rows", e.rows},
                         {"agreeing", e.agreeing},
                         {"clear", e.clear},
                         {"clear_agreeing", e.clearAgreeing}};
    std::vector<size_t> order(n_);
    for (size_t i = 0; i < n_; ++i)
      order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) {
      return e.perSample[x] > e.perSample[y];
    });
    report_["worst_samples"] = nlohmann::json::array();
    for (size_t i = 0; i < std::min<size_t>(5, n_); ++i)
      report_["worst_samples"].push_back(
          {{"sample", order[i]}, {"max_error", e.perSample[order[i]]}});
    report_["max_error_by_sample"] = e.perSample;
  }
  if (!mpc_.is_null())
    report_["mpc"] = mpc_;
  if (a_.json == "-")
    fmt::print("{}\n", report_.dump(1));
  else
    print();
  if (!a_.json.empty() && a_.json != "-")
    MPC_TRY(core::writeText(a_.json, report_.dump(1) + "\n"));
  return {};
}

int eval(const EvalArgs &a) {
  llvm::Expected<PlanFiles::Loaded> loaded = a.files.load();
  if (!loaded)
    return fail(loaded.takeError());
  auto &[p, weights] = *loaded;
  if (p.outputs.empty())
    return fail(a.files.plan + ": the plan has no output");
  size_t output = 0;
  while (!a.output.empty() && output < p.outputs.size() &&
         p.outputs[output].name != a.output)
    ++output;
  if (output == p.outputs.size())
    return fail(
        fmt::format("{}: the plan has no output '{}'", a.files.plan, a.output));
  Result<DataSet> d = DataSet::open(p, a.dataset);
  if (!d)
    return fail(d.error().message);
  Evaluation e(a, std::move(p), std::move(weights), std::move(*d), output);
  if (Status s = e.run(); !s)
    return fail(s.error().message);
  return 0;
}

} // namespace

Command addEval(CLI::App &app) {
  auto a = std::make_shared<EvalArgs>();
  CLI::App *c = app.add_subcommand(
      "eval", "a plan over a data set: accuracy against float and labels");
  a->files.addTo(*c);
  c->add_option("--dataset", a->dataset,
                "directory with inputs/<input>.npy, one batch after the other, "
                "and maybe outputs/<output>.npy of the float model")
      ->required();
  c->add_option("--model", a->model,
                "the ONNX model: compare with its float evaluation instead of "
                "the data set's outputs");
  CLI::Option *labels = c->add_option(
      "--labels", a->labels,
      "FILE.npy: a class or token for each row of the output (negative: "
      "ignored); for mse and cosine the outputs wanted");
  c->add_option("--next-token", a->nextToken,
                "labels are the next ids of this input's sequences")
      ->excludes(labels);
  c->add_option("--mask", a->mask,
                "with --next-token: the input that is 0 at padding")
      ->capture_default_str();
  c->add_option("--metric", a->metric, "accuracy, perplexity, mse or cosine")
      ->check(CLI::IsMember({"accuracy", "perplexity", "mse", "cosine"}))
      ->capture_default_str();
  c->add_option("--output", a->output, "which output; default: the first");
  c->add_option("--samples", a->limit, "only the first N samples")
      ->check(CLI::PositiveNumber);
  c->add_option("--mpc", a->mpc,
                "N samples through three parties as well, which must agree "
                "with the emulation to the bit");
  c->add_option("--seed", a->seed, "seed of the roundings' coins")
      ->capture_default_str();
  c->add_option("--threads", a->threads, "0: one per CPU");
  c->add_option("--json", a->json, "FILE, or - for stdout");
  c->footer("example:\n  mpcc eval sst2.plan --dataset dev/ --labels "
            "dev/labels.npy --mpc 3");
  return [a] { return eval(*a); };
}

} // namespace mpc::tools

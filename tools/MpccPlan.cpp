//===- tools/MpccPlan.cpp - mpcc emulate, dis -----------------------------===//
#include "MpccCommon.h"
#include "mpcc.h"
#include "runtime/emu/Emulator.h"
#include "runtime/plan/Files.h"

namespace mpc::tools {
namespace {

struct EmulateArgs {
  PlanFiles files;
  std::string outputDir;
  plan::InputFiles inputs;
  uint64_t seed = 1;
  unsigned threads = 0;
  bool allowOutOfRange = false;
};

int emulate(const EmulateArgs &a) {
  if (Status s = plan::checkOutputDir(a.outputDir); !s)
    return fail("--output-dir: error: " + s.error().message);
  llvm::Expected<PlanFiles::Loaded> loaded = a.files.load();
  if (!loaded)
    return fail(loaded.takeError());
  const auto &[plan, weights] = *loaded;
  Result<plan::LoadedInputs> in = plan::loadInputs(plan, a.inputs);
  if (!in)
    return fail(in.error().message);
  for (const std::string &n : in->notes)
    fmt::print(stderr, "note: {}\n", n);

  emu::SeededCoins coins(a.seed);
  emu::EmulateOptions options;
  options.threads = a.threads;
  options.checkRanges = true;
  emu::RangeReport ranges;
  Result<std::vector<core::NpyArray>> out =
      emu::emulate(plan, weights, in->arrays, coins, options, &ranges);
  if (!out)
    return fail(a.files.plan, out.error());
  if (ranges.first) {
    const std::string what = fmt::format(
        "{} value{} left the declared range, first {}; calibrate on samples "
        "like this one or raise --margin-bits",
        ranges.total, ranges.total == 1 ? "" : "s", ranges.first->message());
    if (!a.allowOutOfRange)
      return fail(fmt::format("{}: error: {} (--allow-out-of-range writes the "
                              "outputs all the same)",
                              a.files.plan, what));
    fmt::print(stderr, "{}: warning: {}\n", a.files.plan, what);
  }
  if (Status s = plan::saveOutputs(plan, *out, a.outputDir); !s)
    return fail(s.error().message);
  return 0;
}

} // namespace

Command addEmulate(CLI::App &app) {
  auto a = std::make_shared<EmulateArgs>();
  CLI::App *c = app.add_subcommand(
      "emulate",
      "run a plan in one process: exact fixed point, no cryptography");
  a->files.addTo(*c);
  c->add_option("--input-dir", a->inputs.directory,
                "directory of <input name>.npy");
  c->add_option("--input", a->inputs.overrides, "NAME=FILE.npy")->take_all();
  c->add_option("--output-dir", a->outputDir, "where <output name>.npy go")
      ->required();
  c->add_option("--seed", a->seed, "seed of the roundings' coins")
      ->capture_default_str();
  c->add_option("--threads", a->threads, "0: one per CPU");
  c->add_flag("--allow-out-of-range", a->allowOutOfRange,
              "a value outside its declared range is a warning, no error");
  c->footer(
      "example:\n  mpcc emulate bert.plan --input-dir in --output-dir out");
  return [a] { return emulate(*a); };
}

Command addDis(CLI::App &app) {
  auto path = std::make_shared<std::string>();
  CLI::App *c = app.add_subcommand("dis", "print a plan as text");
  addPlan(*c, *path);
  c->footer("example:\n  mpcc dis bert.plan");
  return [path] {
    Result<plan::Plan> p = plan::Plan::load(*path);
    if (!p)
      return fail(*path, p.error());
    fmt::print("{}", p->disassemble());
    return 0;
  };
}

} // namespace mpc::tools

//===- tools/mpcrun.cpp - executes plans among three parties --------------===//
#include "runtime/plan/Files.h"
#include "tools/Main.h"
#include "tools/RunCommands.h"
#include "tools/RunLocal.h"
#include "tools/RunReport.h"
#include "tools/RunWire.h"

#include "runtime/core/File.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <thread>

namespace {

using namespace mpc;

constexpr const char *kExamples = R"(
Examples:
  mpcrun local bert.plan --input-dir in --output-dir out
  mpcrun local bert.plan --input-dir in --output-dir out --material stored
  mpcrun local bert.plan --weights private/bert.weights --input x=x.npy \
      --output-dir out --stats stats.json --threads 2

Exit status: 0 done, 1 a failure (told on stderr), 2 wrong usage.)";

struct LocalArguments {
  std::string plan, weights, outputDir, stats;
  std::string material = "streamed", materialDir, network = "loopback";
  plan::InputFiles inputs;
  unsigned threads = 0;
  double timeoutSeconds = 300;
};

int fail(const std::string &place, const std::string &message) {
  fmt::print(stderr, "{}: error: {}\n", place, message);
  return 1;
}

/// Evaluators work at the same time: half of the processors each.
unsigned defaultThreads() {
  return std::max(1u, std::thread::hardware_concurrency() / 2);
}

/// A directory of this user's that is gone afterwards.
class TempDir {
public:
  TempDir() {
    std::error_code ec;
    path_ = std::filesystem::temp_directory_path(ec) / "mpcrun-XXXXXX";
    made_ = !ec && ::mkdtemp(path_.data()) != nullptr;
  }
  TempDir(const TempDir &) = delete;
  ~TempDir() {
    std::error_code ignored;
    if (made_)
      std::filesystem::remove_all(path_, ignored);
  }
  bool made() const { return made_; }
  const std::string &path() const { return path_; }

private:
  std::string path_;
  bool made_ = false;
};

int runLocal(const LocalArguments &args) {
  // Not after minutes of work.
  if (Status s = plan::checkOutputDir(args.outputDir); !s)
    return fail("--output-dir", s.error().message);
  if (!args.stats.empty())
    if (Status s = plan::checkWritable(args.stats); !s)
      return fail("--stats", s.error().message);
  auto plan = plan::Plan::load(args.plan);
  if (!plan) {
    // The error names the file already: "x.plan: ...".
    const std::string &m = plan.error().message, prefix = args.plan + ": ";
    return fail(args.plan, m.starts_with(prefix) ? m.substr(prefix.size()) : m);
  }
  auto weights = plan::openWeights(*plan, args.plan, args.weights);
  if (!weights)
    return fail(args.plan, weights.error().message);
  auto inputs = plan::loadInputs(*plan, args.inputs);
  if (!inputs)
    return fail(args.plan, inputs.error().message);
  for (const std::string &note : inputs->notes)
    fmt::print(stderr, "note: {}\n", note);
  auto encoded = vm::encodeInputs(*plan, inputs->arrays);
  plan::wipe(inputs->arrays);
  if (!encoded)
    return fail(args.plan, encoded.error().message);

  tools::LocalOptions options;
  options.planPath = args.plan;
  options.threads = args.threads ? args.threads : defaultThreads();
  // P0 is what both evaluators wait for offline, and it is idle online.
  options.dealerThreads =
      args.threads ? args.threads
                   : std::max(1u, std::thread::hardware_concurrency());
  options.timeout = std::chrono::milliseconds(
      static_cast<int64_t>(args.timeoutSeconds * 1000));
  if (args.network == "lan")
    options.shape = net::LinkShape::lan();
  if (args.network == "wan")
    options.shape = net::LinkShape::wan();
  std::optional<TempDir> temp;
  if (args.material == "stored") {
    options.materialDir = args.materialDir;
    if (args.materialDir.empty()) {
      temp.emplace();
      if (!temp->made())
        return fail(args.plan, "cannot make a temporary directory for the "
                               "offline material; name one with "
                               "--material-dir");
      options.materialDir = temp->path();
    }
  }
  auto result = tools::runLocal(
      *plan, *weights ? vm::readFrom(**weights) : vm::ReadWeight{}, *encoded,
      options);
  if (!result) {
    fmt::print(stderr, "{}: {}\n", args.plan, result.error().message);
    return 1;
  }
  Status saved = plan::saveOutputs(*plan, result->outputs, args.outputDir);
  plan::wipe(result->outputs);
  if (!saved)
    return fail(args.plan, saved.error().message);
  if (!args.stats.empty()) {
    const std::string json = tools::statsJson(*plan, result->stats);
    if (Status s = core::writeFile(
            args.stats,
            {reinterpret_cast<const uint8_t *>(json.data()), json.size()});
        !s)
      return fail(args.plan, s.error().message);
  }
  fmt::print("{}", tools::summary(*plan, result->stats));
  return 0;
}

int run(int argc, char **argv) {
  CLI::App app{"Executes plans of mpcc among three parties.", "mpcrun"};
  app.footer(kExamples);
  app.set_version_flag("--version", "mpcrun " MPCC_VERSION);
  app.require_subcommand(1);

  LocalArguments args;
  CLI::App *local = app.add_subcommand(
      "local", "Three party processes on this machine, over loopback sockets; "
               "this process is the model's owner and the client");
  local->footer(kExamples);
  local->add_option("plan", args.plan, "The plan, X.plan")->required();
  local->add_option("--weights", args.weights,
                    "The owner's weights; default: X.weights");
  local->add_option("--input-dir", args.inputs.directory,
                    "Directory of <input name>.npy");
  local
      ->add_option("--input", args.inputs.overrides,
                   "NAME=FILE: one input's file")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  local
      ->add_option("--output-dir", args.outputDir,
                   "Where <output name>.npy are written")
      ->required();
  local->add_option("--stats", args.stats, "Measurements, as JSON");
  local
      ->add_option("--threads", args.threads,
                   "Threads of each party; default: half of the processors, "
                   "all of them for P0, which works offline only")
      ->check(CLI::Range(1, 1024));
  local
      ->add_option("--shape-network", args.network,
                   "Slows the links of parties and client down: lan is 1 "
                   "Gbit/s, 0.4 ms round trip, wan 100 Mbit/s, 40 ms")
      ->check(CLI::IsMember({"loopback", "lan", "wan"}))
      ->capture_default_str();
  CLI::Option *material =
      local
          ->add_option("--material", args.material,
                       "streamed: the online phase runs while P0 still sends; "
                       "stored: the offline phase goes to files first, from "
                       "which the online phase then runs")
          ->check(CLI::IsMember({"streamed", "stored"}))
          ->capture_default_str();
  local
      ->add_option("--material-dir", args.materialDir,
                   "With --material stored: an existing directory for the "
                   "files; default: a temporary one")
      ->needs(material)
      ->check(CLI::ExistingDirectory);
  local
      ->add_option("--timeout", args.timeoutSeconds,
                   "Seconds a silent peer is waited for")
      ->check(tools::realIn(0.1, 86400.0))
      ->capture_default_str();

  std::vector<std::pair<CLI::App *, tools::RunCommand>> commands;
  for (auto add : {tools::addKeygen, tools::addParty, tools::addPreprocess,
                   tools::addQuery, tools::addDoctor}) {
    tools::RunCommand run = add(app);
    commands.emplace_back(app.get_subcommands({}).back(), std::move(run));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  for (auto &[command, run] : commands)
    if (command->parsed())
      return run();
  return runLocal(args);
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::string_view(argv[1]) == tools::kChildMode)
    return tools::runChild();
  return tools::guardedMain("mpcrun", [&] { return run(argc, argv); });
}

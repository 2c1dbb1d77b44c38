//===- tools/RunLocalCommand.cpp - mpcrun local ---------------------------===//
#include "tools/Main.h"
#include "tools/RunCommands.h"
#include "tools/RunFiles.h"
#include "tools/RunIdentity.h"
#include "tools/RunLocal.h"
#include "tools/RunReport.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <thread>

namespace mpc::tools {
namespace {

constexpr const char *kLocalExamples = R"(
Examples:
  mpcrun local bert.plan --input-dir in --output-dir out
  mpcrun local bert.plan --input-dir in --output-dir out --material stored
  mpcrun local bert.plan --weights private/bert.weights --input x=x.npy \
      --output-dir out --stats stats.json --threads 2

Exit status: 0 done, 1 a failure (told on stderr), 2 wrong usage.)";

struct LocalArguments {
  RunFiles files;
  std::string weights;
  std::string material = "streamed", materialDir, network = "loopback";
  unsigned threads = 0;
  double timeoutSeconds = 300;
};

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

int runLocalCommand(const LocalArguments &args) {
  // Not after minutes of work.
  if (Status s = plan::checkOutputDir(args.files.outputDir); !s)
    return failAt("--output-dir", s.error());
  if (!args.files.stats.empty())
    if (Status s = plan::checkWritable(args.files.stats); !s)
      return failAt("--stats", s.error());
  auto plan = plan::Plan::load(args.files.plan);
  if (!plan)
    return failAt(args.files.plan, plan.error());
  auto weights = plan::openWeights(*plan, args.files.plan, args.weights);
  if (!weights)
    return failAt(args.files.plan, weights.error());
  auto encoded = args.files.readInputs(*plan);
  if (!encoded)
    return failAt(args.files.plan, encoded.error());

  LocalOptions options;
  options.planPath = args.files.plan;
  options.threads = args.threads ? args.threads : defaultThreads();
  // Both evaluators wait for what P0 deals.
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
        return failAt(args.files.plan,
                      Error{"cannot make a temporary directory for the "
                            "offline material; name one with "
                            "--material-dir"});
      options.materialDir = temp->path();
    }
  }
  auto result =
      runLocal(*plan, *weights ? vm::readFrom(**weights) : vm::ReadWeight{},
               *encoded, options);
  if (!result) {
    fmt::print(stderr, "{}: {}\n", args.files.plan, result.error().message);
    return 1;
  }
  Status saved = args.files.saveOutputs(*plan, result->outputs);
  if (saved)
    saved = args.files.saveStats(statsJson(*plan, result->stats));
  if (!saved)
    return failAt(args.files.plan, saved.error());
  fmt::print("{}", summary(*plan, result->stats));
  return 0;
}

} // namespace

RunCommand addLocal(CLI::App &app) {
  auto a = std::make_shared<LocalArguments>();
  CLI::App *c = app.add_subcommand(
      "local", "Three party processes on this machine, over loopback sockets; "
               "this process is the model's owner and the client");
  c->footer(kLocalExamples);
  a->files.addTo(*c);
  c->add_option("--weights", a->weights,
                "The owner's weights; default: X.weights");
  c->add_option("--threads", a->threads,
                "Threads of each party; default: half of the processors, "
                "all of them for P0, which works offline only")
      ->check(CLI::Range(1, 1024));
  c->add_option("--shape-network", a->network,
                "Slows the links of parties and client down: lan is 1 "
                "Gbit/s, 0.4 ms round trip, wan 100 Mbit/s, 40 ms")
      ->check(CLI::IsMember({"loopback", "lan", "wan"}))
      ->capture_default_str();
  CLI::Option *material =
      c->add_option("--material", a->material,
                    "streamed: the online phase runs while P0 still sends; "
                    "stored: the offline phase goes to files first, from "
                    "which the online phase then runs")
          ->check(CLI::IsMember({"streamed", "stored"}))
          ->capture_default_str();
  c->add_option("--material-dir", a->materialDir,
                "With --material stored: an existing directory for the "
                "files; default: a temporary one")
      ->needs(material)
      ->check(CLI::ExistingDirectory);
  c->add_option("--timeout", a->timeoutSeconds,
                "Seconds a silent peer is waited for")
      ->check(realIn(0.1, 86400.0))
      ->capture_default_str();
  return [a] { return runLocalCommand(*a); };
}

} // namespace mpc::tools

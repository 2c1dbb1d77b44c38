//===- tools/RunQuery.cpp - mpcrun query ----------------------------------===//
#include "tools/Main.h"
#include "tools/RunCommands.h"
#include "tools/RunIdentity.h"

#include "runtime/core/File.h"
#include "runtime/plan/Files.h"
#include "runtime/service/Query.h"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace mpc::tools {
namespace {

constexpr const char *kQueryExamples = R"(
Example:
  mpcrun query bert.plan --config parties.toml --key clinic.key \
      --cert clinic.crt --input-dir in --output-dir out

Masks the inputs, sends them to parties 1 and 2, unmasks their answer and
checks that both halves agree. Exit status 1: the request failed, and nothing
was written.)";

struct QueryArguments {
  IdentityOptions identity;
  std::string plan, outputDir, stats;
  plan::InputFiles inputs;
  double timeoutSeconds = 300;
};

int runQuery(const QueryArguments &a) {
  protectProcess();
  auto plan = plan::Plan::load(a.plan);
  if (!plan)
    return failAt(a.plan, plan.error());
  auto config = service::Config::load(a.identity.config);
  if (!config)
    return failAt("query", config.error());
  auto identity = a.identity.load();
  if (!identity)
    return failAt("query", identity.error());
  auto network =
      service::Network::create(*config, net::Role::Client, plan->hash(),
                               *identity ? &**identity : nullptr);
  if (!network)
    return failAt("query", network.error());
  auto inputs = plan::loadInputs(*plan, a.inputs);
  if (!inputs)
    return failAt(a.plan, inputs.error());
  for (const std::string &note : inputs->notes)
    fmt::print(stderr, "note: {}\n", note);
  auto encoded = vm::encodeInputs(*plan, inputs->arrays);
  plan::wipe(inputs->arrays);
  if (!encoded)
    return failAt(a.plan, encoded.error());

  const auto start = std::chrono::steady_clock::now();
  service::Query query(*network);
  auto result = query.run(
      *plan, *encoded,
      service::milliseconds(static_cast<int64_t>(a.timeoutSeconds * 1000)));
  if (!result)
    return failAt(query.id().empty() ? "query" : "request " + query.id(),
                  result.error());
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  Status saved = plan::saveOutputs(*plan, result->outputs, a.outputDir);
  plan::wipe(result->outputs);
  if (!saved)
    return failAt(a.plan, saved.error());
  query.confirm();
  const double online = static_cast<double>(result->report.onlineNs) * 1e-9;
  if (!a.stats.empty()) {
    const nlohmann::ordered_json json = {
        {"request", query.id()},
        {"wall_s", wall},
        {"online_s", online},
        {"bytes",
         {{"client_p1", result->report.sent[1]},
          {"client_p2", result->report.sent[2]}}}};
    const std::string text = json.dump(2) + "\n";
    if (Status s = core::writeFile(
            a.stats,
            {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
        !s)
      return failAt("query", s.error());
  }
  fmt::print("request {}: {:.3f} s, of which {:.3f} s online\n", query.id(),
             wall, online);
  return 0;
}

} // namespace

RunCommand addQuery(CLI::App &app) {
  auto a = std::make_shared<QueryArguments>();
  CLI::App *c = app.add_subcommand(
      "query", "A client's request to the parties of a deployment");
  c->footer(kQueryExamples);
  c->add_option("plan", a->plan, "The plan, X.plan")->required();
  a->identity.addTo(*c);
  c->add_option("--input-dir", a->inputs.directory,
                "Directory of <input name>.npy");
  c->add_option("--input", a->inputs.overrides, "NAME=FILE: one input's file")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  c->add_option("--output-dir", a->outputDir,
                "Where <output name>.npy are written")
      ->required();
  c->add_option("--stats", a->stats, "Measurements, as JSON");
  c->add_option("--timeout", a->timeoutSeconds,
                "Seconds until the request is given up, waiting included")
      ->check(realIn(0.1, 86400.0))
      ->capture_default_str();
  return [a] { return runQuery(*a); };
}

} // namespace mpc::tools

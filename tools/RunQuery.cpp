//===- tools/RunQuery.cpp - mpcrun query ----------------------------------===//
#include "tools/Main.h"
#include "tools/RunCommands.h"
#include "tools/RunFiles.h"
#include "tools/RunIdentity.h"

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
  RunFiles files;
  double timeoutSeconds = 300;
};

int runQuery(const QueryArguments &a) {
  protectProcess();
  auto plan = plan::Plan::load(a.files.plan);
  if (!plan)
    return failAt(a.files.plan, plan.error());
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
  auto encoded = a.files.readInputs(*plan);
  if (!encoded)
    return failAt(a.files.plan, encoded.error());

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
  if (Status s = a.files.saveOutputs(*plan, result->outputs); !s)
    return failAt(a.files.plan, s.error());
  query.confirm();
  const double online = static_cast<double>(result->report.onlineNs) * 1e-9;
  const nlohmann::ordered_json json = {
      {"request", query.id()},
      {"wall_s", wall},
      {"online_s", online},
      {"bytes",
       {{"client_p1", result->report.sent[1]},
        {"client_p2", result->report.sent[2]}}}};
  if (Status s = a.files.saveStats(json.dump(2) + "\n"); !s)
    return failAt("query", s.error());
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
  a->files.addTo(*c);
  a->identity.addTo(*c);
  c->add_option("--timeout", a->timeoutSeconds,
                "Seconds until the request is given up, waiting included")
      ->check(realIn(0.1, 86400.0))
      ->capture_default_str();
  return [a] { return runQuery(*a); };
}

} // namespace mpc::tools

//===- tools/RunDoctor.cpp - mpcrun doctor --------------------------------===//
#include "tools/RunCommands.h"
#include "tools/RunIdentity.h"

#include "runtime/plan/Plan.h"
#include "runtime/service/Ping.h"

#include <cmath>
#include <fmt/format.h>
#include <memory>

namespace mpc::tools {
namespace {

using service::PartyInfo;

constexpr const char *kDoctorExamples = R"(
Examples:
  mpcrun doctor --config parties.toml --key clinic.key --cert clinic.crt
  mpcrun doctor --config parties.toml --key p1.key --cert p1.crt --id 1 \
      --plan bert.plan

Asks each party who it is: reachable, certificate, version, plan, deployment,
clock, latency, bandwidth. Exit status 1 if something is wrong.)";

struct DoctorArguments {
  IdentityOptions identity;
  std::string plan;
  int id = -1;
  double timeoutSeconds = 5;
};

/// What was found, and how many findings are problems.
class Findings {
public:
  explicit Findings(std::string who) : who_(std::move(who)) {}
  void good(const std::string &text) { fmt::print("{}: {}\n", who_, text); }
  void bad(const std::string &text) {
    const std::string named = who_ + ": ";
    fmt::print("{}PROBLEM: {}\n", named,
               text.starts_with(named) ? text.substr(named.size()) : text);
    ++problems;
  }
  int problems = 0;

private:
  std::string who_;
};

void certificate(Findings &f, const tls::CertificateInfo &c) {
  const int64_t left = (c.notAfter - service::unixMsNow() / 1000) / (24 * 3600);
  const std::string text = fmt::format(
      "certificate of '{}', {}, valid until {} ({} days)", c.subject,
      tls::toText(c.fingerprint), tls::timeText(c.notAfter), left);
  left < 30 ? f.bad(text + ": renew it soon (mpcrun keygen --renew)")
            : f.good(text);
}

void measure(Findings &f, net::Channel &channel, const PartyInfo &info,
             int64_t receivedMs) {
  double best = 1e9;
  for (int i = 0; i < 8; ++i) {
    auto s = service::echo(channel, 16);
    if (!s)
      return f.bad(s.error().message);
    best = std::min(best, *s);
  }
  constexpr size_t kBursts = 32;
  double seconds = 0;
  for (size_t i = 0; i < kBursts; ++i) {
    auto s = service::echo(channel, service::kEchoBytes);
    if (!s)
      return f.bad(s.error().message);
    seconds += std::max(*s - best, 1e-6);
  }
  const double rate = 2.0 * 8 * kBursts * service::kEchoBytes / seconds;
  f.good(fmt::format("latency {:.2f} ms (round trip), bandwidth about {:.0f} "
                     "Mbit/s",
                     best * 1e3, rate / 1e6));
  const double skew = static_cast<double>(info.unixMs - receivedMs) / 1e3;
  const std::string clock =
      fmt::format("its clock is {:.1f} s {} ours", std::abs(skew),
                  skew < 0 ? "behind" : "ahead of");
  std::abs(skew) > 60 ? f.bad(clock + ": certificates may seem expired or "
                                      "not yet valid")
                      : f.good(clock);
}

std::optional<PartyInfo> examine(const service::Network &network, int party,
                                 const DoctorArguments &a,
                                 const core::Digest &planHash, int &problems) {
  const auto &entry = network.config().parties[static_cast<size_t>(party)];
  Findings f(fmt::format("party {} at {}", party, entry.address.text()));
  std::unique_ptr<net::Channel> channel;
  tls::CertificateInfo seen;
  auto info = service::ask(
      network, party,
      service::milliseconds(static_cast<int64_t>(a.timeoutSeconds * 1000)),
      &channel, &seen);
  const int64_t now = service::unixMsNow();
  if (!info) {
    f.bad(info.error().message);
    problems += f.problems;
    return std::nullopt;
  }
  f.good(fmt::format("answers; mpcrun {}", info->version));
  if (network.secure())
    certificate(f, seen);
  else
    f.good("plain TCP: nobody's identity is checked");
  if (info->version != MPCC_VERSION)
    f.bad(fmt::format("runs version {}, this is {}", info->version,
                      MPCC_VERSION));
  const std::string plan = core::hex(info->planHash).substr(0, 16);
  if (!a.plan.empty() && info->planHash != planHash)
    f.bad(fmt::format("has plan {}; {} is {}", plan, a.plan,
                      core::hex(planHash).substr(0, 16)));
  else
    f.good(fmt::format("plan {}, deployment {}", plan,
                       core::hex(info->deployment).substr(0, 16)));
  measure(f, *channel, *info, now);
  if (!info->ready)
    f.bad("is not ready: " + info->awaits);
  else if (party == 0)
    f.good("ready");
  else
    f.good(fmt::format("ready; {} prepared sessions, {} requests waiting",
                       info->stock, info->waiting));
  (void)channel->close();
  problems += f.problems;
  return *info;
}

int runDoctor(const DoctorArguments &a) {
  protectProcess();
  auto config = service::Config::load(a.identity.config);
  if (!config)
    return failAt("doctor", config.error());
  auto identity = a.identity.load();
  if (!identity)
    return failAt("doctor", identity.error());
  core::Digest planHash = {};
  if (!a.plan.empty()) {
    auto plan = plan::Plan::load(a.plan);
    if (!plan)
      return failAt("doctor", plan.error());
    planHash = plan->hash();
  }
  const net::Role role =
      a.id < 0 ? net::Role::Client
               : std::array{net::Role::Party0, net::Role::Party1,
                            net::Role::Party2}[static_cast<size_t>(a.id)];
  auto network = service::Network::create(*config, role, planHash,
                                          *identity ? &**identity : nullptr);
  if (!network)
    return failAt("doctor", network.error());
  int problems = 0;
  std::optional<PartyInfo> first;
  for (int party = 0; party < 3; ++party) {
    if (party == a.id)
      continue;
    auto info = examine(*network, party, a, planHash, problems);
    if (!info)
      continue;
    if (first && (first->planHash != info->planHash ||
                  first->deployment != info->deployment)) {
      fmt::print("PROBLEM: parties {} and {} have different plans or "
                 "deployments: they cannot work together\n",
                 first->party, info->party);
      ++problems;
    }
    if (!first)
      first = info;
  }
  fmt::print("{}\n", problems == 0 ? "all is well"
                                   : fmt::format("{} problems", problems));
  return problems == 0 ? 0 : 1;
}

} // namespace

RunCommand addDoctor(CLI::App &app) {
  auto a = std::make_shared<DoctorArguments>();
  CLI::App *c = app.add_subcommand(
      "doctor", "Who of the parties is reachable, and what is wrong");
  c->footer(kDoctorExamples);
  a->identity.addTo(*c);
  c->add_option("--plan", a->plan, "Compare the parties' plan with this one");
  c->add_option("--id", a->id, "Ask as this party; default: as a client")
      ->check(CLI::Range(0, 2));
  c->add_option("--timeout", a->timeoutSeconds, "Seconds for each party")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  return [a] { return runDoctor(*a); };
}

} // namespace mpc::tools

//===- tools/RunParty.cpp - mpcrun party, mpcrun preprocess ---------------===//
#include "tools/RunCommands.h"
#include "tools/RunIdentity.h"

#include "runtime/service/Health.h"
#include "runtime/service/Service.h"

#include <csignal>
#include <fmt/format.h>
#include <memory>
#include <thread>
#include <unistd.h>

namespace mpc::tools {
namespace {

constexpr const char *kPartyExamples = R"(
Examples:
  mpcrun party --id 0 --config parties.toml --plan bert.plan --share p0.share \
      --key p0.key --cert p0.crt
  mpcrun party --id 1 --config parties.toml --plan bert.plan --share p1.share \
      --key p1.key --cert p1.crt --state /var/lib/mpcrun --health 9101

Start the three in any order. Logs are JSON lines on stderr. SIGTERM: no new
requests, finish the accepted ones, end.)";

constexpr const char *kPreprocessExamples = R"(
Example:
  mpcrun preprocess --count 100 --config parties.toml --plan bert.plan \
      --share p1.share --key p1.key --cert p1.crt --state /var/lib/mpcrun

For party 1, whose daemon does not run meanwhile; those of parties 0 and 2 do.)";

struct PartyArguments {
  IdentityOptions identity;
  int id = 1;
  std::string plan, share, state, listen;
  unsigned threads = 0;
  int health = 0;
  size_t count = 0; ///< of preprocess
};

/// Blocks the signals that end a daemon, in all threads made after it.
sigset_t blockEndings() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

void writeLine(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n <= 0)
      return; // nowhere to complain to
    line.remove_prefix(static_cast<size_t>(n));
  }
}

Result<service::ServiceSetup> makeSetup(const PartyArguments &a) {
  service::ServiceSetup s;
  s.party = a.id;
  s.version = MPCC_VERSION;
  s.sharePath = a.share;
  s.stateDir = a.state;
  s.threads =
      a.threads ? a.threads : std::max(1u, std::thread::hardware_concurrency());
  if (a.id != 0 && a.state.empty())
    return Error{
        "--state is needed: parties 1 and 2 keep their material there"};
  auto config = service::Config::load(a.identity.config);
  if (!config)
    return config.error();
  s.config = std::move(*config);
  auto identity = a.identity.load();
  if (!identity)
    return identity.error();
  s.identity = std::move(*identity);
  auto plan = plan::Plan::load(a.plan);
  if (!plan)
    return plan.error();
  s.plan = std::move(*plan);
  if (!a.listen.empty()) {
    auto address = service::parseAddress(a.listen);
    if (!address)
      return address.error();
    auto local = tcp::isLoopback(address->host);
    if (!local)
      return local.error();
    if (a.identity.insecure && !*local)
      return Error{fmt::format("--listen {}: plain TCP listens on loopback "
                               "addresses only",
                               a.listen)};
    auto listener = tcp::Listener::open(address->host, address->port);
    if (!listener)
      return listener.error();
    s.listener.emplace(std::move(*listener));
  }
  return s;
}

int runParty(const PartyArguments &a) {
  protectProcess();
  const sigset_t endings = blockEndings();
  service::Log log(writeLine, a.id);
  const std::string place = fmt::format("party {}", a.id);
  auto setup = makeSetup(a);
  if (!setup)
    return failAt(place, setup.error());
  auto running = service::Service::start(std::move(*setup), log);
  if (!running)
    return failAt(place, running.error());
  service::Service &s = **running;
  std::optional<service::Health> health;
  if (a.health > 0) {
    auto listener =
        tcp::Listener::open("127.0.0.1", static_cast<uint16_t>(a.health));
    if (!listener)
      return failAt(place, listener.error());
    health.emplace(std::move(*listener),
                   service::HealthPages{[&] { return s.awaits(); },
                                        [&] { return s.metricsText(); }});
  }
  int signal = 0;
  sigwait(&endings, &signal);
  std::thread([endings] { // a second one does not wait
    int again = 0;
    sigwait(&endings, &again);
    ::_exit(1);
  })
      .detach();
  s.drain();
  health.reset();
  running->reset();
  log.info("ended");
  return 0;
}

int runPreprocess(const PartyArguments &a) {
  protectProcess();
  const sigset_t endings = blockEndings();
  service::Log log(writeLine, a.id);
  auto setup = makeSetup(a);
  if (!setup)
    return failAt("preprocess", setup.error());
  if (!setup->plan.open.empty())
    return failAt("preprocess",
                  Error{a.plan + ": has public inputs, and material is made "
                                 "for their values: each request makes its "
                                 "own, none ahead of time"});
  setup->preprocessOnly = a.count;
  // What is asked for is what the owner of the machine wants.
  setup->config.limits.stock = static_cast<uint32_t>(a.count);
  auto running = service::Service::start(std::move(*setup), log);
  if (!running)
    return failAt("preprocess", running.error());
  while ((*running)->stock() < a.count) {
    const timespec slice = {0, 100'000'000};
    if (sigtimedwait(&endings, nullptr, &slice) > 0) {
      fmt::print(stderr, "preprocess: ended with {} of {} sessions\n",
                 (*running)->stock(), a.count);
      return 1;
    }
  }
  fmt::print("{} prepared sessions in {}\n", (*running)->stock(), a.state);
  return 0;
}

std::shared_ptr<PartyArguments> addCommon(CLI::App &c) {
  auto a = std::make_shared<PartyArguments>();
  a->identity.addTo(c);
  c.add_option("--plan", a->plan, "The plan, X.plan")->required();
  c.add_option("--share", a->share, "This party's file of mpcc share-weights")
      ->required();
  c.add_option("--state", a->state,
               "Folder of prepared sessions and of the log of used ones "
               "(parties 1 and 2)");
  c.add_option("--threads", a->threads, "Default: one per processor")
      ->check(CLI::Range(1, 1024));
  c.add_option("--listen", a->listen,
               "HOST:PORT to listen on, if not the address in the "
               "configuration");
  return a;
}

} // namespace

RunCommand addParty(CLI::App &app) {
  CLI::App *c = app.add_subcommand(
      "party", "One party's daemon: prepares sessions and serves requests");
  c->footer(kPartyExamples);
  auto a = addCommon(*c);
  c->add_option("--id", a->id, "Which party: 0, 1 or 2")
      ->required()
      ->check(CLI::Range(0, 2));
  c->add_option("--health", a->health,
                "Loopback port of /healthz, /readyz and /metrics")
      ->check(CLI::Range(1, 65535));
  return [a] { return runParty(*a); };
}

RunCommand addPreprocess(CLI::App &app) {
  CLI::App *c = app.add_subcommand(
      "preprocess", "Prepare sessions ahead of time, as party 1");
  c->footer(kPreprocessExamples);
  auto a = addCommon(*c);
  c->add_option("--count", a->count, "How many there are to be")
      ->required()
      ->check(CLI::Range(1, 10'000));
  return [a] { return runPreprocess(*a); };
}

} // namespace mpc::tools

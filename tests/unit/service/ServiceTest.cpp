//===- tests/unit/service/ServiceTest.cpp - three daemons and their clients
//===//
//
// The parties' daemons in one process, over TLS on loopback, each with a
// folder of its own.
//
//===----------------------------------------------------------------------===//
#include "runtime/service/Service.h"
#include "runtime/service/Query.h"
#include "runtime/tls/Keygen.h"
#include "tests/unit/core/TempDir.h"
#include "tests/unit/proto/RunPlan.h"

#include <filesystem>
#include <future>

using namespace mpc;
using namespace mpc::service;
using namespace mpc::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr int kN = 50;

/// x * (1024 k) / 1024 with weights k: exact.
plan::Plan scaled() {
  PlanBuilder b;
  const Reg x = b.input({kN}, 40), w = b.weight({kN}, 40);
  const Reg y =
      b.trunc(b.op(PlanOp::Mul, Form::Additive, 40, {kN}, {x, w}, {}), 10);
  b.output(y);
  return b.done();
}

Ints factors() {
  Ints k(kN);
  for (int i = 0; i < kN; ++i)
    k[static_cast<size_t>(i)] = 1024 * (i - 20);
  return k;
}

/// Everything three operators, an owner and two clients have.
class Organisations {
public:
  TempDir dir;
  plan::Plan plan = scaled();
  Config config;
  std::vector<std::string> log;

  Organisations() {
    for (int p = 0; p < 3; ++p) {
      auto listener = tcp::Listener::open();
      REQUIRE(listener);
      PartyEntry &e = config.parties[static_cast<size_t>(p)];
      e.address = {"127.0.0.1", listener->port()};
      e.peer = {"party " + std::to_string(p), keygen(name(p)), ""};
      listeners_[static_cast<size_t>(p)].emplace(std::move(*listener));
    }
    for (const std::string c : {"alice", "bob"})
      config.clients.push_back({"client '" + c + "'", keygen(c), ""});
    keygen("mallory");
    config.limits.peerTimeout = 5s;
    config.limits.requestTimeout = 20s;
    config.limits.stock = 2;
    config.limits.drain = 5s;
    REQUIRE(weightsOf(plan, {factors()}).save(dir.file("w")));
    share("a");
    share("b");
  }

  static std::string name(int party) { return "p" + std::to_string(party); }

  tls::Fingerprint keygen(const std::string &who) {
    auto made = tls::makeSelfSigned(dir.file(who + ".key"),
                                    dir.file(who + ".crt"), who, 1);
    REQUIRE(made);
    return made->fingerprint;
  }
  void share(const std::string &to) {
    auto weights = plan::WeightsFile::open(dir.file("w"), plan);
    REQUIRE(weights);
    REQUIRE(vm::writeShares(plan, &*weights, dir.file(to)));
  }
  tls::Identity identity(const std::string &who) {
    auto id =
        tls::Identity::load(dir.file(who + ".key"), dir.file(who + ".crt"));
    REQUIRE(id);
    return std::move(*id);
  }
  std::string stateOf(int party) const {
    return dir.file("state" + name(party));
  }

  std::unique_ptr<Service> start(int party, const std::string &shares = "a") {
    ServiceSetup s;
    s.party = party;
    s.config = config;
    s.plan = plan;
    s.sharePath = vm::sharePath(dir.file(shares), party);
    s.stateDir = stateOf(party);
    s.identity = identity(name(party));
    auto &listener = listeners_[static_cast<size_t>(party)];
    if (listener)
      s.listener = std::move(listener);
    listener.reset();
    auto started = Service::start(std::move(s), log_);
    if (!started)
      FAIL(started.error().message);
    return std::move(*started);
  }
  /// Empty: the right answer; else the failure.
  std::string query(const std::string &who, int64_t seed,
                    milliseconds timeout = 20s) {
    const tls::Identity id = identity(who);
    auto network = Network::create(config, net::Role::Client, plan.hash(), &id);
    if (!network)
      return network.error().message;
    Ints x(kN), want(kN);
    for (int64_t i = 0; i < kN; ++i) {
      x[static_cast<size_t>(i)] = seed * 7 + i;
      want[static_cast<size_t>(i)] = (seed * 7 + i) * (i - 20);
    }
    auto encoded = vm::encodeInputs(
        plan, std::vector{core::NpyArray::of<int64_t>({kN}, x)});
    if (!encoded)
      return encoded.error().message;
    Query q(*network);
    auto result = q.run(plan, *encoded, timeout);
    if (!result)
      return result.error().message;
    const auto got = result->outputs[0].as<int64_t>();
    q.confirm();
    return Ints(got.begin(), got.end()) == want ? "" : "a wrong answer";
  }

  /// Of a party that was not started.
  std::optional<tcp::Listener> &listener(int party) {
    return listeners_[static_cast<size_t>(party)];
  }

private:
  Log log_{[this](std::string_view line) { log.emplace_back(line); }, -1};
  std::array<std::optional<tcp::Listener>, 3> listeners_;
};

/// Waits for something that happens soon; the tests' only clock.
template <class F> bool soon(F f) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!f()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

} // namespace

TEST_CASE("three daemons answer several clients, in any order of starting") {
  Organisations o;
  auto p1 = o.start(1);
  CHECK_FALSE(p1->ready());
  CHECK_THAT(p1->awaits(), Contains("party 0"));
  auto p2 = o.start(2);
  auto p0 = o.start(0);
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 6; ++i)
    answers.push_back(std::async(std::launch::async, [&o, i] {
      return o.query(i % 2 ? "alice" : "bob", i + 1);
    }));
  for (auto &a : answers)
    CHECK(a.get() == "");
  CHECK(soon([&] { return p1->metrics().requestsAnswered == 6; }));
  CHECK(soon([&] { return p2->metrics().requestsAnswered == 6; }));
  CHECK(p1->metrics().requestsFailed == 0);
  CHECK(soon([&] { return p0->ready() && p1->ready() && p2->ready(); }));
  CHECK(soon([&] { return p1->stock() == 2 && p2->stock() == 2; }));
  CHECK_THAT(p1->metricsText(), Contains("mpcc_requests_answered_total 6"));
}

TEST_CASE("who has no role here is refused") {
  Organisations o;
  auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2);
  CHECK_THAT(o.query("mallory", 1), Contains("party 2"));
  CHECK_THAT(o.query("p0", 1), Contains("is that of party 0"));
  CHECK(o.query("alice", 2) == "");
}

TEST_CASE("shares of another deployment serve nobody") {
  Organisations o;
  auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2, "b");
  CHECK_THAT(o.query("alice", 1, 3s),
             !Contains("wrong answer") && Contains("party"));
  CHECK(soon(
      [&] { return p1->awaits().find("deployment") != std::string::npos; }));
}

TEST_CASE("a party that restarts is met again, its stock is kept") {
  Organisations o;
  auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2);
  CHECK(o.query("alice", 1) == "");
  CHECK(soon([&] { return p1->stock() == 2 && p2->stock() == 2; }));
  p0.reset();
  CHECK(o.query("alice", 2) == ""); // from the stock, without P0
  p2.reset();
  p2 = o.start(2);
  p0 = o.start(0);
  CHECK(soon([&] { return o.query("bob", 3) == ""; }));
  p1.reset();
  p1 = o.start(1);
  CHECK(soon([&] { return o.query("bob", 4) == ""; }));
}

TEST_CASE("material that was used is refused when it is put back") {
  Organisations o;
  auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2);
  REQUIRE(soon([&] { return p1->stock() == 2 && p2->stock() == 2; }));
  namespace fs = std::filesystem;
  for (int party : {1, 2})
    fs::copy(o.stateOf(party), o.dir.file("copy" + std::to_string(party)));
  p0.reset(); // no new material
  CHECK(o.query("alice", 1) == "");
  CHECK(o.query("alice", 2) == "");
  const size_t left1 = p1->stock(), left2 = p2->stock();
  for (int party : {1, 2})
    for (const auto &e :
         fs::directory_iterator(o.dir.file("copy" + std::to_string(party))))
      if (e.path().extension() == ".material")
        fs::copy(e.path(), o.stateOf(party),
                 fs::copy_options::overwrite_existing);
  p1.reset();
  p2.reset();
  p1 = o.start(1);
  p2 = o.start(2);
  CHECK(p1->stock() == left1);
  CHECK(p2->stock() == left2);
}

TEST_CASE("material of an earlier deployment is thrown away") {
  Organisations o;
  {
    auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2);
    REQUIRE(soon([&] { return p1->stock() == 2 && p2->stock() == 2; }));
  }
  auto p1 = o.start(1, "b"), p2 = o.start(2, "b");
  CHECK(p1->stock() == 0);
  CHECK(p2->stock() == 0);
  auto p0 = o.start(0, "b");
  CHECK(o.query("alice", 1) == "");
}

TEST_CASE("draining refuses new requests and ends") {
  Organisations o;
  auto p0 = o.start(0), p1 = o.start(1), p2 = o.start(2);
  CHECK(o.query("alice", 1) == "");
  p1->drain();
  CHECK_THAT(o.query("alice", 2), Contains("shutting down"));
}

TEST_CASE("a party that waits for a peer ends soon all the same") {
  Organisations o;
  o.config.limits.peerTimeout = 10min;
  const bool away = GENERATE(false, true); // else it accepts, and is silent
  auto p1 = o.start(1);
  std::unique_ptr<net::Link> caller;
  if (away) {
    o.listener(2).reset();
  } else {
    auto accepted = o.listener(2)->accept(20s);
    REQUIRE(accepted);
    caller = std::move(*accepted);
  }
  const auto start = std::chrono::steady_clock::now();
  p1->drain();
  p1.reset();
  CHECK(std::chrono::steady_clock::now() - start < 1min);
}

TEST_CASE("a configuration for one machine never leaves it without TLS") {
  Organisations o;
  o.config.parties[1].address.host = "192.0.2.1";
  auto n = Network::create(o.config, net::Role::Client, o.plan.hash(), nullptr);
  REQUIRE(!n);
  CHECK(n.error().message.find("is no loopback address") != std::string::npos);
}

//===- runtime/vm/InProcessRun.cpp ----------------------------------------===//
#include "runtime/vm/InProcessRun.h"

#include "runtime/net/InProcess.h"
#include "runtime/vm/Client.h"
#include "runtime/vm/Party.h"

#include <optional>
#include <thread>

namespace mpc::vm {
namespace {

using net::Channel;

constexpr int kClient = 3, kOwner = 4;
constexpr std::array<std::pair<int, int>, 8> kLinks = {
    {{0, 1}, {0, 2}, {1, 2}, {4, 0}, {4, 1}, {4, 2}, {3, 1}, {3, 2}}};

net::Role roleOf(int who) {
  return std::array{net::Role::Party0, net::Role::Party1, net::Role::Party2,
                    net::Role::Client,
                    net::Role::Owner}[static_cast<size_t>(who)];
}

class MapTap final : public proto::Tap {
public:
  void coins(uint32_t instr, std::span<const uint64_t> values) override {
    all[instr].assign(values.begin(), values.end());
  }
  std::map<uint32_t, std::vector<uint64_t>> all;
};

/// The channels of everybody: [of][to].
struct Mesh {
  std::array<std::array<std::unique_ptr<Channel>, 5>, 5> channel;
  std::array<std::array<net::Transcript, 5>, 5> transcript;

  explicit Mesh(const InProcessOptions &options) {
    for (auto [a, b] : kLinks) {
      auto [first, second] = net::inProcessLinks();
      add(a, b, std::move(first), options);
      add(b, a, std::move(second), options);
    }
  }
  void add(int of, int to, std::unique_ptr<net::Link> link,
           const InProcessOptions &options) {
    const auto i = static_cast<size_t>(of), j = static_cast<size_t>(to);
    if (options.wrapLink)
      link = options.wrapLink(of, to, std::move(link));
    if (options.recordViews)
      link = net::recordingLink(std::move(link), transcript[i][j]);
    channel[i][j] =
        std::make_unique<Channel>(std::move(link), net::roleName(roleOf(to)));
    channel[i][j]->setDeadline(options.deadline);
  }
  /// In the order of kLinks on every side, so nobody waits in a circle.
  Status hello(int who, const core::Digest &planHash) {
    for (auto [a, b] : kLinks) {
      if (a != who && b != who)
        continue;
      const int peer = a == who ? b : a;
      Channel &c =
          *channel[static_cast<size_t>(who)][static_cast<size_t>(peer)];
      auto other = net::exchangeHello(
          c, {.role = roleOf(who), .planHash = planHash}, roleOf(peer));
      if (!other)
        return other.error();
    }
    return {};
  }
  PartyLinks links(int who) {
    auto &c = channel[static_cast<size_t>(who)];
    return {c[0].get(), c[1].get(), c[2].get(), c[3].get(), c[4].get()};
  }
  /// Ends a role's channels, so that a peer of a failed role does not wait.
  void drop(int who) {
    for (auto &c : channel[static_cast<size_t>(who)])
      c.reset();
  }
};

Error inRole(int who, const Error &e) {
  return Error{std::string(net::roleName(roleOf(who))) + ": " + e.message};
}

} // namespace

Result<InProcessResult> runInProcess(const plan::Plan &plan,
                                     const plan::Weights &weights,
                                     std::span<const core::NpyArray> inputs,
                                     const InProcessOptions &options) {
  const auto encoded = encodeInputs(plan, inputs);
  if (!encoded)
    return encoded.error();
  const core::Digest hash = plan.hash();
  Mesh mesh(options);
  std::array<MapTap, 3> taps;
  std::array<std::optional<Result<PartyReport>>, 3> reports;
  const uint64_t start = nowNs();

  const auto party = [&](int who) {
    const auto i = static_cast<size_t>(who);
    kernels::ThreadPool pool(options.threads);
    PartyOptions o;
    o.packBudget = options.packBudget;
    o.materialDir = options.materialDir;
    if (options.recordCoins)
      o.tap = &taps[i];
    Status hello = mesh.hello(who, hash);
    reports[i] = hello ? runParty(plan, who, mesh.links(who), pool, o)
                       : Result<PartyReport>(hello.error());
    if (!*reports[i])
      mesh.drop(who);
  };
  std::optional<Result<ClientResult>> client;
  Status owner;
  uint64_t deployed = 0;
  {
    std::vector<std::jthread> threads;
    for (int who = 0; who < 3; ++who)
      threads.emplace_back(party, who);
    threads.emplace_back([&] {
      owner = mesh.hello(kOwner, hash);
      auto &c = mesh.channel[kOwner];
      if (owner)
        owner = deploy(plan, weights, *c[0], *c[1], *c[2]);
      deployed = nowNs();
      if (!owner)
        mesh.drop(kOwner);
    });
    Status hello = mesh.hello(kClient, hash);
    auto &c = mesh.channel[kClient];
    client = hello ? runClient(plan, *encoded, *c[1], *c[2])
                   : Result<ClientResult>(hello.error());
    if (!*client)
      mesh.drop(kClient);
  }
  // Several report a failure: shown is who is nearest to its cause.
  std::optional<Error> worst;
  const auto consider = [&](int who, const Error &e) {
    if (!worst || nearness(e) > nearness(*worst))
      worst = inRole(who, e);
  };
  for (int who = 0; who < 3; ++who)
    if (const auto &r = *reports[static_cast<size_t>(who)]; !r)
      consider(who, r.error());
  if (!owner)
    consider(kOwner, owner.error());
  if (!*client)
    consider(kClient, client->error());
  if (worst)
    return *worst;

  InProcessResult result;
  result.outputs = std::move((*client)->outputs);
  for (size_t i = 0; i < 3; ++i) {
    result.parties[i] = **reports[i];
    result.coins.merge(taps[i].all);
    for (size_t j = 0; j < 5; ++j)
      result.views[i][j] = net::payloadOf(mesh.transcript[i][j].received);
  }
  result.stats = combine(result.parties, (*client)->report);
  result.stats.setupSeconds = static_cast<double>(deployed - start) * 1e-9;
  result.stats.wallSeconds = static_cast<double>(nowNs() - deployed) * 1e-9;
  return result;
}

} // namespace mpc::vm

//===- runtime/service/Service.cpp ----------------------------------------===//
#include "runtime/service/Service.h"

#include "runtime/core/File.h"
#include "runtime/proto/Univariate.h"

#include <condition_variable>
#include <filesystem>
#include <fmt/format.h>

namespace mpc::service {

using namespace std::chrono_literals;

namespace {

/// How long a party that ends goes on with what it does with others.
constexpr auto kPatience = 500ms;

net::Role roleOf(int party) {
  return std::array{net::Role::Party0, net::Role::Party1,
                    net::Role::Party2}[static_cast<size_t>(party)];
}

/// Without a private key (plain TCP, loopback only) the folder has one of its
/// own for its files.
Result<core::SecretVector<uint8_t>> folderSecret(const std::string &dir) {
  std::error_code ec;
  std::filesystem::create_directories(dir, ec);
  const std::string path = dir + "/key";
  core::SecretVector<uint8_t> secret(32);
  if (auto bytes = core::readRegularFile(path, secret.size());
      bytes && bytes->size() == secret.size()) {
    std::ranges::copy(*bytes, secret.begin());
    core::wipe(bytes->data(), bytes->size());
    return secret;
  }
  MPC_TRY(crypto::osRandom(secret.span()));
  MPC_TRY(core::writeFile(path, secret.span(), 0600));
  return secret;
}

/// Material fits the deployment it was made for: that of another one must not
/// even open.
core::SecretVector<uint8_t>
ofDeployment(const core::SecretVector<uint8_t> &secret,
             const vm::DeploymentId &id) {
  core::Digest d = core::Sha256().update(secret.span()).update(id).finish();
  auto out = core::SecretVector<uint8_t>::copyOf(d);
  core::wipe(d.data(), d.size());
  return out;
}

} // namespace

Result<std::unique_ptr<Service>> Service::start(ServiceSetup setup, Log &log) {
  std::unique_ptr<Service> s(new Service(std::move(setup)));
  MPC_TRY(s->prepare(log));
  return s;
}

Status Service::prepare(Log &log) {
  const int party = setup_.party;
  MPC_TRY(proto::checkParameters(setup_.plan));
  planHash_ = setup_.plan.hash();
  const tls::Identity *identity = setup_.identity ? &*setup_.identity : nullptr;
  auto network =
      Network::create(setup_.config, roleOf(party), planHash_, identity);
  if (!network)
    return network.error();
  network_.emplace(std::move(*network));
  pool_.emplace(setup_.threads);
  const Address &address =
      setup_.config.parties[static_cast<size_t>(party)].address;
  if (!setup_.listener) {
    auto listener = tcp::Listener::open(address.host, address.port);
    if (!listener)
      return listener.error();
    setup_.listener.emplace(std::move(*listener));
  }

  vm::DeploymentId id;
  if (party == 0) {
    auto share = vm::loadDealerShare(setup_.plan, setup_.sharePath);
    if (!share)
      return share.error();
    dealerShare_.emplace(std::move(*share));
    vm::packWeights(setup_.plan, dealerShare_->deployment, *pool_);
    id = dealerShare_->id;
  } else {
    auto share = vm::loadEvaluatorShare(setup_.plan, party, setup_.sharePath);
    if (!share)
      return share.error();
    share_.emplace(std::move(*share));
    vm::packWeights(setup_.plan, party, share_->deployment, *pool_);
    id = share_->id;
  }
  core_.reset(
      new Core{party, setup_.config, setup_.plan, id, *network_, *pool_, log});
  for (int peer = 0; peer < 3; ++peer)
    if (peer != party)
      trouble_[static_cast<size_t>(peer)] = "not reached yet";
  if (party == 0) {
    desk_ = std::make_unique<DealerDesk>(*core_, dealerShare_->deployment);
  } else {
    core::SecretVector<uint8_t> secret;
    if (identity) {
      secret = identity->deriveSecret("mpcc offline material v1");
    } else {
      auto made = folderSecret(setup_.stateDir);
      if (!made)
        return made.error();
      secret = std::move(*made);
    }
    auto stock = Stock::open(setup_.stateDir, party, setup_.plan,
                             ofDeployment(secret, id));
    if (!stock)
      return stock.error();
    stock_ = std::move(*stock);
    if (stock_->discarded() > 0)
      log.warn("material_discarded", {{"files", stock_->discarded()}});
    requests_ = std::make_unique<Requests>(setup_.config.limits);
    if (party == 1)
      leader_ = std::make_unique<Leader>(*core_, share_->deployment, *stock_,
                                         *requests_);
    else
      follower_ = std::make_unique<Follower>(*core_, share_->deployment,
                                             *stock_, *requests_);
  }
  door_ = std::make_unique<Door>(
      std::move(*setup_.listener), setup_.config.limits.connections,
      [this](tcp::Fd fd) { receive(std::move(fd)); });
  looker_ = std::jthread([this](std::stop_token stop) { look(stop); });
  if (leader_) {
    const size_t stock = setup_.plan.open.empty() ? setup_.config.limits.stock
                                                  : 0; // Evaluators.h
    leader_->start(setup_.preprocessOnly.value_or(stock),
                   !setup_.preprocessOnly);
  }
  log.info("started", {{"address", address.text()},
                       {"port", static_cast<int>(door_->port())},
                       {"plan", core::hex(planHash_).substr(0, 16)},
                       {"deployment", core::hex(id).substr(0, 16)},
                       {"tls", network_->secure()},
                       {"stock", this->stock()}});
  return {};
}

Service::~Service() {
  if (core_)
    core_->draining = true;
  // Who waits for a peer or a client is woken by the end of its socket. What
  // P1 does with others at the moment may end in peace, but not at the pace of
  // a peer that is not there.
  std::jthread patience([this](std::stop_token ended) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, ended, kPatience, [] { return false; });
    if (network_)
      network_->stopCalling();
  });
  looker_ = {};
  if (leader_)
    leader_->stop();
  if (requests_)
    requests_->stopAdmitting();
  door_.reset();
}

void Service::drain() {
  core_->draining = true;
  core_->log.info("draining");
  if (!requests_)
    return;
  requests_->stopAdmitting();
  const auto deadline = Clock::now() + setup_.config.limits.drain;
  while (Clock::now() < deadline &&
         (requests_->waiting() > 0 || core_->metrics.serving > 0))
    std::this_thread::sleep_for(10ms);
  if (follower_ || leader_)
    (leader_ ? static_cast<Evaluator &>(*leader_) : *follower_)
        .refuseAll("this party is shutting down");
}

//===----------------------------------------------------------------------===//
// Callers
//===----------------------------------------------------------------------===//

void Service::receive(tcp::Fd fd) {
  auto guest = network_->receive(std::move(fd));
  if (!guest) {
    ++core_->metrics.connectionsRefused;
    core_->log.warn("connection_refused", {{"error", guest.error().message}});
    return;
  }
  const net::Role role = guest->hello.role;
  const bool evaluator = role == net::Role::Party1 || role == net::Role::Party2;
  switch (guest->hello.intent) {
  case net::Intent::Ping:
    return answerPing(*network_, *guest, info());
  case net::Intent::Prepare:
    if (desk_ && evaluator)
      return desk_->handle(std::move(*guest));
    break;
  case net::Intent::Lead:
    if (follower_ && role == net::Role::Party1)
      return follower_->follow(std::move(*guest));
    break;
  case net::Intent::Query:
    if (role == net::Role::Client && !setup_.preprocessOnly) {
      if (leader_)
        return leader_->receive(std::move(*guest));
      if (follower_)
        return follower_->receive(std::move(*guest));
    }
    break;
  case net::Intent::Run:
    break;
  }
  ++core_->metrics.connectionsRefused;
  core_->log.warn("connection_refused",
                  {{"peer", guest->label},
                   {"error", "asks for what is not its or this party's role"}});
  (void)guest->channel->sendError("this is not done here for this role");
}

//===----------------------------------------------------------------------===//
// Peers
//===----------------------------------------------------------------------===//

void Service::meet(int peer) {
  const size_t i = static_cast<size_t>(peer);
  auto seen = ask(*network_, peer, 3s);
  std::string now;
  if (!seen)
    now = seen.error().message;
  else if (seen->planHash != planHash_)
    now = fmt::format("party {} has another plan: {}, not {}", peer,
                      core::hex(seen->planHash).substr(0, 16),
                      core::hex(planHash_).substr(0, 16));
  else if (seen->deployment != core_->deployment)
    now = fmt::format("party {} has shares of another deployment: {}, not {}",
                      peer, core::hex(seen->deployment).substr(0, 16),
                      core::hex(core_->deployment).substr(0, 16));
  core_->metrics.peerUp[i] = now.empty();
  std::lock_guard lock(mutex_);
  if (now == trouble_[i])
    return;
  trouble_[i] = now;
  if (now.empty())
    core_->log.info("peer_up", {{"peer", peer}});
  else
    core_->log.warn("waiting_for_peer", {{"peer", peer}, {"error", now}});
}

void Service::look(std::stop_token stop) {
  std::array<Clock::time_point, 3> due = {};
  std::condition_variable_any never;
  std::mutex mutex;
  while (!stop.stop_requested()) {
    if (leader_)
      leader_->sweep();
    if (follower_)
      follower_->sweep();
    for (int peer = 0; peer < 3 && !stop.stop_requested(); ++peer) {
      const size_t i = static_cast<size_t>(peer);
      if (peer == setup_.party || Clock::now() < due[i])
        continue;
      meet(peer);
      std::lock_guard lock(mutex_);
      due[i] = Clock::now() + (trouble_[i].empty() ? 15s : 1s);
    }
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, 200ms, [] { return false; });
  }
}

std::string Service::awaits() const {
  if (core_->draining)
    return "shutting down";
  std::lock_guard lock(mutex_);
  for (size_t peer = 0; peer < 3; ++peer)
    if (!trouble_[peer].empty())
      return fmt::format("party {}: {}", peer, trouble_[peer]);
  if (leader_ && stock_->size() == 0)
    return leader_->trouble();
  return "";
}

bool Service::ready() const { return awaits().empty(); }

PartyInfo Service::info() const {
  PartyInfo i;
  i.version = setup_.version;
  i.party = static_cast<uint8_t>(setup_.party);
  i.planHash = planHash_;
  i.deployment = core_->deployment;
  i.unixMs = unixMsNow();
  i.awaits = awaits();
  i.ready = i.awaits.empty();
  i.stock = stock();
  i.waiting = requests_ ? requests_->waiting() : 0;
  return i;
}

std::string Service::metricsText() const {
  return core_->metrics.text(setup_.party);
}

} // namespace mpc::service

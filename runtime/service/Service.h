//===- runtime/service/Service.h - one party's daemon ---------------------===//
//
// Loads a share, listens, meets its peers in any order, and acts as its party
// until it is told to drain:
//
//   auto s = Service::start(std::move(setup), log);
//   ...
//   (*s)->drain();     // refuses new requests, finishes the accepted ones
//
// Threads: one a connection (bounded), P1's two loops (Evaluators.h), and one
// that looks after peers and queues. Errors of one connection end it alone.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/DealerDesk.h"
#include "runtime/service/Door.h"
#include "runtime/service/Evaluators.h"
#include "runtime/service/Ping.h"

namespace mpc::service {

struct ServiceSetup {
  int party = 0;
  Config config;
  plan::Plan plan; ///< verified
  std::string sharePath;
  std::string stateDir; ///< of P1 and P2: stock and the log of what was used
  std::optional<tls::Identity> identity; ///< none: plain TCP on loopback
  std::optional<tcp::Listener> listener; ///< default: the party's address
  unsigned threads = 1;
  std::string version;
  /// P1: only fill the stock up to this many sessions, take no requests.
  std::optional<size_t> preprocessOnly;
};

class Service {
public:
  static Result<std::unique_ptr<Service>> start(ServiceSetup setup, Log &log);
  /// Soon, also while a peer is silent or away.
  ~Service();

  /// New requests are refused; accepted ones are served until the drain
  /// deadline, the rest is told that this party shuts down.
  void drain();

  bool ready() const;
  /// What it waits for; empty: nothing.
  std::string awaits() const;
  PartyInfo info() const;
  std::string metricsText() const;
  uint16_t port() const { return door_->port(); }
  size_t stock() const { return stock_ ? stock_->size() : 0; }
  Metrics &metrics() { return core_->metrics; }

private:
  explicit Service(ServiceSetup setup) : setup_(std::move(setup)) {}
  Status prepare(Log &log);
  void receive(tcp::Fd fd);
  void look(std::stop_token stop);
  void meet(int peer);

  ServiceSetup setup_;
  core::Digest planHash_ = {};
  std::optional<Network> network_;
  std::optional<kernels::ThreadPool> pool_;
  std::optional<vm::DealerShare> dealerShare_;
  std::optional<vm::EvaluatorShare> share_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Stock> stock_;
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<DealerDesk> desk_;
  std::unique_ptr<Leader> leader_;
  std::unique_ptr<Follower> follower_;
  mutable std::mutex mutex_;
  std::array<std::string, 3> trouble_; ///< with each peer; empty: none
  std::unique_ptr<Door> door_;
  std::jthread looker_;
};

} // namespace mpc::service

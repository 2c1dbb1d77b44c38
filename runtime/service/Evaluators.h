//===- runtime/service/Evaluators.h - P1 leads, P2 follows ----------------===//
//
// P1 decides what happens next and says so on a link to P2 (LeadWire.h); both
// then act alike. Preparing and serving have a link each, so that stock is
// made while requests are served. A failure ends that link and that request or
// preparation, and nothing else; the next one calls again.
//
// Material of a plan with public inputs is for their values: it is made when a
// client's turn has come and it has sent them, and there is no stock.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Core.h"
#include "runtime/service/LeadWire.h"
#include "runtime/service/Stock.h"

#include <thread>

namespace mpc::service {

/// What P1 and P2 do alike.
class Evaluator {
public:
  Evaluator(Core &core, const vm::EvaluatorDeployment &deployment, Stock &stock,
            Requests &requests)
      : core_(core), deployment_(deployment), stock_(stock),
        requests_(requests) {}

  /// Admits a client that called, or refuses it; in its own thread.
  void receive(Guest guest);
  /// Refuses who waited too long, forgets who went away.
  void sweep();
  void refuseAll(const std::string &why);

protected:
  /// Both have agreed on it: calls P0, stores, confirms with the peer.
  Status prepare(const Token &token, net::Channel &link);
  /// Both have agreed on it: runs the online phase and says how it went, to
  /// the client, the peer and the log.
  Status serve(const Token &token, Request &request, net::Channel &link);
  /// Ends a request that did not get as far as serve().
  void fail(Request &request, const Error &e);
  /// Whether there may be one more session's material.
  Status roomForOne() const;

  Core &core_;
  const vm::EvaluatorDeployment &deployment_;
  Stock &stock_;
  Requests &requests_;

private:
  Status online(const Token &token, Request &request, net::Channel &link);
  /// The client's public inputs, then material for them.
  Status prepareFor(vm::OpenSession &open, const Token &token,
                    net::Channel &client, net::Channel &link);
  /// Calls P0 and writes the file, as the peer does.
  Status store(const vm::OpenSession &open, const Token &token,
               net::Channel &link);
};

/// P1.
class Leader : public Evaluator {
public:
  using Evaluator::Evaluator;
  ~Leader();
  /// target: sessions to keep ready. serving: whether requests are taken.
  void start(size_t target, bool serving = true);
  void stop();
  /// Why the last preparation failed; empty: it did not.
  std::string trouble() const;

private:
  using Link = std::unique_ptr<net::Channel>;
  void serveLoop(std::stop_token stop);
  void stockLoop(std::stop_token stop, size_t target);
  Status serveOne(Request &request, std::stop_token stop);
  /// One attempt with this session. False: P2 lacks it, try another one.
  Result<bool> serveWith(const Token &token, Request &request);
  Status prepareOne();
  Status connect(Link &link);
  Status syncStock();
  Result<Reply> command(Link &link, const Command &command);
  void note(const std::string &trouble);

  Link serveLink_, stockLink_; ///< each used by its thread only
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string trouble_;
  std::atomic<size_t> wanted_ = 0; ///< requests that wait for material
  std::jthread stocking_, serving_;
};

/// P2.
class Follower : public Evaluator {
public:
  using Evaluator::Evaluator;
  /// Serves a link of P1's until it ends; in its own thread.
  void follow(Guest guest);
  size_t active() const { return active_; }

private:
  Status obey(const Command &command, net::Channel &link);
  std::atomic<size_t> active_ = 0;
};

} // namespace mpc::service

//===- runtime/service/Requests.h - clients that wait for their turn ------===//
//
// The bounded queue of one evaluator. P1 takes the next one, a client after
// the other, so that nobody with many requests keeps others waiting; P2 takes
// the one that P1 names. Refused are: too many in all, too many of one client,
// too many a minute, anything after stopAdmitting().
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Network.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>

namespace mpc::service {

using Clock = std::chrono::steady_clock;

struct Request {
  Guest guest;
  Clock::time_point arrived = Clock::now();
  const Token &id() const { return guest.hello.sessionId; }
};

class Requests {
public:
  explicit Requests(const Limits &limits) : limits_(limits) {}

  /// Whether there is room; takes one of the client's requests of this minute.
  /// enter() must follow a success.
  Status admit(size_t client);
  void enter(Request request);
  /// Gives admit()'s place back: the client went away before enter().
  void leave(size_t client);

  /// The next one, fairly; nothing once stopped.
  std::optional<Request> next(std::stop_token stop);
  /// The one with this id, waiting for it until `deadline`.
  std::optional<Request> take(const Token &id, Clock::time_point deadline);

  /// Removes those that wait too long or went away, with the reason.
  std::vector<std::pair<Request, Error>> sweep(Clock::time_point now);
  /// Removes all.
  std::vector<Request> clear();
  void stopAdmitting();
  size_t waiting() const;

private:
  struct Client {
    std::deque<Request> queue;
    size_t entering = 0;   ///< admitted, not yet in the queue
    double allowance = -1; ///< requests left of this minute; < 0: not yet seen
    Clock::time_point refilled;
  };
  size_t count() const;
  std::optional<Request> nextLocked();

  const Limits &limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<size_t, Client> clients_;
  size_t last_ = 0; ///< whose turn it was
  bool admitting_ = true;
};

} // namespace mpc::service

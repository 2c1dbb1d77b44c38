//===- runtime/service/Door.h - somebody listens, nobody blocks it --------===//
//
// Accepts connections and gives each to a handler in a thread of its own, so
// that one who connects and stays silent keeps nobody else waiting. At most
// `most` are handled at once; more are closed at the door. Handlers bound their
// own waiting; closing the door ends it early: their sockets are shut down.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/tcp/Tcp.h"

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace mpc::service {

class Door {
public:
  using Handler = std::function<void(tcp::Fd)>;

  Door(tcp::Listener listener, size_t most, Handler handler);
  Door(const Door &) = delete;
  Door &operator=(const Door &) = delete;
  /// Closes, and waits for the handlers.
  ~Door();

  /// Accepts nobody any more. Handlers go on.
  void stopAccepting();
  uint16_t port() const { return port_; }
  /// Connections refused because too many were open.
  uint64_t refused() const { return refused_; }

private:
  struct Guest {
    tcp::Fd twin; ///< the same socket, to shut it down
    std::atomic<bool> done = false;
    std::jthread thread;
  };
  void run(std::stop_token stop);
  void admit(tcp::Fd fd);
  void sweep();

  uint16_t port_;
  size_t most_;
  Handler handler_;
  tcp::Listener listener_;
  std::mutex mutex_;
  std::list<Guest> guests_;
  std::atomic<uint64_t> refused_ = 0;
  std::jthread thread_; ///< last: it uses the others
};

} // namespace mpc::service

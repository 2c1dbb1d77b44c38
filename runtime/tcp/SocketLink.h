//===- runtime/tcp/SocketLink.h - a net::Link over a stream socket --------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/net/Link.h"

#include <memory>

namespace mpc::tcp {

/// An open file descriptor, closed on destruction.
class Fd {
public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd &&other) noexcept : fd_(other.release()) {}
  Fd &operator=(Fd &&other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  int release();
  /// Another descriptor of the same socket; none on failure.
  Fd twin() const;
  /// Ends both directions, also for twins and for whoever waits on it.
  void shutdown() const;
  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_;
};

/// A link over a connected stream socket (TCP or Unix), which it takes over.
/// An error, and `fd` closed, if it is no such socket.
Result<std::unique_ptr<net::Link>> fromFd(int fd);

/// Both ends of a Unix socketpair, for a parent and a forked child.
Result<std::pair<std::unique_ptr<net::Link>, std::unique_ptr<net::Link>>>
socketPair();

} // namespace mpc::tcp

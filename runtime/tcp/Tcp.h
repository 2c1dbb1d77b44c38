//===- runtime/tcp/Tcp.h - connect the parties over TCP -------------------===//
//
//   auto listener = tcp::Listener::open();           // 127.0.0.1, any port
//   ... tell the peer listener->port() ...
//   auto link = listener->accept(30s);               // or tcp::connect(...)
//   net::Channel channel(std::move(*link), "party 2");
//   auto peer = net::exchangeHello(channel, hello, net::Role::Party2);
//
// A connection proves nothing about who is at the other end: exchangeHello()
// compares what both sides know, and only TLS authenticates.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/net/Link.h"
#include "runtime/tcp/SocketLink.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace mpc::tcp {

/// A listening TCP socket.
class Listener {
public:
  /// Listens on a numeric address or host name; port 0: any free one.
  static Result<Listener> open(const std::string &address = "127.0.0.1",
                               uint16_t port = 0);

  uint16_t port() const { return port_; }

  /// The next connection; an error when none comes within `timeout`.
  Result<std::unique_ptr<net::Link>> accept(std::chrono::milliseconds timeout);
  /// The same as a socket: what TLS is put upon. Nothing where none came.
  Result<std::optional<Fd>> acceptFd(std::chrono::milliseconds timeout);

private:
  Listener(Fd fd, std::string name, uint16_t port)
      : fd_(std::move(fd)), name_(std::move(name)), port_(port) {}
  Fd fd_;
  std::string name_;
  uint16_t port_;
};

/// Connects, trying again until the peer listens or `timeout` has passed.
Result<std::unique_ptr<net::Link>> connect(const std::string &host,
                                           uint16_t port,
                                           std::chrono::milliseconds timeout);

/// The same as a socket. Gives up soon after `stop` is requested.
Result<Fd> connectFd(const std::string &host, uint16_t port,
                     std::chrono::milliseconds timeout,
                     const std::stop_token &stop = {});

/// Whether a host name means this machine only: all of its addresses are
/// loopback ones.
Result<bool> isLoopback(const std::string &host);

/// "10.0.0.7": the other end of a connection; empty where there is none.
std::string peerAddress(const Fd &fd);

} // namespace mpc::tcp

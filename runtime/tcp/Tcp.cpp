//===- runtime/tcp/Tcp.cpp - listening and connecting ---------------------===//
#include "runtime/tcp/Tcp.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace mpc::tcp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct AddressesFree {
  void operator()(addrinfo *a) const { ::freeaddrinfo(a); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesFree>;

Result<Addresses> resolve(const std::string &host, uint16_t port, int flags) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo *list = nullptr;
  const int rc =
      ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (rc != 0)
    return Error{
        fmt::format("cannot resolve '{}': {}", host, ::gai_strerror(rc))};
  return Addresses(list);
}

Fd makeSocket(const addrinfo &a) {
  return Fd(::socket(a.ai_family, a.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                     a.ai_protocol));
}

void prepare(const Fd &fd) {
  const int on = 1; // rounds are latency-bound
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

uint16_t portOf(const sockaddr_storage &a) {
  return ntohs(a.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6 &>(a).sin6_port
                   : reinterpret_cast<const sockaddr_in &>(a).sin_port);
}

/// Waits for `events`; false at the deadline, after a request to stop or on an
/// error (errno says).
bool waitFor(int fd, short events, Clock::time_point deadline,
             const std::stop_token &stop = {}) {
  constexpr milliseconds kLook{100}; // for a request to stop
  for (;;) {
    auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (stop.stop_possible())
      left = std::min(left, kLook);
    pollfd p = {fd, events, 0};
    const int n = ::poll(
        &p, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (n > 0)
      return true;
    if (n < 0 && errno != EINTR)
      return false;
    if (stop.stop_requested()) {
      errno = ECANCELED;
      return false;
    }
    if (Clock::now() >= deadline) {
      errno = ETIMEDOUT;
      return false;
    }
  }
}

/// Connecting to a free ephemeral port of one's own machine can meet itself
/// (TCP simultaneous open): a connection without a peer.
bool connectedToItself(int fd) {
  sockaddr_storage mine = {}, theirs = {};
  socklen_t nMine = sizeof(mine), nTheirs = sizeof(theirs);
  return ::getsockname(fd, reinterpret_cast<sockaddr *>(&mine), &nMine) == 0 &&
         ::getpeername(fd, reinterpret_cast<sockaddr *>(&theirs), &nTheirs) ==
             0 &&
         nMine == nTheirs && std::memcmp(&mine, &theirs, nMine) == 0;
}

/// 0 and a connected fd, or the errno of the failure.
int connectOnce(const addrinfo &a, Clock::time_point deadline,
                const std::stop_token &stop, Fd &out) {
  Fd fd = makeSocket(a);
  if (!fd)
    return errno;
  if (::connect(fd.get(), a.ai_addr, a.ai_addrlen) != 0) {
    if (errno != EINPROGRESS && errno != EINTR)
      return errno;
    if (!waitFor(fd.get(), POLLOUT, deadline, stop))
      return errno;
    int err = 0;
    socklen_t size = sizeof(err);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &err, &size) != 0)
      return errno;
    if (err != 0)
      return err;
  }
  if (connectedToItself(fd.get()))
    return ECONNREFUSED;
  out = std::move(fd);
  return 0;
}

/// Worth another try: the peer or its network may not be up yet.
bool passes(int err) {
  return err == ECONNREFUSED || err == ECONNRESET || err == ETIMEDOUT ||
         err == EHOSTUNREACH || err == ENETUNREACH || err == EAGAIN;
}

} // namespace

Result<Listener> Listener::open(const std::string &address, uint16_t port) {
  auto list = resolve(address, port, AI_PASSIVE);
  if (!list)
    return list.error();
  int err = 0;
  for (const addrinfo *a = list->get(); a; a = a->ai_next) {
    Fd fd = makeSocket(*a);
    const int on = 1;
    sockaddr_storage bound = {};
    socklen_t size = sizeof(bound);
    if (fd &&
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ==
            0 &&
        ::bind(fd.get(), a->ai_addr, a->ai_addrlen) == 0 &&
        ::listen(fd.get(), 64) == 0 &&
        ::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&bound), &size) ==
            0) {
      const uint16_t actual = portOf(bound);
      return Listener(std::move(fd), fmt::format("{}:{}", address, actual),
                      actual);
    }
    err = errno;
  }
  return Error{fmt::format("cannot listen on {}:{}: {}", address, port,
                           std::strerror(err))};
}

Result<std::optional<Fd>> Listener::acceptFd(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      prepare(fd);
      return std::optional<Fd>(std::move(fd));
    }
    if (errno == EINTR || errno == ECONNABORTED)
      continue; // that one went away before it was accepted
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      break;
    if (!waitFor(fd_.get(), POLLIN, deadline)) {
      if (errno == ETIMEDOUT)
        return std::optional<Fd>();
      break;
    }
  }
  return Error{fmt::format("cannot accept a connection on {}: {}", name_,
                           std::strerror(errno))};
}

Result<std::unique_ptr<net::Link>> Listener::accept(milliseconds timeout) {
  auto fd = acceptFd(timeout);
  if (!fd)
    return fd.error();
  if (!*fd)
    return Error{fmt::format("nobody connected to {} within {} ms", name_,
                             timeout.count())};
  return fromFd((*fd)->release());
}

Result<Fd> connectFd(const std::string &host, uint16_t port,
                     milliseconds timeout, const std::stop_token &stop) {
  constexpr milliseconds kFirstPause{5}, kLongestPause{200};
  const auto deadline = Clock::now() + timeout;
  auto list = resolve(host, port, 0);
  if (!list)
    return list.error();
  int err = 0;
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    for (const addrinfo *a = list->get(); a; a = a->ai_next) {
      Fd fd;
      err = connectOnce(*a, deadline, stop, fd);
      if (err == 0) {
        prepare(fd);
        return fd;
      }
    }
    if (stop.stop_requested())
      err = ECANCELED;
    if (!passes(err) || Clock::now() + pause >= deadline)
      break;
    std::this_thread::sleep_for(pause);
  }
  return Error{fmt::format("cannot connect to {}:{} within {} ms: {}", host,
                           port, timeout.count(), std::strerror(err))};
}

Result<std::unique_ptr<net::Link>>
connect(const std::string &host, uint16_t port, milliseconds timeout) {
  auto fd = connectFd(host, port, timeout);
  if (!fd)
    return fd.error();
  return fromFd(fd->release());
}

Result<bool> isLoopback(const std::string &host) {
  auto list = resolve(host, 0, 0);
  if (!list)
    return list.error();
  for (const addrinfo *a = list->get(); a; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      const auto *in = reinterpret_cast<const sockaddr_in *>(a->ai_addr);
      if ((ntohl(in->sin_addr.s_addr) >> 24) != 127)
        return false;
    } else if (a->ai_family == AF_INET6) {
      const auto *in = reinterpret_cast<const sockaddr_in6 *>(a->ai_addr);
      if (!IN6_IS_ADDR_LOOPBACK(&in->sin6_addr))
        return false;
    } else {
      return false;
    }
  }
  return true;
}

std::string peerAddress(const Fd &fd) {
  sockaddr_storage a = {};
  socklen_t size = sizeof(a);
  char host[NI_MAXHOST] = {};
  if (::getpeername(fd.get(), reinterpret_cast<sockaddr *>(&a), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr *>(&a), size, host, sizeof(host),
                    nullptr, 0, NI_NUMERICHOST) != 0)
    return "";
  return host;
}

} // namespace mpc::tcp

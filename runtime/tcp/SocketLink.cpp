//===- runtime/tcp/SocketLink.cpp - non-blocking moves, poll when idle ----===//
//
// Each move() tries both directions at once with MSG_DONTWAIT, gathering header
// and payload without a copy. Nothing moved: it tries again for a moment, since
// a peer in lockstep answers within microseconds, and then sleeps in poll.
//
//===----------------------------------------------------------------------===//
#include "runtime/tcp/SocketLink.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace mpc::tcp {
namespace {

using Clock = std::chrono::steady_clock;
using net::Moved;
using std::chrono::milliseconds;
constexpr std::chrono::microseconds kSpin{20};

/// The non-empty parts as an iovec list.
struct Iov {
  iovec parts[net::kMaxParts];
  size_t count = 0;

  template <class Parts> explicit Iov(Parts from) {
    for (auto p : from)
      if (!p.empty() && count < net::kMaxParts)
        parts[count++] = {
            const_cast<void *>(static_cast<const void *>(p.data())), p.size()};
  }
  msghdr message() {
    msghdr m = {};
    m.msg_iov = parts;
    m.msg_iovlen = count;
    return m;
  }
};

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

bool peerGone() {
  return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN;
}

class SocketLink final : public net::Link {
public:
  explicit SocketLink(Fd fd) : fd_(std::move(fd)) {}

  Moved move(net::OutParts out, net::InParts in,
             milliseconds timeout) override {
    Iov outIov(out), inIov(in);
    const auto start = Clock::now();
    const auto deadline = start + timeout;
    for (;;) {
      Moved m = attempt(outIov, inIov);
      if (m.outcome != Moved::Outcome::TimedOut)
        return m;
      const auto now = Clock::now();
      if (now >= deadline)
        return m;
      if (now - start < kSpin)
        continue;
      pollfd p = {fd_.get(), 0, 0};
      p.events = static_cast<short>((outIov.count ? POLLOUT : 0) |
                                    (inIov.count ? POLLIN : 0));
      const auto left = std::chrono::ceil<milliseconds>(deadline - now);
      const int ms = static_cast<int>(std::min<int64_t>(left.count(), 1 << 30));
      if (::poll(&p, 1, ms) < 0 && errno != EINTR)
        return {Moved::Outcome::Failed, 0, 0, std::strerror(errno)};
    }
  }

  uint64_t wireSent() const override { return sent_; }
  uint64_t wireReceived() const override { return received_; }

private:
  /// One try in each direction; TimedOut: neither was possible.
  Moved attempt(Iov &out, Iov &in) {
    Moved m;
    m.outcome = Moved::Outcome::TimedOut;
    if (out.count > 0) {
      const msghdr msg = out.message();
      const ssize_t n = ::sendmsg(fd_.get(), &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0)
        sent_ += m.sent = static_cast<size_t>(n);
      else if (n < 0)
        classify(m);
    }
    if (in.count > 0 && m.outcome == Moved::Outcome::TimedOut) {
      msghdr msg = in.message();
      const ssize_t n = ::recvmsg(fd_.get(), &msg, MSG_DONTWAIT);
      if (n > 0)
        received_ += m.received = static_cast<size_t>(n);
      else if (n == 0)
        m.outcome = Moved::Outcome::Closed;
      else
        classify(m);
    }
    // An end after progress is met again by the next call.
    if (m.sent + m.received > 0)
      m.outcome = Moved::Outcome::Progress;
    return m;
  }

  static void classify(Moved &m) {
    if (wouldBlock() || errno == EINTR)
      return;
    m.outcome = peerGone() ? Moved::Outcome::Closed : Moved::Outcome::Failed;
    m.detail = std::strerror(errno);
  }

  Fd fd_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

} // namespace

Fd &Fd::operator=(Fd &&other) noexcept {
  if (this != &other) {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0)
    ::close(fd_);
}

Fd Fd::twin() const { return Fd(::fcntl(fd_, F_DUPFD_CLOEXEC, 0)); }

void Fd::shutdown() const {
  if (fd_ >= 0)
    ::shutdown(fd_, SHUT_RDWR);
}

int Fd::release() { return std::exchange(fd_, -1); }

Result<std::unique_ptr<net::Link>> fromFd(int raw) {
  Fd fd(raw);
  int type = 0, domain = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(raw, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockopt(raw, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
    return Error{fmt::format("file descriptor {} is no socket: {}", raw,
                             std::strerror(errno))};
  if (type != SOCK_STREAM)
    return Error{fmt::format("file descriptor {} is no stream socket", raw)};
  if (domain == AF_UNIX) {
    // Unix buffers do not grow by themselves. TCP's do, beyond what an
    // unprivileged process may ask for, and asking would stop that.
    const int bytes = 4 << 20;
    ::setsockopt(raw, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    ::setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  } else {
    const int on = 1; // rounds are latency-bound
    ::setsockopt(raw, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(raw, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  }
  return std::unique_ptr<net::Link>(
      std::make_unique<SocketLink>(std::move(fd)));
}

Result<std::pair<std::unique_ptr<net::Link>, std::unique_ptr<net::Link>>>
socketPair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return Error{
        fmt::format("cannot make a socket pair: {}", std::strerror(errno))};
  auto a = fromFd(fds[0]);
  auto b = fromFd(fds[1]);
  if (!a)
    return a.error();
  if (!b)
    return b.error();
  return std::pair(std::move(*a), std::move(*b));
}

} // namespace mpc::tcp

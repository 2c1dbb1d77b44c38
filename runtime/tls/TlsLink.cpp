//===- runtime/tls/TlsLink.cpp - records over a non-blocking socket -------===//
//
// OpenSSL writes a record at a time through a BIO of ours (no SIGPIPE, counts
// bytes). A record that the socket took only in part must be finished before
// any other: its plaintext is kept, and counts as sent once all of it is out.
//
//===----------------------------------------------------------------------===//
#include "runtime/tls/TlsLink.h"
#include "runtime/core/Secret.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace mpc::tls {
namespace {

using Clock = std::chrono::steady_clock;
using net::Moved;
using std::chrono::milliseconds;

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
/// Sent by one move() at most, so that receiving has its turn.
constexpr size_t kBurst = 16 * kRecord;
/// Fresh traffic keys after this many records, far below the limits of
/// AES-GCM (2^24.5 full records).
constexpr uint64_t kRecordsPerKey = 1 << 22;
constexpr std::chrono::microseconds kSpin{20};

bool again() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

//===----------------------------------------------------------------------===//
// The BIO
//===----------------------------------------------------------------------===//

int bioWrite(BIO *bio, const char *data, int size) {
  auto &s = *static_cast<Stream *>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(s.fd.get(), data, static_cast<size_t>(size),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    s.sent += static_cast<uint64_t>(n);
  else if (again())
    BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int bioRead(BIO *bio, char *data, int size) {
  auto &s = *static_cast<Stream *>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t n =
      ::recv(s.fd.get(), data, static_cast<size_t>(size), MSG_DONTWAIT);
  if (n > 0)
    s.received += static_cast<uint64_t>(n);
  else if (n < 0 && again())
    BIO_set_retry_read(bio);
  else if (n == 0)
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(n);
}

long bioControl(BIO *bio, int command, long, void *) {
  if (command == BIO_CTRL_EOF)
    return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *bioMethod() {
  static BIO_METHOD *const method = [] {
    BIO_METHOD *m =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "mpcc socket");
    BIO_meth_set_write(m, bioWrite);
    BIO_meth_set_read(m, bioRead);
    BIO_meth_set_ctrl(m, bioControl);
    return m;
  }();
  return method;
}

/// Waits until the socket allows what OpenSSL asked for; false at `deadline`.
bool waitFor(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  if (left.count() <= 0)
    return false;
  pollfd p = {fd, events, 0};
  (void)::poll(&p, 1,
               static_cast<int>(std::min<int64_t>(left.count(), 1 << 30)));
  return true;
}

/// What an alert of the peer means here; empty: see OpenSSL's word for it.
std::string_view meaning(int alert) {
  switch (alert) {
  case SSL_AD_CERTIFICATE_EXPIRED:
    return "to it, this side's certificate has expired: see its date, and "
           "check both clocks";
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNKNOWN_CA:
    return "it does not accept this side's certificate; its log says why";
  default:
    return "";
  }
}

/// The words for a failed call; the connection is of no use any more.
Moved failure(int sslError) {
  const int err = errno;
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  if (sslError == SSL_ERROR_ZERO_RETURN ||
      (sslError == SSL_ERROR_SSL &&
       reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
    ERR_clear_error();
    return {Moved::Outcome::Closed, 0, 0, {}};
  }
  if (sslError == SSL_ERROR_SYSCALL) {
    ERR_clear_error();
    if (err == 0 || err == EPIPE || err == ECONNRESET || err == ENOTCONN)
      return {Moved::Outcome::Closed, 0, 0, {}};
    return {Moved::Outcome::Failed, 0, 0, std::strerror(err)};
  }
  const std::string text = opensslError();
  if (reason < SSL_AD_REASON_OFFSET) // what lies above are the peer's alerts
    return {Moved::Outcome::Failed, 0, 0, fmt::format("TLS: {}", text)};
  const std::string_view known = meaning(reason - SSL_AD_REASON_OFFSET);
  return {Moved::Outcome::Failed, 0, 0,
          fmt::format("it ended TLS: {}", known.empty() ? text : known)};
}

class TlsLink final : public net::Link {
public:
  explicit TlsLink(std::unique_ptr<Stream> stream)
      : stream_(std::move(stream)), stage_(kRecord) {}
  ~TlsLink() override {
    if (!sendFailure_ && !receiveFailure_ && pending_ == 0)
      SSL_shutdown(stream_->ssl.get()); // tells the peer; waits for nothing
    ERR_clear_error();
  }

  Moved move(net::OutParts out, net::InParts in,
             milliseconds timeout) override {
    const auto start = Clock::now();
    const auto deadline = start + timeout;
    for (;;) {
      events_ = 0;
      Moved m;
      m.outcome = Moved::Outcome::TimedOut;
      send(out, m);
      if (m.outcome == Moved::Outcome::TimedOut)
        receive(in, m);
      if (m.sent + m.received > 0) {
        // A failure after progress is met again by the next call.
        m.outcome = Moved::Outcome::Progress;
        return m;
      }
      if (m.outcome != Moved::Outcome::TimedOut)
        return m;
      const auto now = Clock::now();
      if (now >= deadline)
        return m;
      if (now - start >= kSpin)
        waitFor(stream_->fd.get(), events_, deadline);
    }
  }

  uint64_t wireSent() const override { return stream_->sent; }
  uint64_t wireReceived() const override { return stream_->received; }

private:
  /// Copies the next record's plaintext into stage_, from `skip` bytes on.
  size_t gather(net::OutParts out, size_t skip) {
    size_t n = 0;
    for (auto p : out) {
      const size_t k = std::min(skip, p.size());
      skip -= k;
      p = p.subspan(k);
      const size_t take = std::min(p.size(), kRecord - n);
      std::copy_n(p.begin(), take, stage_.data() + n);
      n += take;
    }
    return n;
  }

  /// Whether `out` starts with the plaintext of the unfinished record.
  bool continues(net::OutParts out) const {
    size_t at = 0;
    for (auto p : out) {
      const size_t n = std::min(p.size(), pending_ - at);
      if (n > 0 && std::memcmp(p.data(), stage_.data() + at, n) != 0)
        return false;
      at += n;
    }
    return at == pending_;
  }

  void send(net::OutParts out, Moved &m) {
    if (std::all_of(out.begin(), out.end(), [](auto p) { return p.empty(); }))
      return;
    if (sendFailure_) {
      m = *sendFailure_;
      return;
    }
    while (m.sent < kBurst) {
      size_t n = pending_;
      if (n == 0)
        n = gather(out, m.sent);
      else if (!continues(out)) {
        m.outcome = Moved::Outcome::Failed;
        m.detail = "TLS: other bytes than those of the unfinished record";
        return;
      }
      if (n == 0)
        return;
      ERR_clear_error();
      errno = 0;
      const int rc =
          SSL_write(stream_->ssl.get(), stage_.data(), static_cast<int>(n));
      if (rc <= 0) {
        pending_ = classify(rc, m, sendFailure_) ? n : 0;
        return;
      }
      pending_ = 0;
      m.sent += static_cast<size_t>(rc);
      if (++records_ % kRecordsPerKey == 0)
        SSL_key_update(stream_->ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
    }
  }

  void receive(net::InParts in, Moved &m) {
    if (receiveFailure_ &&
        std::any_of(in.begin(), in.end(), [](auto p) { return !p.empty(); })) {
      m.outcome = receiveFailure_->outcome;
      m.detail = receiveFailure_->detail;
      return;
    }
    for (auto p : in)
      while (!p.empty()) {
        ERR_clear_error();
        errno = 0;
        const int rc =
            SSL_read(stream_->ssl.get(), p.data(),
                     static_cast<int>(std::min<size_t>(p.size(), 1 << 30)));
        if (rc <= 0) {
          (void)classify(rc, m, receiveFailure_);
          return;
        }
        m.received += static_cast<size_t>(rc);
        p = p.subspan(static_cast<size_t>(rc));
      }
  }

  /// Notes what to wait for, or the failure; whether the call may be repeated.
  bool classify(int rc, Moved &m, std::optional<Moved> &failed) {
    const int error = SSL_get_error(stream_->ssl.get(), rc);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      events_ |= error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      return true;
    }
    const Moved f = failure(error);
    m.outcome = f.outcome;
    m.detail = f.detail;
    failed = f;
    return false;
  }

  std::unique_ptr<Stream> stream_;
  core::SecretVector<uint8_t> stage_;
  size_t pending_ = 0; ///< plaintext bytes of the unfinished record
  uint64_t records_ = 0;
  short events_ = 0;
  /// A direction that failed stays so. The other may go on: a peer that takes
  /// no more bytes may have said why.
  std::optional<Moved> sendFailure_, receiveFailure_;
};

} // namespace

Result<std::unique_ptr<Stream>> makeStream(SSL_CTX *context, tcp::Fd fd) {
  auto stream = std::make_unique<Stream>();
  stream->fd = std::move(fd);
  stream->ssl.reset(SSL_new(context));
  BIO *bio = BIO_new(bioMethod());
  if (!stream->ssl || !bio) {
    BIO_free(bio);
    return Error{fmt::format("TLS: {}", opensslError())};
  }
  BIO_set_data(bio, stream.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(stream->ssl.get(), bio, bio); // takes it over
  return stream;
}

Status handshake(Stream &stream, Clock::time_point deadline) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int rc = SSL_do_handshake(stream.ssl.get());
    if (rc == 1)
      return {};
    const int error = SSL_get_error(stream.ssl.get(), rc);
    const bool reads = error == SSL_ERROR_WANT_READ;
    if (!reads && error != SSL_ERROR_WANT_WRITE) {
      const Moved f = failure(error);
      return Error{f.outcome == Moved::Outcome::Closed
                       ? "it closed the connection during the handshake"
                       : f.detail};
    }
    if (!waitFor(stream.fd.get(), reads ? POLLIN : POLLOUT, deadline))
      return Error{"no handshake before the deadline"};
  }
}

std::unique_ptr<net::Link> makeLink(std::unique_ptr<Stream> stream) {
  return std::make_unique<TlsLink>(std::move(stream));
}

} // namespace mpc::tls

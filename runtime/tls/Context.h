//===- runtime/tls/Context.h - mutually authenticated connections ---------===//
//
// TLS 1.3 only, both sides show a certificate, and each accepts only peers it
// knows: by fingerprint, or by a name that its CA confirmed. No resumption, no
// early data: each connection's keys come from both sides' fresh entropy.
//
//   auto context = tls::Context::create(identity, {peers, caFile});
//   auto s = context->connect(std::move(fd), 1, deadline);   // peers[1]
//   auto s = context->accept(std::move(fd), deadline);       // any of them
//   net::Channel channel(std::move(s->link), peers[s->peer].label);
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Link.h"
#include "runtime/tcp/SocketLink.h"
#include "runtime/tls/Identity.h"

#include <chrono>
#include <optional>
#include <vector>

namespace mpc::tls {

/// Who may be at the other end.
struct Peer {
  std::string label; ///< for errors: "party 1", "client 'clinic'"
  std::optional<Fingerprint> fingerprint; ///< pinned; else
  std::string name; ///< the DNS or common name in a certificate of the CA
};

struct Trust {
  std::vector<Peer> peers;
  std::string caFile; ///< PEM; needed where a peer has no fingerprint
};

struct Connection {
  std::unique_ptr<net::Link> link;
  size_t peer = 0; ///< index into Trust::peers
  CertificateInfo certificate;
};

class Context {
public:
  using Deadline = std::chrono::steady_clock::time_point;

  static Result<Context> create(const Identity &identity, Trust trust);
  Context(Context &&) noexcept;
  Context &operator=(Context &&) noexcept;
  ~Context();

  /// Both shake hands by `deadline`. Errors name the certificate that was
  /// shown. `seen`, where given, gets it also when it is refused.
  Result<Connection> connect(tcp::Fd fd, size_t peer, Deadline deadline,
                             CertificateInfo *seen = nullptr) const;
  Result<Connection> accept(tcp::Fd fd, Deadline deadline) const;

  const Trust &trust() const;

  struct Impl;

private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace mpc::tls

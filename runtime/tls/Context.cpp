//===- runtime/tls/Context.cpp - who is accepted, and the handshake -------===//
#include "runtime/tls/Context.h"
#include "runtime/tls/TlsLink.h"

#include <ctime>
#include <fmt/format.h>
#include <openssl/x509v3.h>

namespace mpc::tls {

struct Context::Impl {
  Trust trust;
  ContextPtr ssl;
};

namespace {

/// What the verification of one handshake found.
struct Verdict {
  const Trust *trust = nullptr;
  std::optional<size_t> peer;
  CertificateInfo seen;
  std::string problem; ///< why the certificate was refused
};

int verdictIndex() {
  static const int index =
      SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool hasName(X509 *certificate, const std::string &name) {
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) ==
         1;
}

/// OpenSSL's own check of the chain comes first where a CA is trusted; a
/// pinned certificate needs no chain, but must be within its validity.
int verify(X509_STORE_CTX *store, void *) {
  auto *ssl = static_cast<SSL *>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto &v = *static_cast<Verdict *>(SSL_get_ex_data(ssl, verdictIndex()));
  X509 *certificate = X509_STORE_CTX_get0_cert(store);
  v.seen = describe(certificate);
  const auto refuse = [&](int code, std::string why) {
    v.problem = std::move(why);
    X509_STORE_CTX_set_error(store, code);
    return 0;
  };
  const std::vector<Peer> &peers = v.trust->peers;
  for (size_t i = 0; i < peers.size(); ++i)
    if (peers[i].fingerprint && *peers[i].fingerprint == v.seen.fingerprint)
      v.peer = i;
  const int64_t now = std::time(nullptr);
  if (v.peer) {
    if (now > v.seen.notAfter)
      return refuse(X509_V_ERR_CERT_HAS_EXPIRED,
                    fmt::format("the certificate of {} expired on {}",
                                peers[*v.peer].label,
                                timeText(v.seen.notAfter)));
    if (now < v.seen.notBefore)
      return refuse(X509_V_ERR_CERT_NOT_YET_VALID,
                    fmt::format("the certificate of {} is valid only from {} "
                                "on: check both clocks",
                                peers[*v.peer].label,
                                timeText(v.seen.notBefore)));
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  if (v.trust->caFile.empty())
    return refuse(X509_V_ERR_CERT_REJECTED,
                  fmt::format("its certificate ('{}', {}) is not among those "
                              "known here",
                              v.seen.subject, toText(v.seen.fingerprint)));
  if (X509_verify_cert(store) != 1) {
    const int code = X509_STORE_CTX_get_error(store);
    return refuse(code, fmt::format("its certificate ('{}', {}) is refused: {}",
                                    v.seen.subject, toText(v.seen.fingerprint),
                                    X509_verify_cert_error_string(code)));
  }
  for (size_t i = 0; i < peers.size() && !v.peer; ++i)
    if (!peers[i].fingerprint && hasName(certificate, peers[i].name))
      v.peer = i;
  if (!v.peer)
    return refuse(X509_V_ERR_CERT_REJECTED,
                  fmt::format("its certificate is of '{}', who has no role "
                              "here",
                              v.seen.subject));
  return 1;
}

Result<std::unique_ptr<Stream>> shake(const Context::Impl &impl, tcp::Fd fd,
                                      bool server, Verdict &verdict,
                                      Context::Deadline deadline) {
  auto stream = makeStream(impl.ssl.get(), std::move(fd));
  if (!stream)
    return stream.error();
  verdict.trust = &impl.trust;
  SSL *ssl = (*stream)->ssl.get();
  SSL_set_ex_data(ssl, verdictIndex(), &verdict);
  if (server)
    SSL_set_accept_state(ssl);
  else
    SSL_set_connect_state(ssl);
  const Status done = handshake(**stream, deadline);
  SSL_set_ex_data(ssl, verdictIndex(), nullptr);
  if (!done)
    return verdict.problem.empty() ? done.error() : Error{verdict.problem};
  if (!verdict.peer)
    return Error{"it showed no certificate"};
  return stream;
}

} // namespace

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Context::Context(Context &&) noexcept = default;
Context &Context::operator=(Context &&) noexcept = default;
Context::~Context() = default;

const Trust &Context::trust() const { return impl_->trust; }

Result<Context> Context::create(const Identity &identity, Trust trust) {
  auto impl = std::make_unique<Impl>();
  impl->ssl.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX *c = impl->ssl.get();
  if (!c)
    return Error{fmt::format("cannot set up TLS: {}", opensslError())};
  // No tickets, no cache: nothing is resumed, every connection has keys of its
  // own. A record at a time may be written, as the socket takes them.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(c, 1);
  SSL_CTX_set_default_read_buffer_len(c, 64 * 1024);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  SSL_CTX_set_cert_verify_callback(c, verify, nullptr);
  const Identity::Impl &own = identity.impl();
  const bool ok =
      SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_num_tickets(c, 0) == 1 &&
      SSL_CTX_set_ciphersuites(
          c, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384") == 1 &&
      SSL_CTX_set1_groups_list(c, "X25519:P-256") == 1 &&
      SSL_CTX_use_certificate(c, own.certificate.get()) == 1 &&
      SSL_CTX_use_PrivateKey(c, own.key.get()) == 1;
  if (!ok)
    return Error{fmt::format("cannot set up TLS: {}", opensslError())};
  if (!trust.caFile.empty() &&
      SSL_CTX_load_verify_file(c, trust.caFile.c_str()) != 1)
    return Error{fmt::format("{}: no CA certificates in PEM form: {}",
                             trust.caFile, opensslError())};
  for (const Peer &p : trust.peers)
    if (!p.fingerprint && (p.name.empty() || trust.caFile.empty()))
      return Error{fmt::format("{} has neither a fingerprint nor a name and a "
                               "CA to confirm it",
                               p.label)};
  impl->trust = std::move(trust);
  return Context(std::move(impl));
}

Result<Connection> Context::connect(tcp::Fd fd, size_t peer, Deadline deadline,
                                    CertificateInfo *seen) const {
  Verdict verdict;
  auto stream = shake(*impl_, std::move(fd), false, verdict, deadline);
  if (seen)
    *seen = verdict.seen;
  const std::string &expected = impl_->trust.peers.at(peer).label;
  if (!stream)
    return Error{
        fmt::format("TLS with {}: {}", expected, stream.error().message)};
  if (*verdict.peer != peer)
    return Error{fmt::format("TLS with {}: its certificate is that of {}",
                             expected,
                             impl_->trust.peers[*verdict.peer].label)};
  return Connection{makeLink(std::move(*stream)), peer, verdict.seen};
}

Result<Connection> Context::accept(tcp::Fd fd, Deadline deadline) const {
  Verdict verdict;
  auto stream = shake(*impl_, std::move(fd), true, verdict, deadline);
  if (!stream)
    return Error{fmt::format("TLS with somebody who connected: {}",
                             stream.error().message)};
  return Connection{makeLink(std::move(*stream)), *verdict.peer, verdict.seen};
}

} // namespace mpc::tls

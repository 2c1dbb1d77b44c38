//===- runtime/service/Network.h - channels whose other end is known ------===//
//
// Calls parties and receives callers: TLS by default, then the hello; the role
// that is said must be the role that the certificate has. Without an identity
// (--insecure) plain TCP, which is refused unless every party's address is a
// loopback one.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Hello.h"
#include "runtime/service/Config.h"
#include "runtime/tcp/Tcp.h"

#include <memory>
#include <stop_token>

namespace mpc::service {

using Token = std::array<uint8_t, 16>;
using std::chrono::milliseconds;

Result<Token> randomToken();

/// Somebody who called, checked but not yet answered.
struct Guest {
  std::unique_ptr<net::Channel> channel;
  net::Hello hello;
  size_t client = 0; ///< index into Config::clients, of a client
  std::string label; ///< "party 2", "client 'clinic'"
};

class Network {
public:
  /// role: this side's. Errors: no such certificate in the configuration, an
  /// address that is not loopback without TLS.
  static Result<Network> create(const Config &config, net::Role role,
                                const core::Digest &planHash,
                                const tls::Identity *identity);

  /// Connects to a party and says hello, trying until `timeout`. `seen` gets
  /// the party's certificate, also one that is refused.
  Result<std::unique_ptr<net::Channel>>
  call(int party, net::Intent intent, const Token &token, milliseconds timeout,
       tls::CertificateInfo *seen = nullptr) const;

  /// The listening side, up to the caller's hello.
  Result<Guest> receive(tcp::Fd fd) const;
  /// Lets the caller in.
  Status answer(Guest &guest) const;

  /// Ends the calls under way, also those that are answered already, and fails
  /// new ones: who waits for a peer that it called gets an error at once.
  void stopCalling() { stop_.request_stop(); }

  bool secure() const { return context_.has_value(); }
  const Config &config() const { return *config_; }

private:
  Network(const Config &config, const net::Hello &mine)
      : config_(&config), mine_(mine) {}

  const Config *config_;
  net::Hello mine_;
  std::optional<tls::Context> context_;
  std::stop_source stop_;
};

} // namespace mpc::service

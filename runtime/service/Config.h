//===- runtime/service/Config.h - parties.toml ----------------------------===//
//
// One public file that all five roles share: who the parties and the clients
// are, where the parties listen, and what they allow.
//
//   [[party]]                       # three of them
//   id = 0
//   address = "p0.example.org:7100"
//   fingerprint = "sha256:..."      # of its certificate, from mpcrun keygen
//
//   [[client]]
//   name = "clinic"
//   fingerprint = "sha256:..."
//
//   [tls]
//   ca = "ca.pem"                   # instead: names confirmed by this CA
//
//   [limits]                        # all optional, see Limits
//   waiting_requests = 32
//
// With a CA, a party's or client's `tls_name` is the DNS or common name in its
// certificate. Reading is strict: an unknown key is an error, with its line.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/tls/Context.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace mpc::service {

struct Address {
  std::string host;
  uint16_t port = 0;
  std::string text() const;
};
/// "host:port", "[::1]:port".
Result<Address> parseAddress(std::string_view text);

struct PartyEntry {
  Address address;
  tls::Peer peer;
};

struct Limits {
  using Seconds = std::chrono::seconds;
  uint32_t waitingRequests = 32;    ///< of all clients together
  uint32_t waitingPerClient = 8;    ///< of one client
  uint32_t requestsPerMinute = 600; ///< of one client
  uint32_t connections = 128;       ///< open at once
  uint32_t stock = 2;               ///< prepared sessions kept ahead of time
  uint64_t materialBytes = uint64_t{64} << 30; ///< of the stock on disk
  Seconds peerTimeout{30};                     ///< a silent peer is given up
  Seconds requestTimeout{300}; ///< a request that still waits is refused
  Seconds drain{60};           ///< on SIGTERM, for requests already accepted
};

struct Config {
  std::array<PartyEntry, 3> parties;
  std::vector<tls::Peer> clients; ///< label: "client 'clinic'"
  std::string caFile;             ///< relative to the file's folder
  Limits limits;

  /// Errors: "parties.toml:12: party 1: unknown key 'adress'".
  static Result<Config> load(const std::string &path);
  static Result<Config> parse(std::string_view text, const std::string &path);

  /// Index 0..2 the parties, then the clients.
  tls::Trust trust() const;
};

} // namespace mpc::service

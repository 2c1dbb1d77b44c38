//===- tools/RunWire.h - how mpcrun's parent and its parties talk ---------===//
//
// `mpcrun local` starts three processes of itself. Each has one end of a socket
// pair as descriptor kControlFd; secrets and addresses travel there, never in
// arguments:
//
//   parent -> child   Setup          child -> parent   its port
//   parent -> child   all ports      child -> parent   Outcome
//
// Everything else goes over TCP on the loopback interface, as between
// machines. A listener learns who connected from the net::Hello.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/net/Channel.h"
#include "runtime/net/Hello.h"
#include "runtime/net/Shaping.h"
#include "runtime/vm/Session.h"
#include "runtime/vm/Stats.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace mpc::tools {

inline constexpr int kControlFd = 3;
/// First argument of a party process; no user types it.
inline constexpr const char *kChildMode = "--party-process-of-local";
inline constexpr size_t kMaxControlBytes = 1 << 16;

using Ports = std::array<uint16_t, 3>;

struct Setup {
  uint32_t party = 0;
  uint32_t threads = 1;
  std::chrono::milliseconds timeout{0};
  vm::SessionToken token = {};
  core::Digest planHash = {};
  std::string planPath;
  std::string materialDir; ///< see vm::PartyOptions
  /// Of all links but the owner's; none: loopback as it is.
  std::optional<net::LinkShape> shape;

  std::vector<uint8_t> encode() const;
  static Result<Setup> decode(std::span<const uint8_t> bytes);
};

/// A party's report, or why it failed.
struct Outcome {
  bool ok = false;
  vm::PartyReport report;
  std::string error;

  std::vector<uint8_t> encode() const;
  static Result<Outcome> decode(std::span<const uint8_t> bytes);
};

std::vector<uint8_t> encodePorts(const Ports &ports);
Result<Ports> decodePorts(std::span<const uint8_t> bytes);

/// Connects to a party's port and says hello as `role`.
Result<std::unique_ptr<net::Channel>>
connectTo(int party, uint16_t port, net::Role role, const Setup &setup);

/// Slows a channel that has said hello down, if the run's network is shaped;
/// `peers` are the roles at its ends.
void shapeChannel(net::Channel &channel, std::array<net::Role, 2> peers,
                  const Setup &setup);

/// What a party process runs. The exit status.
int runChild();

} // namespace mpc::tools

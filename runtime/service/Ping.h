//===- runtime/service/Ping.h - who is there, and how far away ------------===//
//
// Everybody in the configuration may ask a party who it is, whatever plan it
// has: peers do before they count on each other, `mpcrun doctor` does for
// people. After its answer the party echoes a few messages, for measuring.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Network.h"

namespace mpc::service {

struct PartyInfo {
  std::string version; ///< of the program
  uint8_t party = 0;
  core::Digest planHash = {}, deployment = {};
  int64_t unixMs = 0; ///< its clock
  bool ready = false;
  std::string awaits; ///< what it waits for, if it is not ready
  uint64_t stock = 0, waiting = 0;

  std::vector<uint8_t> encode() const;
  static Result<PartyInfo> decode(std::span<const uint8_t> bytes);
};

inline constexpr size_t kEchoBytes = 64 * 1024;
inline constexpr size_t kMaxEchoes = 128;

int64_t unixMsNow();

/// Asks; the channel stays open for echo().
Result<PartyInfo> ask(const Network &network, int party, milliseconds timeout,
                      std::unique_ptr<net::Channel> *channel = nullptr,
                      tls::CertificateInfo *seen = nullptr);
/// Sends nBytes there and back. Seconds.
Result<double> echo(net::Channel &channel, size_t nBytes);

/// The party's side, after receive().
void answerPing(const Network &network, Guest &guest, const PartyInfo &info);

} // namespace mpc::service

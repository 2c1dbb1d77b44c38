//===- tests/unit/net/ChannelSuite.h - one suite over all transports ------===//
//
// A test file for a transport calls channelSuite() in one TEST_CASE:
//   TEST_CASE("channels over TCP") { channelSuite(tcpLinks); }
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/InProcess.h"

#include <functional>
#include <future>
#include <random>
#include <vector>

/// Makes the two connected ends of a fresh link.
using MakeLinks = std::function<mpc::net::LinkPair()>;

/// Well-behaved peers: round trips, streams, exchange, counters, ends.
/// transportAdds: there are more wire bytes than frames.
void channelSuite(const MakeLinks &make, bool transportAdds = false);

/// Peers that stall, die, lie or send garbage: raw bytes against a Channel.
void hostileSuite(const MakeLinks &make);

inline std::vector<uint8_t> randomBytes(size_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint8_t> v(n);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint64_t x = rng();
    std::copy_n(reinterpret_cast<const uint8_t *>(&x), 8, v.begin() + i);
  }
  for (; i < n; ++i)
    v[i] = static_cast<uint8_t>(rng());
  return v;
}

inline mpc::net::ChannelPair makeChannels(const MakeLinks &make) {
  auto [a, b] = make();
  return {std::make_unique<mpc::net::Channel>(std::move(a), "party 2"),
          std::make_unique<mpc::net::Channel>(std::move(b), "party 1")};
}

/// Runs the peer's side in a thread. Catch's checks belong to the main one.
template <class F> auto inThread(F f) {
  return std::async(std::launch::async, std::move(f));
}

inline std::string messageOf(const mpc::Status &s) {
  return s ? "" : s.error().message;
}

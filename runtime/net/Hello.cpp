//===- runtime/net/Hello.cpp - the handshake ------------------------------===//
#include "runtime/net/Hello.h"

#include "runtime/core/Secret.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace mpc::net {
namespace {

constexpr size_t kHelloBytes = 56;
constexpr size_t kMaxHelloBytes = 1024; // room for later versions
constexpr std::array<uint8_t, 4> kMagic = {'m', 'p', 'c', 'c'};

std::string hex(std::span<const uint8_t> bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

std::vector<uint8_t> encode(const Hello &h) {
  std::vector<uint8_t> b(kMagic.begin(), kMagic.end());
  b.push_back(static_cast<uint8_t>(h.version));
  b.push_back(static_cast<uint8_t>(h.version >> 8));
  b.push_back(static_cast<uint8_t>(h.role));
  b.push_back(static_cast<uint8_t>(h.intent));
  b.insert(b.end(), h.planHash.begin(), h.planHash.end());
  b.insert(b.end(), h.sessionId.begin(), h.sessionId.end());
  return b;
}

Result<Hello> check(const Channel &channel, std::span<const uint8_t> b,
                    const Hello &mine, std::optional<Role> expectedPeer) {
  if (b.size() < 6 || !std::equal(kMagic.begin(), kMagic.end(), b.begin()))
    return channel.errorAbout(fmt::format(
        "does not speak this protocol: its hello starts with {}, expected {}",
        b.empty() ? "nothing" : hex(b.first(std::min<size_t>(b.size(), 4))),
        hex(kMagic)));
  Hello peer;
  peer.version = static_cast<uint16_t>(b[4] | b[5] << 8);
  if (peer.version != mine.version)
    return channel.errorAbout(
        fmt::format("speaks protocol version {}, this side version {}",
                    peer.version, mine.version));
  if (b.size() != kHelloBytes)
    return channel.errorAbout(fmt::format(
        "sent a hello of {} bytes, expected {}", b.size(), kHelloBytes));
  if (b[6] > static_cast<uint8_t>(Role::Owner) ||
      b[7] > static_cast<uint8_t>(Intent::Query))
    return channel.errorAbout(
        fmt::format("sent an unknown role {} or intent {}", b[6], b[7]));
  peer.role = static_cast<Role>(b[6]);
  peer.intent = static_cast<Intent>(b[7]);
  std::copy_n(b.begin() + 8, 32, peer.planHash.begin());
  std::copy_n(b.begin() + 40, 16, peer.sessionId.begin());
  if (expectedPeer && peer.role != *expectedPeer)
    return channel.errorAbout(fmt::format("has role '{}', expected '{}'",
                                          roleName(peer.role),
                                          roleName(*expectedPeer)));
  if (peer.role == mine.role)
    return channel.errorAbout(fmt::format(
        "has role '{}', which is this side's own", roleName(peer.role)));
  if (peer.planHash != mine.planHash && peer.intent != Intent::Ping)
    return channel.errorAbout(
        fmt::format("has another plan: its plan hash is {}, this side's {}",
                    hex(peer.planHash), hex(mine.planHash)));
  return peer;
}

Status checkSession(const Channel &channel, const Hello &peer,
                    const Hello &mine) {
  // Whoever guesses must not learn from the time how much of it was right, nor
  // from a text: the session id admits to the session.
  if (!core::equalSecrets(peer.sessionId, mine.sessionId) ||
      peer.intent != mine.intent)
    return channel.errorAbout("is in another session");
  return {};
}

} // namespace

const char *roleName(Role role) {
  switch (role) {
  case Role::Party0:
    return "party 0";
  case Role::Party1:
    return "party 1";
  case Role::Party2:
    return "party 2";
  case Role::Client:
    return "client";
  case Role::Owner:
    return "owner";
  }
  return "unknown role";
}

Result<Hello> exchangeHello(Channel &channel, const Hello &mine,
                            std::optional<Role> expectedPeer) {
  // 56 bytes fit any link's buffers, so both may send before they receive. A
  // listener does not: the session id is told only to who knows it already.
  const bool listening = !expectedPeer;
  if (!listening)
    MPC_TRY(channel.send(encode(mine)));
  auto bytes = channel.recvUpTo(kMaxHelloBytes);
  if (!bytes)
    return bytes.error();
  // On a mismatch the peer is told; best effort.
  Result<Hello> peer = check(channel, *bytes, mine, expectedPeer);
  if (!peer) {
    (void)channel.sendError(peer.error().message);
    return peer;
  }
  if (Status same = checkSession(channel, *peer, mine); !same) {
    (void)channel.sendError("this is another session"); // and not which
    return same.error();
  }
  channel.setPeerName(roleName(peer->role));
  if (listening)
    MPC_TRY(channel.send(encode(mine)));
  return peer;
}

Result<Hello> receiveHello(Channel &channel, const Hello &mine) {
  auto bytes = channel.recvUpTo(kMaxHelloBytes);
  if (!bytes)
    return bytes.error();
  Result<Hello> peer = check(channel, *bytes, mine, std::nullopt);
  if (!peer)
    (void)channel.sendError(peer.error().message);
  return peer;
}

Status answerHello(Channel &channel, const Hello &mine, const Hello &theirs) {
  Hello answer = mine;
  answer.sessionId = theirs.sessionId;
  answer.intent = theirs.intent;
  return channel.send(encode(answer));
}

} // namespace mpc::net

//===- runtime/net/Hello.h - agree before the first byte of data ----------===//
//
// The first message on every channel, both ways:
//
//   byte 0..3  "mpcc"      byte 4..5  protocol version, little-endian
//   byte 6     role        byte 7     intent
//   byte 8..39 plan hash   byte 40..55 session id
//
// Magic and version keep their place in all versions, so that a peer of another
// version is told so. The session id is known to the session's members only: a
// listener tells it to nobody who has not shown it.
//
// A daemon knows no session before somebody asks for one: receiveHello() and
// answerHello() are its half of exchangeHello(), with what is asked in between.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/net/Channel.h"

#include <array>
#include <cstdint>
#include <optional>

namespace mpc::net {

/// Append-only: the numbers are on the wire.
enum class Role : uint8_t { Party0, Party1, Party2, Client, Owner };

inline constexpr uint16_t kProtocolVersion = 3;

/// What a connection is for. Append-only.
enum class Intent : uint8_t {
  Run,     ///< a session's link, agreed upon elsewhere
  Ping,    ///< who is there; plans may differ
  Prepare, ///< evaluator -> P0: deal material
  Lead,    ///< P1 -> P2: what to prepare and to serve
  Query,   ///< client -> evaluator
};

/// "party 1", "client", ...
const char *roleName(Role role);

struct Hello {
  uint16_t version = kProtocolVersion;
  Role role = Role::Party0;
  Intent intent = Intent::Run;
  std::array<uint8_t, 32> planHash = {};
  std::array<uint8_t, 16> sessionId = {};
};

/// Sends `mine`, receives the peer's and compares version, plan hash, session
/// id and, if given, the role. A listener that does not know who connects
/// passes no role, receives and checks before it sends, and finds the role in
/// the answer; the channel is then renamed after it. At most one side listens.
/// A peer that plays this side's own role is refused. On a mismatch the peer is
/// told too.
Result<Hello> exchangeHello(Channel &channel, const Hello &mine,
                            std::optional<Role> expectedPeer = std::nullopt);

/// Receives and checks a hello as a listener, but for session id and intent,
/// which are the peer's to choose.
Result<Hello> receiveHello(Channel &channel, const Hello &mine);
/// Accepts it: session id and intent of `theirs`, the rest of `mine`.
Status answerHello(Channel &channel, const Hello &mine, const Hello &theirs);

} // namespace mpc::net

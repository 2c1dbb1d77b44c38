//===- tests/unit/net/HelloTest.cpp - the handshake -----------------------===//
#include "runtime/net/Hello.h"
#include "ChannelSuite.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::net;
using Bytes = std::vector<uint8_t>;
using Catch::Matchers::Contains;

namespace {

Hello helloOf(Role role) {
  Hello h;
  h.role = role;
  h.planHash.fill(0xab);
  h.sessionId.fill(0x11);
  return h;
}

/// What each side says when one of party 1 and party 2 was changed.
std::pair<std::string, std::string>
helloMismatch(const Hello &h1, const Hello &h2,
              std::optional<Role> expectedBy1 = Role::Party2) {
  auto [c1, c2] = inProcessChannels("party 1", "party 2");
  auto other = inThread([&c2 = *c2, h2]() -> std::string {
    auto r = exchangeHello(c2, h2, Role::Party1);
    return r ? "" : r.error().message;
  });
  auto r = exchangeHello(*c1, h1, expectedBy1);
  const std::string at1 = r ? "" : r.error().message;
  return {at1, other.get()};
}

/// What party 1 says to a hello of these bytes.
std::string answerTo(const Bytes &bytes) {
  auto [c1, c2] = inProcessChannels("party 1", "party 2");
  REQUIRE(c2->send(bytes));
  auto r = exchangeHello(*c1, helloOf(Role::Party1), Role::Party2);
  return r ? "" : r.error().message;
}

/// A good hello of party 2, as bytes.
Bytes goodBytes() {
  auto [c1, c2] = inProcessChannels("party 1", "party 2");
  c2->setDeadline(std::chrono::milliseconds(0));
  (void)exchangeHello(*c2, helloOf(Role::Party2), Role::Party1); // no answer
  auto bytes = c1->recvUpTo(1024);
  REQUIRE(bytes);
  return *bytes;
}

} // namespace

TEST_CASE("hello agrees and names the peer") {
  auto [c1, c2] = inProcessChannels("party 1", "somebody");
  auto other = inThread([&c2 = *c2] {
    return bool(exchangeHello(c2, helloOf(Role::Client), Role::Party1));
  });
  auto peer = exchangeHello(*c1, helloOf(Role::Party1));
  REQUIRE(peer);
  CHECK(peer->role == Role::Client);
  CHECK(peer->planHash == helloOf(Role::Client).planHash);
  CHECK(c1->peerName() == "client");
  CHECK(other.get());
}

TEST_CASE("hello names the field that differs and both values") {
  const Hello good1 = helloOf(Role::Party1), good2 = helloOf(Role::Party2);
  CHECK(helloMismatch(good1, good2) == std::pair<std::string, std::string>());

  Hello h = good2;
  h.planHash[31] = 0xcd;
  auto [a, b] = helloMismatch(good1, h);
  std::string ab, abcd;
  for (int i = 0; i < 32; ++i) {
    ab += "ab";
    abcd += i < 31 ? "ab" : "cd";
  }
  CHECK(a == "party 2 has another plan: its plan hash is " + abcd +
                 ", this side's " + ab);
  CHECK(b == "party 1 has another plan: its plan hash is " + ab +
                 ", this side's " + abcd);

  h = good2;
  h.sessionId[0] = 0x22;
  CHECK(helloMismatch(good1, h).first ==
        "party 2 is in another session"); // and not which

  h = good2;
  h.intent = Intent::Prepare;
  CHECK(helloMismatch(good1, h).first == "party 2 is in another session");

  h = good2;
  h.version = 0x0102;
  std::tie(a, b) = helloMismatch(good1, h);
  CHECK(a == "party 2 speaks protocol version 258, this side version 3");
  CHECK(b == "party 1 speaks protocol version 3, this side version 258");

  CHECK(helloMismatch(good1, helloOf(Role::Party0)).first ==
        "party 2 has role 'party 0', expected 'party 2'");
  CHECK(helloMismatch(good1, good1, std::nullopt).first ==
        "party 2 has role 'party 1', which is this side's own");
}

TEST_CASE("a malformed hello is refused") {
  const Bytes good = goodBytes();
  REQUIRE(good.size() == 56);
  CHECK(answerTo(good) == "");

  // A prefix of any length.
  for (size_t n = 0; n < good.size(); ++n)
    CHECK(answerTo({good.begin(), good.begin() + n}) != "");
  CHECK(answerTo({}) ==
        "party 2 does not speak this protocol: its hello starts "
        "with nothing, expected 6d706363");
  CHECK_THAT(answerTo({'G', 'E', 'T', ' ', '/', ' '}),
             Contains("starts with 47455420"));
  CHECK(answerTo({good.begin(), good.begin() + 20}) ==
        "party 2 sent a hello of 20 bytes, expected 56");
  Bytes longer = good;
  longer.push_back(0);
  CHECK_THAT(answerTo(longer), Contains("hello of 57 bytes"));
  CHECK_THAT(answerTo(Bytes(5000)), Contains("expected 0 to 1024"));

  // Any changed byte.
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x40;
    CHECK(answerTo(bad) != "");
  }
  Bytes role = good;
  role[6] = 5;
  CHECK_THAT(answerTo(role), Contains("unknown role 5"));
}

TEST_CASE("a daemon answers the session and intent it is asked for") {
  auto [c1, c2] = inProcessChannels("party 1", "party 2");
  Hello asked = helloOf(Role::Client);
  asked.sessionId.fill(0x77);
  asked.intent = Intent::Query;
  auto client = inThread([&c2 = *c2, asked] {
    auto r = exchangeHello(c2, asked, Role::Party1);
    return r ? "" : r.error().message;
  });
  auto seen = receiveHello(*c1, helloOf(Role::Party1));
  REQUIRE(seen);
  CHECK(seen->role == Role::Client);
  CHECK(seen->intent == Intent::Query);
  CHECK(seen->sessionId == asked.sessionId);
  REQUIRE(answerHello(*c1, helloOf(Role::Party1), *seen));
  CHECK(client.get() == "");
}

TEST_CASE("plans may differ for a ping and for nothing else") {
  for (Intent intent : {Intent::Ping, Intent::Query}) {
    auto [c1, c2] = inProcessChannels("party 1", "client");
    Hello asked = helloOf(Role::Client);
    asked.planHash.fill(0xee);
    asked.intent = intent;
    auto client = inThread([&c2 = *c2, asked] {
      return bool(exchangeHello(c2, asked, Role::Party1));
    });
    auto seen = receiveHello(*c1, helloOf(Role::Party1));
    CHECK(bool(seen) == (intent == Intent::Ping));
    if (seen)
      CHECK(answerHello(*c1, helloOf(Role::Party1), *seen));
    CHECK(client.get() == (intent == Intent::Ping));
  }
}

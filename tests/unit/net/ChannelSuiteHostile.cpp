//===- tests/unit/net/ChannelSuiteHostile.cpp - peers that misbehave ------===//
#include "ChannelSuite.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::net;
using namespace std::chrono_literals;
using Bytes = std::vector<uint8_t>;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// A channel, and the bare link of its peer.
struct Rig {
  std::unique_ptr<Channel> channel;
  std::unique_ptr<Link> peer;

  explicit Rig(const MakeLinks &make) {
    auto [a, b] = make();
    channel = std::make_unique<Channel>(std::move(a), "party 2");
    channel->setDeadline(5s); // bounds a test that goes wrong
    peer = std::move(b);
  }
  void inject(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const Moved m = peer->move(std::span(&bytes, 1), {}, 5s);
      REQUIRE(m.outcome == Moved::Outcome::Progress);
      bytes = bytes.subspan(m.sent);
    }
  }
  void injectHeader(FrameType type, uint32_t sequence, uint64_t length) {
    inject(encodeFrameHeader({type, sequence, length}));
  }
};

void garbage(const MakeLinks &make) {
  const Bytes http = {'H', 'T', 'T', 'P', '/', '1', '.', '1',
                      ' ', '4', '0', '0', ' ', 'B', 'a', 'd',
                      ' ', 'R', 'e', 'q', 'u', 'e', 's', 't'};
  Bytes buffer(64);
  for (int call = 0; call < 4; ++call) {
    Rig rig(make);
    rig.inject(http);
    Channel &c = *rig.channel;
    const std::string text = messageOf(call == 0   ? c.recv(buffer)
                                       : call == 1 ? c.recvStream(buffer)
                                       : call == 2 ? c.exchange(buffer, buffer)
                                                   : [&]() -> Status {
      MPC_TRY(c.recvUpTo(64));
      return {};
    }());
    CHECK(text == "party 2 sent bytes that are no frame: 48 54 54 50 ...");
  }
  Rig rig(make); // right magic, unknown type
  FrameBytes h = encodeFrameHeader({FrameType::Message, 0, 64});
  h[3] = 9;
  rig.inject(h);
  CHECK_THAT(messageOf(rig.channel->recv(buffer)), Contains("are no frame"));
}

void lies(const MakeLinks &make) {
  constexpr uint64_t kHuge = ~uint64_t(0);
  Bytes buffer(64);
  SECTION("a huge message is refused, not allocated") {
    Rig rig(make);
    rig.injectHeader(FrameType::Message, 0, kHuge);
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 sent 18446744073709551615 bytes, expected 64");
  }
  SECTION("a huge control message") {
    Rig rig(make);
    rig.injectHeader(FrameType::Message, 0, kHuge);
    auto r = rig.channel->recvUpTo(64);
    REQUIRE(!r);
    CHECK(r.error().message == "party 2 sent a message of 18446744073709551615 "
                               "bytes, expected 0 to 64");
  }
  SECTION("a huge or empty stream frame") {
    for (uint64_t n :
         {kHuge, uint64_t(kMaxStreamFrameBytes + 1), uint64_t(0)}) {
      Rig rig(make);
      rig.injectHeader(FrameType::Stream, 0, n);
      CHECK(messageOf(rig.channel->recvStream(buffer)) ==
            "party 2 sent a stream of " + std::to_string(n) +
                " bytes, expected 1 to 262144");
    }
  }
  SECTION("a huge error text") {
    Rig rig(make);
    rig.injectHeader(FrameType::Error, 0, kHuge);
    CHECK_THAT(messageOf(rig.channel->recv(buffer)),
               StartsWith("party 2 sent an error text of 1844"));
  }
  SECTION("a wrong sequence number") {
    Rig rig(make);
    rig.injectHeader(FrameType::Message, 5, 64);
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 sent frame number 5, expected 0");
  }
  SECTION("a repeated frame") {
    Rig rig(make);
    rig.injectHeader(FrameType::Message, 0, 0);
    rig.injectHeader(FrameType::Message, 0, 0);
    CHECK(rig.channel->recv({}));
    CHECK(messageOf(rig.channel->recv({})) ==
          "party 2 sent frame number 0, expected 1");
  }
  SECTION("another type of frame") {
    Rig rig(make);
    rig.injectHeader(FrameType::Stream, 0, 64);
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 sent a stream of 64 bytes, expected a message");
    Rig rig2(make);
    rig2.injectHeader(FrameType::Message, 0, 64);
    CHECK(messageOf(rig2.channel->recvStream(buffer)) ==
          "party 2 sent a message of 64 bytes, expected a stream");
  }
}

void dies(const MakeLinks &make) {
  Bytes buffer(64);
  SECTION("inside a header") {
    Rig rig(make);
    const FrameBytes h = encodeFrameHeader({FrameType::Message, 0, 64});
    rig.inject(std::span(h).first(7));
    rig.peer.reset();
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 closed the connection after 7 of 88 bytes of a frame");
  }
  SECTION("inside a payload") {
    Rig rig(make);
    rig.injectHeader(FrameType::Message, 0, 64);
    rig.inject(Bytes(10));
    rig.peer.reset();
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 closed the connection after 34 of 88 bytes of a frame");
  }
  SECTION("inside a stream frame") {
    for (size_t want : {8, 64}) {
      Rig rig(make);
      rig.injectHeader(FrameType::Stream, 0, 64);
      rig.inject(Bytes(10));
      rig.peer.reset();
      CHECK_THAT(
          messageOf(rig.channel->recvStream(std::span(buffer).first(want))),
          StartsWith("party 2 closed the connection"));
    }
  }
  SECTION("inside an error text: what came is shown") {
    Rig rig(make);
    rig.injectHeader(FrameType::Error, 0, 64);
    rig.inject(Bytes(10, 'e'));
    rig.peer.reset();
    CHECK(messageOf(rig.channel->recv(buffer)) == "party 2 failed: eeeeeeeeee");
  }
  SECTION("while we send") {
    Rig rig(make);
    rig.peer.reset();
    Status s; // what fits the transport's buffers may still go
    const Bytes big(32 << 20);
    for (int i = 0; i < 100 && s; ++i)
      s = rig.channel->send(big);
    CHECK(messageOf(s) == "party 2 closed the connection");
  }
  SECTION("while we exchange") {
    Rig rig(make);
    rig.peer.reset();
    const Bytes big(32 << 20);
    CHECK(messageOf(rig.channel->exchange(big, buffer)) ==
          "party 2 closed the connection");
  }
}

void stalls(const MakeLinks &make) {
  Bytes buffer(64);
  SECTION("silent") {
    Rig rig(make);
    rig.channel->setDeadline(50ms);
    rig.channel->setContext("round 2");
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "round 2: party 2 sent nothing for 50 ms");
  }
  SECTION("silent in the middle of a frame") {
    Rig rig(make);
    rig.channel->setDeadline(50ms);
    rig.injectHeader(FrameType::Message, 0, 64);
    CHECK(messageOf(rig.channel->recv(buffer)) ==
          "party 2 sent nothing for 50 ms after 24 of 88 bytes of a frame");
  }
  SECTION("a peer that reads but does not answer an exchange") {
    Rig rig(make);
    rig.channel->setDeadline(50ms);
    CHECK(messageOf(rig.channel->exchange(buffer, buffer)) ==
          "party 2 sent nothing for 50 ms");
  }
}

} // namespace

void hostileSuite(const MakeLinks &make) {
  SECTION("garbage") { garbage(make); }
  SECTION("lies") { lies(make); }
  SECTION("a peer that dies") { dies(make); }
  SECTION("a peer that stalls") { stalls(make); }
}

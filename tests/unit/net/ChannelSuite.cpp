//===- tests/unit/net/ChannelSuite.cpp - well-behaved peers ---------------===//
#include "ChannelSuite.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::net;
using Bytes = std::vector<uint8_t>;
using Catch::Matchers::Contains;

namespace {

void roundTrips(const MakeLinks &make) {
  for (size_t n : {size_t(0), size_t(1), size_t(15), size_t(64 * 1024),
                   size_t(20'000'000)}) {
    auto [a, b] = makeChannels(make);
    const Bytes sent = randomBytes(n, n + 1);
    auto peer = inThread([&b = *b, n]() -> Status {
      Bytes buffer(n);
      MPC_TRY(b.recv(buffer));
      return b.send(buffer);
    });
    CHECK(messageOf(a->send(sent)) == "");
    Bytes back(n);
    CHECK(messageOf(a->recv(back)) == "");
    CHECK(messageOf(peer.get()) == "");
    CHECK(back == sent);
  }
}

void exchanges(const MakeLinks &make) {
  // Far beyond any buffer, and of different sizes, so that one direction ends
  // first; then a small one, to see that both stayed in step.
  auto [a, b] = makeChannels(make);
  const Bytes fromA = randomBytes(64 << 20, 1);
  const Bytes fromB = randomBytes((64 << 20) - 12345, 2);
  Bytes atB(fromA.size());
  auto peer = inThread([&, &b = *b]() -> Status {
    MPC_TRY(b.exchange(fromB, atB));
    Bytes one(1), none;
    MPC_TRY(b.exchange(none, one));
    if (one[0] != 7)
      return Error{"wrong byte"};
    return {};
  });
  Bytes got(fromB.size());
  CHECK(messageOf(a->exchange(fromA, got)) == "");
  Bytes one{7}, none;
  CHECK(messageOf(a->exchange(one, none)) == "");
  CHECK(messageOf(peer.get()) == "");
  CHECK(atB == fromA);
  CHECK(got == fromB);
}

void controlMessages(const MakeLinks &make) {
  auto [a, b] = makeChannels(make);
  const Bytes text = randomBytes(100, 3);
  REQUIRE(a->send(text));
  REQUIRE(a->send({}));
  REQUIRE(a->send(text));
  auto got = b->recvUpTo(100);
  REQUIRE(got);
  CHECK(*got == text);
  got = b->recvUpTo(0);
  REQUIRE(got);
  CHECK(got->empty());
  got = b->recvUpTo(99);
  REQUIRE(!got);
  CHECK(got.error().message ==
        "party 1 sent a message of 100 bytes, expected 0 to 99");
}

void streams(const MakeLinks &make) {
  // Written and read in pieces that never line up.
  auto [a, b] = makeChannels(make);
  const Bytes all = randomBytes(3'000'000, 4);
  Bytes got(all.size());
  auto peer = inThread([&, &b = *b]() -> Status {
    std::mt19937_64 rng(5);
    for (size_t at = 0; at < got.size();) {
      const size_t top = rng() % 3 == 0 ? 400'000 : 3000;
      const size_t n = std::min<size_t>(rng() % top, got.size() - at);
      MPC_TRY(b.recvStream(std::span(got).subspan(at, n)));
      at += n;
    }
    Bytes reply{1};
    return b.send(reply);
  });
  std::mt19937_64 rng(6);
  Status sending;
  for (size_t at = 0; at < all.size() && sending;) {
    const size_t top = rng() % 100 == 0 ? 600'000 : 2000;
    const size_t n = std::min<size_t>(rng() % top, all.size() - at);
    sending = a->sendStream(std::span(all).subspan(at, n));
    at += n;
  }
  CHECK(messageOf(sending) == "");
  Bytes reply(1);
  // No flush(): a call that waits for the peer sends what is buffered.
  CHECK(messageOf(a->recv(reply)) == "");
  CHECK(messageOf(peer.get()) == "");
  CHECK(got == all);
  CHECK(a->counters().payloadSent == all.size());
  CHECK(b->counters().payloadReceived == all.size());
}

void streamsAndMessages(const MakeLinks &make) {
  auto [a, b] = makeChannels(make);
  const Bytes s = randomBytes(10, 7), m = randomBytes(20, 8);
  REQUIRE(a->sendStream(s));
  REQUIRE(a->send(m)); // after the stream bytes
  REQUIRE(a->sendStream(s));
  REQUIRE(a->flush());
  REQUIRE(a->flush()); // nothing left: no empty frame
  Bytes gotS(10), gotM(20);
  CHECK(b->recvStream(gotS));
  CHECK(b->recv(gotM));
  CHECK(gotS == s);
  CHECK(gotM == m);
  CHECK(b->recvStream(std::span(gotS).first(4)));
  // Six stream bytes are left; a message cannot come before they are read.
  CHECK(messageOf(b->recv(gotM)) == "party 1 sent 6 stream bytes more than "
                                    "were read before the next message");
}

/// Counters with the wire's fields as without a transport's own bytes.
Counters withoutOverhead(Counters c, uint64_t sent, uint64_t received,
                         bool transportAdds) {
  if (transportAdds && c.wireSent > sent)
    c.wireSent = sent;
  if (transportAdds && c.wireReceived > received)
    c.wireReceived = received;
  return c;
}

void countersExact(const MakeLinks &make, bool transportAdds) {
  auto [a, b] = makeChannels(make);
  const Bytes ten = randomBytes(10, 9);
  const Bytes frame = randomBytes(kMaxStreamFrameBytes + 1, 10);
  REQUIRE(a->send(ten));
  REQUIRE(a->send({}));
  REQUIRE(a->sendStream(ten));
  REQUIRE(a->sendStream(ten));
  REQUIRE(a->flush()); // one frame of 20
  Bytes got(10);
  REQUIRE(b->recv(got));
  REQUIRE(b->recv({}));
  REQUIRE(b->recvStream(got));
  REQUIRE(b->recvStream(got));
  Counters sent;
  sent.payloadSent = 30;
  sent.wireSent = 30 + 3 * kFrameHeaderBytes;
  sent.messagesSent = 2;
  sent.streamFramesSent = 1;
  CHECK(withoutOverhead(a->counters(), sent.wireSent, 0, transportAdds) ==
        sent);
  Counters received;
  received.payloadReceived = 30;
  received.wireReceived = 30 + 3 * kFrameHeaderBytes;
  received.messagesReceived = 2;
  received.streamFramesReceived = 1;
  CHECK(withoutOverhead(b->counters(), 0, received.wireReceived,
                        transportAdds) == received);

  const Counters before = a->counters();
  auto peer = inThread([&b = *b]() -> Status {
    Bytes in(kMaxStreamFrameBytes + 1);
    MPC_TRY(b.recvStream(in));
    Bytes five(5);
    return b.exchange(five, {});
  });
  CHECK(a->sendStream(frame)); // a full frame and one byte
  Bytes five(5);
  CHECK(a->exchange({}, five));
  CHECK(messageOf(peer.get()) == "");
  const Counters phase = withoutOverhead(a->counters() - before,
                                         frame.size() + 3 * kFrameHeaderBytes,
                                         5 + kFrameHeaderBytes, transportAdds);
  CHECK(phase.payloadSent == frame.size());
  CHECK(phase.streamFramesSent == 2);
  CHECK(phase.messagesSent == 1);
  CHECK(phase.wireSent == frame.size() + 3 * kFrameHeaderBytes);
  CHECK(phase.payloadReceived == 5);
  CHECK(phase.wireReceived == 5 + kFrameHeaderBytes);
}

void wrongLength(const MakeLinks &make) {
  for (size_t n : {320, 641, 0}) {
    auto [a, b] = makeChannels(make);
    a->setContext("round 17 ('/layer.3/Softmax')");
    REQUIRE(b->send(Bytes(n)));
    Bytes buffer(640);
    const std::string text = "round 17 ('/layer.3/Softmax'): party 2 sent " +
                             std::to_string(n) + " bytes, expected 640";
    CHECK(messageOf(a->recv(buffer)) == text);
    // Final: the stream position is no longer known.
    a->setContext("round 18");
    CHECK(messageOf(a->recv(buffer)) == text);
    CHECK(messageOf(a->send(buffer)) == text);
    CHECK(messageOf(a->sendStream(buffer)) == text);
    CHECK(messageOf(a->flush()) == text);
    // But the peer can be told.
    CHECK(a->sendError("party 2 sent a wrong length"));
    CHECK(messageOf(b->recv(buffer)) ==
          "party 1 failed: party 2 sent a wrong length");
  }
}

void errorFrames(const MakeLinks &make) {
  Bytes buffer(10);
  {
    auto [a, b] = makeChannels(make);
    b->setContext("round 3");
    REQUIRE(a->sendStream(buffer)); // dropped by the failure
    REQUIRE(a->sendError("cannot read\nweights\x1b[2J"));
    CHECK(messageOf(a->send(buffer)) ==
          "party 2 was told: cannot read\nweights\x1b[2J");
    // Another party's text does not control this one's terminal.
    CHECK(messageOf(b->recv(buffer)) ==
          "round 3: party 1 failed: cannot read weights?[2J");
  }
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->sendError(std::string(10'000, 'x')));
    CHECK(messageOf(b->recvStream(buffer)) ==
          "party 1 failed: " + std::string(kMaxErrorTextBytes, 'x'));
  }
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->sendError(""));
    CHECK_FALSE(b->recvUpTo(10));
  }
  {
    // The peer gives up without reading and goes: its reason is found even
    // though it is our sending that fails.
    auto [a, b] = makeChannels(make);
    REQUIRE(b->send(buffer)); // a message in front of the reason
    REQUIRE(b->sendError("disk full"));
    b.reset();
    const Bytes big(32 << 20);
    Status s;
    for (int i = 0; i < 100 && s; ++i)
      s = a->send(big);
    CHECK(messageOf(s) == "party 2 failed: disk full");
  }
}

void closes(const MakeLinks &make) {
  Bytes buffer(10);
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->sendStream(buffer));
    REQUIRE(a->close());
    CHECK_THAT(messageOf(a->send(buffer)), Contains("ended the session"));
    CHECK(b->recvStream(buffer)); // close() flushes
    CHECK(messageOf(b->recv(buffer)) ==
          "party 1 ended the session, expected a message from it");
  }
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->send(buffer));
    a.reset();
    CHECK(b->recv(buffer)); // what was sent before the end arrives
    CHECK(messageOf(b->recv(buffer)) == "party 1 closed the connection");
  }
}

void awaitedEnd(const MakeLinks &make) {
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->close());
    CHECK(messageOf(b->awaitClose()) == "");
    CHECK(messageOf(b->send({})) == "party 1 is no longer connected: it ended "
                                    "the session");
  }
  {
    auto [a, b] = makeChannels(make);
    REQUIRE(a->send({}));
    CHECK(messageOf(b->awaitClose()) ==
          "party 1 sent a message of 0 bytes, expected a close");
  }
  auto [a, b] = makeChannels(make);
  REQUIRE(a->sendError("no"));
  CHECK(messageOf(b->awaitClose()) == "party 1 failed: no");
}

void silence(const MakeLinks &make) {
  {
    auto [a, b] = makeChannels(make);
    CHECK(messageOf(a->checkSilent()) == "");
    CHECK(a->send({})); // it changes nothing
    CHECK(messageOf(b->recv({})) == "");
  }
  auto [a, b] = makeChannels(make);
  REQUIRE(b->send(Bytes(3)));
  // The bytes may take a moment to arrive.
  Status s;
  while ((s = a->checkSilent()))
    ;
  CHECK(messageOf(s) == "party 2 spoke out of turn");
  auto [c, d] = makeChannels(make);
  d.reset();
  while ((s = c->checkSilent()))
    ;
  CHECK(messageOf(s) == "party 2 closed the connection");
}

void sessions(const MakeLinks &make) {
  const Bytes ten = randomBytes(10, 11);
  Bytes got(10);
  auto [a, b] = makeChannels(make);
  a->setSession(7);
  b->setSession(7);
  REQUIRE(a->send(ten));
  CHECK(messageOf(b->recv(got)) == "");
  a->setSession(8);
  REQUIRE(a->send(ten));
  CHECK(messageOf(b->recv(got)) == "party 1 sent a frame of another session");
  // Who failed before the session began may still say so.
  auto [c, d] = makeChannels(make);
  d->setSession(9);
  REQUIRE(c->sendError("early"));
  CHECK(messageOf(d->recv(got)) == "party 1 failed: early");
}

} // namespace

void channelSuite(const MakeLinks &make, bool transportAdds) {
  SECTION("round trips of 0 bytes to 20 MB") { roundTrips(make); }
  SECTION("exchange of 64 MB both ways") { exchanges(make); }
  SECTION("control messages") { controlMessages(make); }
  SECTION("streams") { streams(make); }
  SECTION("streams between messages") { streamsAndMessages(make); }
  SECTION("counters are exact") { countersExact(make, transportAdds); }
  SECTION("wrong length") { wrongLength(make); }
  SECTION("error frames") { errorFrames(make); }
  SECTION("ends") { closes(make); }
  SECTION("an awaited end") { awaitedEnd(make); }
  SECTION("silence") { silence(make); }
  SECTION("frames carry their session") { sessions(make); }
}

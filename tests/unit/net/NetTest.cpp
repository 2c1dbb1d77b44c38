//===- tests/unit/net/NetTest.cpp - in-process channels and decorators ----===//
#include "ChannelSuite.h"
#include "runtime/net/Recording.h"
#include "runtime/net/Shaping.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::net;
using namespace std::chrono_literals;
using Bytes = std::vector<uint8_t>;

namespace {

LinkPair shapedLinks(LinkShape shape) {
  auto [a, b] = inProcessLinks();
  return {shapingLink(std::move(a), shape), shapingLink(std::move(b), shape)};
}

/// Fast enough for 64 MB, slow enough that receivers have to wait.
LinkPair quickShapedLinks() { return shapedLinks({500us, 2e9}); }

} // namespace

TEST_CASE("channels in process") { channelSuite(inProcessLinks); }
TEST_CASE("channels in process, hostile peer") { hostileSuite(inProcessLinks); }
TEST_CASE("shaped channels") { channelSuite(quickShapedLinks); }
TEST_CASE("shaped channels, hostile peer") { hostileSuite(quickShapedLinks); }

TEST_CASE("recorded channels") {
  Transcript ta, tb;
  auto make = [&]() -> LinkPair {
    ta = tb = {};
    auto [a, b] = inProcessLinks();
    return {recordingLink(std::move(a), ta), recordingLink(std::move(b), tb)};
  };
  channelSuite(make);
}

TEST_CASE("a transcript holds what a party sent and saw") {
  Transcript view;
  auto [left, right] = inProcessLinks();
  Channel a(recordingLink(std::move(left), view), "party 2");
  Channel b(std::move(right), "party 1");
  const Bytes one = randomBytes(5, 1), two = randomBytes(3, 2);
  REQUIRE(a.send(one));
  REQUIRE(b.send(two));
  REQUIRE(b.sendStream(one));
  REQUIRE(b.close());
  Bytes got(3), stream(5);
  REQUIRE(a.recv(got));
  REQUIRE(a.recvStream(stream));

  CHECK(payloadOf(view.sent) == one);
  CHECK(view.sent.size() == a.counters().wireSent);
  Bytes both = two;
  both.insert(both.end(), one.begin(), one.end());
  CHECK(payloadOf(view.received) == both);
  const auto frames = splitFrames(view.received);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].type == FrameType::Message);
  CHECK(frames[0].payload == two);
  CHECK(frames[1].type == FrameType::Stream);

  // Cut anywhere, whole frames only.
  for (size_t n = 0; n < view.received.size(); ++n) {
    const auto some = splitFrames(std::span(view.received).first(n));
    CHECK(some.size() == (n >= kFrameHeaderBytes + 3 ? 1 : 0));
  }
}

TEST_CASE("frame headers survive encoding") {
  for (auto type : {FrameType::Message, FrameType::Stream, FrameType::Error,
                    FrameType::Close})
    for (uint64_t length : {uint64_t(0), uint64_t(1) << 33, ~uint64_t(0)}) {
      const auto h =
          decodeFrameHeader(encodeFrameHeader({type, 0x01020304, length}));
      REQUIRE(h);
      CHECK(h->type == type);
      CHECK(h->sequence == 0x01020304);
      CHECK(h->length == length);
    }
}

TEST_CASE("a shaped line transmits one chunk after another") {
  using Clock = LineSchedule::Clock;
  const Clock::time_point t0 = Clock::now();
  LineSchedule line({20ms, 1000.0}); // 1 byte per ms
  CHECK(line.due(t0, 100) == t0 + 120ms);
  CHECK(line.due(t0, 50) == t0 + 170ms);         // queued behind
  CHECK(line.due(t0 + 100ms, 10) == t0 + 180ms); // the line is still busy
  CHECK(line.due(t0 + 1s, 10) == t0 + 1030ms);   // idle in between
  LineSchedule free({5ms, 0});
  CHECK(free.due(t0, 1 << 30) == t0 + 5ms);
}

TEST_CASE("a shaped message is not available before it is due") {
  // A lower bound cannot fail on a busy machine.
  auto [la, lb] = shapedLinks({10ms, 1e6});
  Channel a(std::move(la), "party 2"), b(std::move(lb), "party 1");
  const auto start = LineSchedule::Clock::now();
  const Bytes message(10'000 - kFrameHeaderBytes); // 10 ms on the line
  REQUIRE(a.send(message));
  Bytes got(message.size());
  REQUIRE(b.recv(got));
  CHECK(LineSchedule::Clock::now() - start >= 20ms);
  CHECK(a.counters().wireSent == 10'000); // stamps do not count
  CHECK(b.counters().wireReceived == 10'000);
}

TEST_CASE("a shaped link refuses a peer that is not shaped") {
  auto [la, lb] = inProcessLinks();
  Channel a(shapingLink(std::move(la), {}), "party 2");
  Channel b(std::move(lb), "party 1");
  REQUIRE(b.send(Bytes(8)));
  Bytes got(8);
  CHECK(messageOf(a.recv(got)) ==
        "party 2 cannot be reached: the peer is not shaped");
}

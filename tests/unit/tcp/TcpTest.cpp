//===- tests/unit/tcp/TcpTest.cpp - the suite over sockets ----------------===//
#include "runtime/tcp/Tcp.h"
#include "ChannelSuite.h"
#include "runtime/net/Hello.h"
#include "runtime/net/Shaping.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <future>
#include <sys/wait.h>
#include <unistd.h>

using namespace mpc;
using namespace mpc::net;
using namespace std::chrono_literals;
using Bytes = std::vector<uint8_t>;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

LinkPair tcpLinks() {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  auto a = tcp::connect("127.0.0.1", listener->port(), 5s);
  REQUIRE(a);
  auto b = listener->accept(5s);
  REQUIRE(b);
  return {std::move(*a), std::move(*b)};
}

LinkPair unixLinks() {
  auto pair = tcp::socketPair();
  REQUIRE(pair);
  return std::move(*pair);
}

LinkPair shapedTcpLinks() {
  auto [a, b] = tcpLinks();
  const LinkShape shape{200us, 2e9};
  return {shapingLink(std::move(a), shape), shapingLink(std::move(b), shape)};
}

} // namespace

TEST_CASE("channels over TCP") { channelSuite(tcpLinks); }
TEST_CASE("channels over TCP, hostile peer") { hostileSuite(tcpLinks); }
TEST_CASE("channels over a socket pair") { channelSuite(unixLinks); }
TEST_CASE("channels over a socket pair, hostile peer") {
  hostileSuite(unixLinks);
}
TEST_CASE("shaped channels over TCP") { channelSuite(shapedTcpLinks); }

TEST_CASE("a peer that does not read stalls the sender") {
  for (const MakeLinks &make : {MakeLinks(tcpLinks), MakeLinks(unixLinks)}) {
    auto [a, b] = make();
    Channel c(std::move(a), "party 2");
    c.setDeadline(50ms);
    const Bytes big(64 << 20); // beyond the socket buffers
    CHECK(messageOf(c.send(big)) == "party 2 accepted nothing for 50 ms");
    // A frame was cut short: nothing may follow it.
    CHECK(messageOf(c.sendError("too slow")) ==
          "party 2 accepted nothing for 50 ms");
  }
}

TEST_CASE("the peer may be another process") {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  const Bytes question = randomBytes(1'000'000, 1);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) { // no Catch in here
    auto link = tcp::connect("localhost", listener->port(), 5s);
    if (!link)
      ::_exit(1);
    Channel c(std::move(*link), "party 1");
    Bytes in(question.size());
    if (!c.exchange(question, in) || in != question)
      ::_exit(2);
    (void)c.sendError("done with it");
    ::_exit(0);
  }
  auto link = listener->accept(5s);
  REQUIRE(link);
  Channel c(std::move(*link), "party 2");
  Bytes in(question.size());
  CHECK(messageOf(c.exchange(question, in)) == "");
  CHECK(in == question);
  CHECK(messageOf(c.recv(in)) == "party 2 failed: done with it");
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a killed peer is noticed at once") {
  auto pair = tcp::socketPair();
  REQUIRE(pair);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    pair->first.reset();
    ::pause(); // holds the other end until it is killed
    ::_exit(0);
  }
  pair->second.reset();
  Channel c(std::move(pair->first), "party 2");
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  Bytes in(8);
  CHECK(messageOf(c.recv(in)) == "party 2 closed the connection");
}

TEST_CASE("connect waits for a listener that comes later") {
  // Take a free port, and listen on it again once the client is trying.
  uint16_t port = 0;
  {
    auto first = tcp::Listener::open();
    REQUIRE(first);
    port = first->port();
  }
  auto client =
      inThread([port] { return bool(tcp::connect("127.0.0.1", port, 10s)); });
  auto listener = tcp::Listener::open("127.0.0.1", port);
  REQUIRE(listener);
  CHECK(listener->port() == port);
  CHECK(listener->accept(10s));
  CHECK(client.get());
}

TEST_CASE("connecting and listening fail with a reason in bounded time") {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  const std::string port = std::to_string(listener->port());
  auto none = listener->accept(20ms);
  REQUIRE(!none);
  CHECK(none.error().message ==
        "nobody connected to 127.0.0.1:" + port + " within 20 ms");

  auto taken = tcp::Listener::open("127.0.0.1", listener->port());
  REQUIRE(!taken);
  CHECK_THAT(taken.error().message,
             StartsWith("cannot listen on 127.0.0.1:" + port));

  { auto gone = std::move(*listener); }
  auto nobody =
      tcp::connect("127.0.0.1", static_cast<uint16_t>(std::stoi(port)), 30ms);
  REQUIRE(!nobody);
  CHECK(nobody.error().message == "cannot connect to 127.0.0.1:" + port +
                                      " within 30 ms: Connection refused");

  auto name = tcp::connect("no such host", 1, 30ms);
  REQUIRE(!name);
  CHECK_THAT(name.error().message, StartsWith("cannot resolve 'no such host'"));
}

TEST_CASE("connecting ends when it is told to stop") {
  uint16_t free = 0;
  {
    auto listener = tcp::Listener::open();
    REQUIRE(listener);
    free = listener->port();
  }
  std::stop_source stop;
  auto fd = std::async(std::launch::async, [&] {
    return tcp::connectFd("127.0.0.1", free, 10min, stop.get_token());
  });
  stop.request_stop();
  const auto result = fd.get();
  REQUIRE_FALSE(result);
  CHECK_THAT(result.error().message, Contains("cancel"));
}

TEST_CASE("fromFd takes stream sockets only") {
  auto bad = tcp::fromFd(-1);
  REQUIRE(!bad);
  CHECK_THAT(bad.error().message, Contains("is no socket"));
  const int file = ::open("/dev/null", O_RDONLY);
  REQUIRE(file >= 0);
  CHECK(!tcp::fromFd(file));
  CHECK(::fcntl(file, F_GETFD) == -1); // closed: it was taken over
}

TEST_CASE("hello over TCP, with a peer that is something else") {
  auto [a, b] = tcpLinks();
  Channel c(std::move(a), "party 2");
  const std::string http = "HTTP/1.1 400 Bad Request\r\n\r\n";
  const std::span bytes(reinterpret_cast<const uint8_t *>(http.data()),
                        http.size());
  REQUIRE(b->move(std::span(&bytes, 1), {}, 5s).sent == http.size());
  Hello mine;
  auto r = exchangeHello(c, mine, Role::Party2);
  REQUIRE(!r);
  CHECK_THAT(r.error().message, StartsWith("party 2 sent bytes that are no "
                                           "frame: 48 54 54 50"));
}

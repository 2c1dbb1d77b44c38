//===- tests/unit/service/DoorTest.cpp - nobody keeps others waiting ------===//
#include "runtime/service/Door.h"
#include "runtime/net/Channel.h"

#include <catch2/catch.hpp>
#include <condition_variable>

using namespace mpc;
using namespace std::chrono_literals;

namespace {

/// Echoes one message of 3 bytes a connection.
void echo(tcp::Fd fd) {
  auto link = tcp::fromFd(fd.release());
  if (!link)
    return;
  net::Channel c(std::move(*link), "caller");
  c.setDeadline(20s);
  std::vector<uint8_t> in(3);
  if (c.recv(in))
    (void)c.send(in);
}

std::unique_ptr<net::Channel> call(uint16_t port) {
  auto link = tcp::connect("127.0.0.1", port, 5s);
  REQUIRE(link);
  auto c = std::make_unique<net::Channel>(std::move(*link), "door");
  c->setDeadline(5s);
  return c;
}

} // namespace

TEST_CASE("silent callers keep nobody waiting, and closing ends them") {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  const std::vector<uint8_t> out = {1, 2, 3};
  std::vector<uint8_t> in(3);
  std::vector<std::unique_ptr<net::Channel>> silent;
  {
    service::Door door(std::move(*listener), 10, echo);
    for (int i = 0; i < 5; ++i)
      silent.push_back(call(door.port()));
    auto c = call(door.port());
    REQUIRE(c->send(out));
    REQUIRE(c->recv(in));
    CHECK(in == out);
    CHECK(!c->recv(in)); // its handler has ended, so has the connection
  }                      // although five handlers wait for up to 20 s
  for (auto &c : silent) {
    c->setDeadline(5s);
    auto gone = c->recv(in);
    REQUIRE(!gone);
    CHECK(gone.error().message == "door closed the connection");
  }
}

TEST_CASE("more callers than allowed are closed at the door") {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  service::Door door(std::move(*listener), 2, echo);
  std::vector<uint8_t> in(3);
  auto a = call(door.port()), b = call(door.port()), c = call(door.port());
  auto refused = c->recv(in);
  REQUIRE(!refused);
  CHECK(door.refused() == 1);
  const std::vector<uint8_t> out = {4, 5, 6};
  REQUIRE(a->send(out));
  REQUIRE(a->recv(in));
  CHECK(in == out);
}

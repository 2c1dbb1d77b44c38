//===- tests/unit/tls/TlsTest.cpp - the suite over TLS, and who is let in -===//
#include "ChannelSuite.h"
#include "TempDir.h"
#include "runtime/tcp/Tcp.h"
#include "runtime/tls/Context.h"
#include "runtime/tls/Keygen.h"

#include <catch2/catch.hpp>
#include <ctime>

using namespace mpc;
using namespace mpc::net;
using namespace std::chrono_literals;
using Bytes = std::vector<uint8_t>;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

tls::Context::Deadline soon() { return std::chrono::steady_clock::now() + 10s; }

tls::Identity identity(const TempDir &dir, const std::string &name,
                       int days = 1, int64_t from = -300) {
  const std::string key = dir.file(name + ".key"),
                    crt = dir.file(name + ".crt");
  auto made = tls::makeSelfSigned(key, crt, name, days, from);
  REQUIRE(made);
  auto loaded = tls::Identity::load(key, crt);
  REQUIRE(loaded);
  CHECK(loaded->certificate().fingerprint == made->fingerprint);
  return std::move(*loaded);
}

tls::Peer pin(const tls::Identity &who, const std::string &label) {
  return {label, who.certificate().fingerprint, ""};
}

tls::Context context(const tls::Identity &own, std::vector<tls::Peer> peers) {
  auto c = tls::Context::create(own, {std::move(peers), ""});
  REQUIRE(c);
  return std::move(*c);
}

std::pair<tcp::Fd, tcp::Fd> sockets() {
  auto listener = tcp::Listener::open();
  REQUIRE(listener);
  auto a = tcp::connectFd("127.0.0.1", listener->port(), 5s);
  REQUIRE(a);
  auto b = listener->acceptFd(5s);
  REQUIRE(b);
  REQUIRE(*b);
  return {std::move(*a), std::move(**b)};
}

struct Shaken {
  Result<tls::Connection> client, server;
};

Shaken shake(const tls::Context &client, const tls::Context &server,
             size_t expected = 0, tls::CertificateInfo *seen = nullptr) {
  auto [a, b] = sockets();
  auto other = inThread([&server, fd = std::move(b)]() mutable {
    return server.accept(std::move(fd), soon());
  });
  auto mine = client.connect(std::move(a), expected, soon(), seen);
  return {std::move(mine), other.get()};
}

/// Two parties that know each other, once for all tests.
struct Couple {
  TempDir dir;
  tls::Identity one = identity(dir, "p1.example.org");
  tls::Identity two = identity(dir, "party-2");
  tls::Context c1 = context(one, {pin(two, "party 2")});
  tls::Context c2 = context(two, {pin(one, "party 1")});
};
Couple &couple() {
  static Couple c;
  return c;
}

LinkPair tlsLinks() {
  Shaken s = shake(couple().c1, couple().c2);
  REQUIRE(s.client);
  REQUIRE(s.server);
  return {std::move(s.client->link), std::move(s.server->link)};
}

/// The message of either side's failure; a client may learn of its refusal
/// only when it uses the connection.
std::string failureOf(Result<tls::Connection> &r) {
  if (!r)
    return r.error().message;
  Channel c(std::move(r->link), "the peer");
  c.setDeadline(5s);
  Bytes in(1);
  return messageOf(c.recv(in));
}

} // namespace

TEST_CASE("channels over TLS") { channelSuite(tlsLinks, true); }
TEST_CASE("channels over TLS, hostile peer") { hostileSuite(tlsLinks); }

TEST_CASE("both sides learn who the other is") {
  Couple &c = couple();
  Shaken s = shake(c.c1, c.c2);
  REQUIRE(s.client);
  REQUIRE(s.server);
  CHECK(s.client->peer == 0);
  CHECK(s.client->certificate.subject == "party-2");
  CHECK(s.server->certificate.fingerprint == c.one.certificate().fingerprint);
}

TEST_CASE("a certificate nobody pinned is refused by either side") {
  Couple &c = couple();
  const tls::Identity stranger = identity(c.dir, "stranger");
  const tls::Context asStranger = context(stranger, {pin(c.two, "party 2")});
  Shaken s = shake(asStranger, c.c2);
  REQUIRE(!s.server);
  CHECK_THAT(s.server.error().message,
             Contains("its certificate ('stranger', sha256:") &&
                 Contains("is not among those known here"));
  CHECK_THAT(failureOf(s.client),
             Contains("does not accept this side's certificate"));

  // The other way round, and the certificate is seen nevertheless.
  const tls::Context server = context(stranger, {pin(c.one, "party 1")});
  tls::CertificateInfo seen;
  Shaken t = shake(c.c1, server, 0, &seen);
  REQUIRE(!t.client);
  CHECK_THAT(t.client.error().message,
             StartsWith("TLS with party 2: its certificate ('stranger'"));
  CHECK(seen.fingerprint == stranger.certificate().fingerprint);
  CHECK(!t.server);
}

TEST_CASE("a known certificate does not stand for another party") {
  Couple &c = couple();
  const tls::Identity zero = identity(c.dir, "party-0");
  const tls::Context client =
      context(c.one, {pin(zero, "party 0"), pin(c.two, "party 2")});
  Shaken s = shake(client, c.c2, 0);
  REQUIRE(!s.client);
  CHECK(s.client.error().message ==
        "TLS with party 0: its certificate is that of party 2");
}

TEST_CASE("expired and future certificates are refused by name") {
  Couple &c = couple();
  const int64_t day = 24 * 3600;
  const tls::Identity old = identity(c.dir, "old", 1, -3 * day);
  const tls::Identity young = identity(c.dir, "young", 1, 2 * day);
  const tls::Context knowing =
      context(c.two, {pin(old, "party 1"), pin(young, "client 'x'")});
  Shaken s = shake(context(old, {pin(c.two, "party 2")}), knowing);
  REQUIRE(!s.server);
  CHECK_THAT(s.server.error().message,
             Contains("the certificate of party 1 expired on ") &&
                 Contains(" UTC"));
  Shaken t = shake(context(young, {pin(c.two, "party 2")}), knowing);
  REQUIRE(!t.server);
  CHECK_THAT(t.server.error().message,
             Contains("the certificate of client 'x' is valid only from "));
}

TEST_CASE("who does not speak TLS gets no answer and keeps nobody waiting") {
  Couple &c = couple();
  for (const std::string &text :
       {std::string("GET / HTTP/1.0\r\n\r\n"), std::string(500, '\x16')}) {
    auto [a, b] = sockets();
    auto server = inThread([&c, fd = std::move(b)]() mutable {
      return c.c2.accept(std::move(fd), soon());
    });
    auto plain = tcp::fromFd(a.release());
    REQUIRE(plain);
    const std::span bytes(reinterpret_cast<const uint8_t *>(text.data()),
                          text.size());
    (void)(*plain)->move(std::span(&bytes, 1), {}, 5s);
    auto r = server.get();
    REQUIRE(!r);
    CHECK_THAT(r.error().message,
               StartsWith("TLS with somebody who connected"));
  }
  // Silence ends at the deadline.
  auto [a, b] = sockets();
  auto r = c.c2.accept(std::move(b), std::chrono::steady_clock::now() + 20ms);
  REQUIRE(!r);
  CHECK_THAT(r.error().message, Contains("no handshake before the deadline"));
}

TEST_CASE("a flipped byte on the wire is noticed") {
  // A relay between the two that changes one byte of what the client sends.
  Couple &c = couple();
  auto [a, left] = sockets();
  auto [right, b] = sockets();
  auto server = inThread([&c, fd = std::move(b)]() mutable {
    return c.c2.accept(std::move(fd), soon());
  });
  auto l = tcp::fromFd(left.release()), r = tcp::fromFd(right.release());
  REQUIRE(l);
  REQUIRE(r);
  std::atomic<bool> flip = false;
  auto relay = [&flip](Link &from, Link &to, bool forward) {
    Bytes buffer(1 << 16);
    for (;;) {
      std::span<uint8_t> in(buffer);
      const Moved got = from.move({}, std::span(&in, 1), 10s);
      if (got.outcome != Moved::Outcome::Progress)
        return;
      if (forward && flip)
        buffer[got.received / 2] ^= 1;
      std::span<const uint8_t> out(buffer.data(), got.received);
      while (!out.empty()) {
        const Moved put = to.move(std::span(&out, 1), {}, 10s);
        if (put.outcome != Moved::Outcome::Progress)
          return;
        out = out.subspan(put.sent);
      }
    }
  };
  auto client = inThread([&c, fd = std::move(a)]() mutable {
    return c.c1.connect(std::move(fd), 0, soon());
  });
  // The handshake: client hello, server's flight, client's flight.
  const auto once = [&](Link &from, Link &to) {
    Bytes buffer(1 << 16);
    std::span<uint8_t> in(buffer);
    const Moved got = from.move({}, std::span(&in, 1), 10s);
    std::span<const uint8_t> out(buffer.data(), got.received);
    (void)to.move(std::span(&out, 1), {}, 10s);
  };
  // Flights may come in several pieces: relay until both are done.
  while (client.wait_for(0ms) != std::future_status::ready ||
         server.wait_for(0ms) != std::future_status::ready) {
    const auto some = [&](Link &from, Link &to) {
      Bytes buffer(1 << 16);
      std::span<uint8_t> in(buffer);
      const Moved got = from.move({}, std::span(&in, 1), 1ms);
      if (got.outcome != Moved::Outcome::Progress)
        return;
      std::span<const uint8_t> out(buffer.data(), got.received);
      (void)to.move(std::span(&out, 1), {}, 10s);
    };
    some(**l, **r);
    some(**r, **l);
  }
  auto one = client.get();
  auto two = server.get();
  REQUIRE(one);
  REQUIRE(two);
  auto end1 = std::make_unique<Channel>(std::move(one->link), "party 2");
  Channel &c1 = *end1, c2(std::move(two->link), "party 1");
  c2.setDeadline(5s);
  REQUIRE(c1.send(Bytes(100)));
  once(**l, **r);
  Bytes got(100);
  CHECK(messageOf(c2.recv(got)) == "");
  REQUIRE(c1.send(Bytes(100)));
  flip = true;
  auto relaying = inThread([&] { relay(**l, **r, true); });
  CHECK_THAT(messageOf(c2.recv(got)),
             StartsWith("party 1 cannot be reached: TLS: "));
  end1.reset();
  relaying.get();
}

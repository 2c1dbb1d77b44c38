//===- tests/unit/service/PartsTest.cpp - the daemon's parts, one by one --===//
#include "runtime/net/InProcess.h"
#include "runtime/service/AesSeal.h"
#include "runtime/service/Health.h"
#include "runtime/service/LeadWire.h"
#include "runtime/service/Log.h"
#include "runtime/service/Metrics.h"
#include "runtime/service/Ping.h"
#include "runtime/service/Requests.h"
#include "tests/unit/core/TempDir.h"

#include <thread>

using namespace mpc;
using namespace mpc::service;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

core::SecretVector<uint8_t> secretOf(uint8_t byte) {
  core::SecretVector<uint8_t> s(32);
  std::fill(s.begin(), s.end(), byte);
  return s;
}

std::string errorOf(const Status &s) { return s ? "" : s.error().message; }

/// A request of `client` with id filled with `id`, and the client's end.
std::pair<Request, std::unique_ptr<net::Channel>> request(size_t client,
                                                          uint8_t id) {
  auto [mine, theirs] = net::inProcessChannels("party", "client");
  Request r;
  r.guest.channel = std::move(mine);
  r.guest.client = client;
  r.guest.hello.sessionId.fill(id);
  return {std::move(r), std::move(theirs)};
}

} // namespace

TEST_CASE("material at rest opens only as what it was") {
  AesSeal seal(secretOf(1)), other(secretOf(2));
  const core::Digest header = core::sha256({}), another = core::sha256(header);
  std::vector<uint8_t> plain(1000);
  for (size_t i = 0; i < plain.size(); ++i)
    plain[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> bytes = plain, out(plain.size());
  material::Tag tag;
  REQUIRE(seal.seal(header, 7, bytes, tag));
  CHECK(bytes != plain);
  CHECK(seal.open(header, 7, bytes, tag, out));
  CHECK(out == plain);
  CHECK_FALSE(seal.open(header, 8, bytes, tag, out));
  CHECK_FALSE(seal.open(another, 7, bytes, tag, out));
  CHECK_FALSE(other.open(header, 7, bytes, tag, out));
  bytes[500] ^= 1;
  CHECK_FALSE(seal.open(header, 7, bytes, tag, out));
  bytes[500] ^= 1;
  tag[0] ^= 1;
  CHECK_FALSE(seal.open(header, 7, bytes, tag, out));
}

TEST_CASE("an encrypted file of material, read back") {
  TempDir dir;
  AesSeal seal(secretOf(3));
  material::MaterialId id;
  id.party = 1;
  id.session.fill(9);
  const std::string path = dir.file("m");
  std::vector<uint8_t> payload(3 * material::kChunkBytes / 2);
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<uint8_t>(i * 31);
  auto w = material::MaterialWriter::create(path, id, payload.size(), &seal);
  REQUIRE(w);
  REQUIRE(w->put(payload));
  REQUIRE(w->commit());
  auto r = material::MaterialReader::open(path, &seal);
  REQUIRE(r);
  auto all = r->take(payload.size());
  REQUIRE(all);
  CHECK(std::equal(all->begin(), all->end(), payload.begin()));
  // Without the key, or with another one, it is noise that is refused.
  AesSeal wrong(secretOf(4));
  auto x = material::MaterialReader::open(path, &wrong);
  REQUIRE(x);
  CHECK(!x->take(10));
}

TEST_CASE("clients take turns") {
  Limits limits;
  Requests q(limits);
  std::vector<std::unique_ptr<net::Channel>> clients;
  const auto enter = [&](size_t client, uint8_t id) {
    REQUIRE(q.admit(client));
    auto [r, c] = request(client, id);
    clients.push_back(std::move(c));
    q.enter(std::move(r));
  };
  for (uint8_t i = 1; i <= 4; ++i)
    enter(0, i); // a client with many
  enter(1, 11);
  enter(2, 21);
  std::string order;
  for (int i = 0; i < 6; ++i)
    order += std::to_string(q.next({})->id()[0]) + " ";
  CHECK(order == "11 21 1 2 3 4 ");
  CHECK(q.waiting() == 0);
  std::stop_source stop;
  stop.request_stop();
  CHECK(!q.next(stop.get_token()));
}

TEST_CASE("limits on waiting requests, and on requests a minute") {
  Limits limits;
  limits.waitingRequests = 3;
  limits.waitingPerClient = 2;
  limits.requestsPerMinute = 5;
  Requests q(limits);
  CHECK(q.admit(0));
  CHECK(q.admit(0));
  CHECK_THAT(errorOf(q.admit(0)), Contains("this client has 2 requests"));
  CHECK(q.admit(1));
  CHECK_THAT(errorOf(q.admit(2)), Contains("3 requests are waiting already"));
  for (int i = 0; i < 3; ++i) {
    q.leave(0);
    CHECK(q.admit(0));
  }
  q.leave(0);
  CHECK_THAT(errorOf(q.admit(0)), Contains("more than 5 requests a minute"));
  q.stopAdmitting();
  CHECK_THAT(errorOf(q.admit(3)), Contains("shutting down"));
}

TEST_CASE("who goes away or waits too long leaves the queue") {
  Limits limits;
  limits.requestTimeout = std::chrono::seconds(7);
  Requests q(limits);
  std::array<std::unique_ptr<net::Channel>, 3> clients;
  for (size_t i = 0; i < 3; ++i) {
    REQUIRE(q.admit(i));
    auto [r, c] = request(i, static_cast<uint8_t>(i + 1));
    clients[i] = std::move(c);
    q.enter(std::move(r));
  }
  CHECK(q.sweep(Clock::now()).empty());
  clients[1].reset();
  auto gone = q.sweep(Clock::now());
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].first.id()[0] == 2);
  Token third;
  third.fill(3);
  CHECK(q.take(third, Clock::now()));
  CHECK(!q.take(third, Clock::now()));
  auto late = q.sweep(Clock::now() + 8s);
  REQUIRE(late.size() == 1);
  CHECK_THAT(late[0].second.message, Contains("within 7 s"));
}

TEST_CASE("what daemons tell each other survives, and nothing else decodes") {
  Command c;
  c.kind = Command::Kind::Inventory;
  c.deployment.fill(1);
  c.token.fill(2);
  c.request.fill(3);
  c.tokens.resize(3);
  c.tokens[1].fill(9);
  const std::vector<uint8_t> bytes = c.encode();
  auto d = Command::decode(bytes);
  REQUIRE(d);
  CHECK(d->encode() == bytes);
  for (size_t n = 0; n < bytes.size(); ++n)
    CHECK(!Command::decode(std::span(bytes).first(n)));
  std::vector<uint8_t> bad = bytes;
  bad[0] = 9;
  CHECK(!Command::decode(bad));
  bad = bytes;
  bad[1 + 32 + 16 + 16 + 3] = 0xff; // how many tokens
  CHECK(!Command::decode(bad));

  Reply r{Reply::Code::Refused, "no\x1b[2J", {}};
  auto back = Reply::decode(r.encode());
  REQUIRE(back);
  CHECK(back->text == "no?[2J"); // somebody else's text, on our terminal

  PartyInfo info;
  info.version = "1";
  info.party = 2;
  info.awaits = "party 0";
  info.unixMs = -5;
  auto again = PartyInfo::decode(info.encode());
  REQUIRE(again);
  CHECK(again->encode() == info.encode());
}

TEST_CASE("probes get pages") {
  std::string waits;
  const HealthPages pages{[&] { return waits; },
                          [] { return std::string("mpcc_x 1\n"); }};
  const auto get = [&](const std::string &line) {
    return httpAnswer(line + "\r\nHost: x\r\n\r\n", pages);
  };
  CHECK_THAT(get("GET /healthz HTTP/1.1"), Contains("200 OK"));
  CHECK_THAT(get("GET /readyz HTTP/1.0"), Contains("200 OK"));
  waits = "party 2";
  CHECK_THAT(get("GET /readyz?x=1 HTTP/1.1"),
             Contains("503") && Contains("waits: party 2"));
  CHECK_THAT(get("GET /metrics HTTP/1.1"),
             Contains("version=0.0.4") && Contains("mpcc_x 1"));
  CHECK_THAT(get("GET /secret HTTP/1.1"), Contains("404"));
  CHECK_THAT(get("POST /healthz HTTP/1.1"), Contains("405"));
  for (const char *bad : {"", "GET", "GET /healthz", "GET /healthz SMTP"})
    CHECK_THAT(get(bad), Contains("400"));
}

TEST_CASE("log lines are JSON whatever is in them") {
  std::string line;
  Log log([&](std::string_view l) { line = l; }, 2);
  log.warn(
      "x",
      {{"error", "a\"b\\c\n\x01\xff"}, {"n", 3}, {"s", 0.25}, {"yes", true}});
  CHECK_THAT(line, Contains("\"level\":\"warn\",\"party\":2,\"event\":\"x\","
                            "\"error\":\"a\\\"b\\\\c\\u000a\\u0001\\u00ff\","
                            "\"n\":3,\"s\":0.25,\"yes\":true}\n"));
}

TEST_CASE("histograms are cumulative") {
  Histogram h;
  for (double s : {0.001, 0.3, 100.0})
    h.observe(s);
  const std::string text = h.text("m", "help");
  CHECK_THAT(text, Contains("m_bucket{le=\"0.005\"} 1\n") &&
                       Contains("m_bucket{le=\"0.5\"} 2\n") &&
                       Contains("m_bucket{le=\"60\"} 2\n") &&
                       Contains("m_bucket{le=\"+Inf\"} 3\n") &&
                       Contains("m_count 3\n"));
}

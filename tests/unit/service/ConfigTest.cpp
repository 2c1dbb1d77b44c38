//===- tests/unit/service/ConfigTest.cpp - parties.toml, read strictly ----===//
#include "runtime/service/Config.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace mpc;
using namespace mpc::service;

namespace {

std::string pinned(int id) {
  return fmt::format("fingerprint = \"sha256:{:02x}{}\"\n", id,
                     std::string(62, '0'));
}

std::string party(int id, const std::string &more = "") {
  return fmt::format("[[party]]\nid = {0}\naddress = \"127.0.0.1:710{0}\"\n"
                     "{1}{2}",
                     id, pinned(id), more);
}

std::string three() { return party(0) + party(1) + party(2); } // 12 lines

std::string errorOf(const std::string &text) {
  auto c = Config::parse(text, "p.toml");
  return c ? "" : c.error().message;
}

} // namespace

TEST_CASE("a whole configuration") {
  auto c =
      Config::parse(three() + "[[client]]\nname = \"clinic\"\n" + pinned(9) +
                        "[limits]\nstock = 0\nrequest_timeout_s = 7\n",
                    "dir/p.toml");
  REQUIRE(c);
  CHECK(c->parties[1].address.text() == "127.0.0.1:7101");
  CHECK(c->parties[2].peer.label == "party 2");
  CHECK((*c->parties[2].peer.fingerprint)[0] == 2);
  REQUIRE(c->clients.size() == 1);
  CHECK(c->clients[0].label == "client 'clinic'");
  CHECK(c->limits.stock == 0);
  CHECK(c->limits.requestTimeout.count() == 7);
  CHECK(c->limits.waitingRequests == Limits().waitingRequests);
  CHECK(c->trust().peers.size() == 4);
}

TEST_CASE("names confirmed by a CA") {
  std::string text = "[tls]\nca = \"ca.pem\"\n";
  for (int i = 0; i < 3; ++i)
    text += fmt::format("[[party]]\nid = {0}\naddress = \"p{0}:1\"\n"
                        "tls_name = \"p{0}\"\n",
                        i);
  auto c = Config::parse(text, "dir/p.toml");
  REQUIRE(c);
  CHECK(c->caFile == "dir/ca.pem");
  CHECK(c->parties[0].peer.name == "p0");
  CHECK(errorOf(text.substr(text.find("[[party"))) ==
        "p.toml: party 0: 'tls_name' needs a 'ca' in [tls]");
}

TEST_CASE("every complaint names file, line and place") {
  CHECK(errorOf("") == "p.toml: party 0 is missing");
  CHECK(errorOf(party(0) + party(1)) == "p.toml: party 2 is missing");
  CHECK(errorOf(party(0) + party(1) + party(1)) ==
        "p.toml:10: party 1: is listed twice");
  CHECK(errorOf(three() + "[[party]]\nid = 3\n") ==
        "p.toml:14: [[party]]: 'id' is no whole number from 0 to 2");
  CHECK(errorOf(party(0, "adress = \"x:1\"\n")) ==
        "p.toml:5: party 0: unknown key 'adress'");
  CHECK(errorOf("[[party]]\nid = 0\n") ==
        "p.toml:1: party 0: 'address' is missing");
  CHECK(errorOf("[[party]]\nid = 0\naddress = \"nowhere\"\n") ==
        "p.toml:3: party 0: 'nowhere' is no address: expected host:port");
  CHECK(errorOf("[[party]]\nid = 0\naddress = \"h:1\"\nfingerprint = "
                "\"abc\"\n") ==
        "p.toml:4: party 0: fingerprint: 'abc' is no fingerprint: expected "
        "'sha256:' and 64 hexadecimal digits");
  CHECK(errorOf(three() + "[limits]\nstock = -1\n") ==
        "p.toml:14: [limits]: 'stock' is no whole number from 0 to 10000");
  CHECK(errorOf(three() + "[limits]\nstock = \"2\"\n") ==
        "p.toml:14: [limits]: 'stock' is no whole number from 0 to 10000");
  CHECK(errorOf(three() + "[limit]\n") == "p.toml:13: unknown key 'limit'");
  CHECK(errorOf("[party]\nid = 0\n") ==
        "p.toml:1: 'party' is no list of [[party]] tables");
  CHECK(errorOf("tls = 1\n" + three()) == "p.toml:1: 'tls' is no [tls] table");
  CHECK(errorOf(three() + "[[client]]\n" + pinned(9)) ==
        "p.toml:13: [[client]]: 'name' is missing");
  CHECK(errorOf(three() + "[[client]]\nname = \"a b\"\n" + pinned(9)) ==
        "p.toml:14: client 'a b': a name has letters, digits, '-', '_' and "
        "'.'");
  CHECK(errorOf(three() + "[[client]]\nname = \"a\"\n" + pinned(2)) ==
        "p.toml: party 2 and client 'a' have the same certificate");
  CHECK(errorOf(party(0, "tls_name = \"x\"\n")) ==
        "p.toml:5: party 0: give 'fingerprint' or 'tls_name', not both");
  CHECK(errorOf("a = [").starts_with("p.toml:1: "));
  // What crashes toml++ 3.3: found by fuzz-files.
  CHECK(errorOf("[[\x02mpc").starts_with("p.toml:1: "));
  CHECK(errorOf("# \xd1\x8f\na = 1\n\xd1\x8f = 2\n") ==
        "p.toml:3: only comments may have letters beyond ASCII");
}

TEST_CASE("addresses") {
  for (const char *good : {"h:1", "127.0.0.1:65535", "[::1]:80"}) {
    auto a = parseAddress(good);
    REQUIRE(a);
    CHECK(a->text() == good);
  }
  for (const char *bad :
       {"", "h", ":1", "h:", "h:65536", "h:-1", "h:1x", "::1:80", "h:1 "})
    CHECK(!parseAddress(bad));
}

//===- tests/unit/tls/KeygenTest.cpp - keys, certificates, fingerprints ---===//
#include "runtime/tls/Keygen.h"
#include "TempDir.h"
#include "runtime/core/File.h"

#include <catch2/catch.hpp>
#include <ctime>
#include <sys/stat.h>

using namespace mpc;
using Catch::Matchers::Contains;

namespace {

std::string errorOf(const Result<tls::Identity> &r) {
  return r ? "" : r.error().message;
}

mode_t modeOf(const std::string &path) {
  struct stat s;
  return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 0777 : 0;
}

} // namespace

TEST_CASE(
    "keygen writes a private key and a certificate that belong together") {
  TempDir dir;
  const std::string key = dir.file("a.key"), crt = dir.file("a.crt");
  auto made = tls::makeSelfSigned(key, crt, "clinic", 30);
  REQUIRE(made);
  CHECK(modeOf(key) == 0600);
  CHECK(made->subject == "clinic");
  CHECK(made->notAfter - made->notBefore == 30 * 24 * 3600);
  CHECK(made->notBefore <= std::time(nullptr));
  auto id = tls::Identity::load(key, crt);
  REQUIRE(id);
  CHECK(id->certificate().fingerprint == made->fingerprint);

  // Never overwritten; renewing keeps the key and changes the fingerprint.
  auto again = tls::makeSelfSigned(key, crt, "clinic", 30);
  REQUIRE(!again);
  CHECK_THAT(again.error().message, Contains("a.key: exists already"));
  const auto before = id->deriveSecret("x");
  auto renewed = tls::renew(key, crt, "clinic", 60);
  REQUIRE(renewed);
  CHECK(renewed->fingerprint != made->fingerprint);
  auto id2 = tls::Identity::load(key, crt);
  REQUIRE(id2);
  CHECK(core::equalSecrets(before.span(), id2->deriveSecret("x").span()));
  CHECK_FALSE(core::equalSecrets(before.span(), id2->deriveSecret("y").span()));
}

TEST_CASE("keygen refuses names and validities that are none") {
  TempDir dir;
  for (const std::string &name : {std::string(), std::string(65, 'a'),
                                  std::string("a\nb"), std::string("\xc3\xa4")})
    CHECK(!tls::makeSelfSigned(dir.file("k"), dir.file("c"), name, 1));
  for (int days : {0, -1, 100'000})
    CHECK(!tls::makeSelfSigned(dir.file("k"), dir.file("c"), "a", days));
  CHECK(dir.entries() == 0);
}

TEST_CASE("a signing request comes with its key") {
  TempDir dir;
  REQUIRE(tls::makeRequest(dir.file("k"), dir.file("csr"), "p0.example.org"));
  CHECK(modeOf(dir.file("k")) == 0600);
  const auto pem = core::readFile(dir.file("csr"));
  REQUIRE(pem);
  CHECK_THAT(std::string(pem->begin(), pem->end()),
             Contains("BEGIN CERTIFICATE REQUEST"));
}

TEST_CASE("identities that cannot be used say why") {
  TempDir dir;
  const std::string k = dir.file("k"), c = dir.file("c");
  REQUIRE(tls::makeSelfSigned(k, c, "a", 1));
  REQUIRE(tls::makeSelfSigned(dir.file("k2"), dir.file("c2"), "b", 1));
  CHECK_THAT(errorOf(tls::Identity::load(k, dir.file("c2"))),
             Contains("is not the certificate of the key"));
  CHECK_THAT(errorOf(tls::Identity::load(c, c)), Contains("others may read"));
  CHECK_THAT(errorOf(tls::Identity::load(k, k)),
             Contains("no certificate in PEM form"));
  CHECK_THAT(errorOf(tls::Identity::load(dir.file("none"), c)),
             Contains("No such file"));
  REQUIRE(::chmod(c.c_str(), 0600) == 0);
  CHECK_THAT(errorOf(tls::Identity::load(c, c)),
             Contains("no private key in PEM form"));
  REQUIRE(::chmod(k.c_str(), 0644) == 0);
  CHECK_THAT(errorOf(tls::Identity::load(k, c)),
             Contains("others may read or change (mode 0644)"));
}

TEST_CASE("fingerprints as text, and back") {
  tls::Fingerprint f;
  for (size_t i = 0; i < f.size(); ++i)
    f[i] = static_cast<uint8_t>(17 * i);
  const std::string text = tls::toText(f);
  CHECK(text.substr(0, 15) == "sha256:00112233");
  auto back = tls::parseFingerprint(text);
  REQUIRE(back);
  CHECK(*back == f);
  std::string colons = "sha256:";
  for (size_t i = 0; i < 64; i += 2) {
    colons += i ? ":" : "";
    colons += static_cast<char>(std::toupper(text[7 + i]));
    colons += static_cast<char>(std::toupper(text[8 + i]));
  }
  back = tls::parseFingerprint(colons);
  REQUIRE(back);
  CHECK(*back == f);
  for (const std::string &bad :
       {std::string(), std::string("sha256:"), text.substr(7),
        text.substr(0, text.size() - 1), text + "0", text.substr(0, 70) + "g",
        "sha1:" + text.substr(7), ":" + text})
    CHECK(!tls::parseFingerprint(bad));
}

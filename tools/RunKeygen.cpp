//===- tools/RunKeygen.cpp - mpcrun keygen --------------------------------===//
#include "tools/RunCommands.h"

#include "runtime/tls/Keygen.h"

#include <fmt/format.h>
#include <memory>

namespace mpc::tools {
namespace {

constexpr const char *kKeygenExamples = R"(
Examples:
  mpcrun keygen --name p0.example.org --out secret/p0    # p0.key, p0.crt
  mpcrun keygen --name p0.example.org --out secret/p0 --csr
  mpcrun keygen --name p0.example.org --out secret/p0 --renew --days 90

The key stays with its organisation. The fingerprint that is printed goes into
the parties.toml of all; with --csr, the certificate that your CA makes of
p0.csr becomes p0.crt.)";

struct KeygenArguments {
  std::string name, out;
  int days = tls::kDefaultDays;
  bool csr = false, renew = false;
};

int runKeygen(const KeygenArguments &a) {
  const std::string key = a.out + ".key", certificate = a.out + ".crt";
  const auto fail = [](const Error &e) {
    fmt::print(stderr, "mpcrun: error: {}\n", e.message);
    return 1;
  };
  if (a.csr) {
    if (Status s = tls::makeRequest(key, a.out + ".csr", a.name); !s)
      return fail(s.error());
    fmt::print("key:     {}\nrequest: {}.csr\n", key, a.out);
    return 0;
  }
  auto made = a.renew ? tls::renew(key, certificate, a.name, a.days)
                      : tls::makeSelfSigned(key, certificate, a.name, a.days);
  if (!made)
    return fail(made.error());
  fmt::print("key:         {}\ncertificate: {}\nvalid until: {}\n"
             "fingerprint = \"{}\"\n",
             key, certificate, tls::timeText(made->notAfter),
             tls::toText(made->fingerprint));
  return 0;
}

} // namespace

RunCommand addKeygen(CLI::App &app) {
  auto a = std::make_shared<KeygenArguments>();
  CLI::App *c = app.add_subcommand(
      "keygen", "A private key with a self-signed certificate, or with a "
                "signing request for your own CA");
  c->footer(kKeygenExamples);
  c->add_option("--name", a->name, "Whose it is: a host name, a client's name")
      ->required();
  c->add_option("--out", a->out, "PATH: writes PATH.key and PATH.crt")
      ->required();
  c->add_option("--days", a->days, "How long the certificate is valid")
      ->check(CLI::Range(1, tls::kMaxDays))
      ->capture_default_str();
  auto *csr =
      c->add_flag("--csr", a->csr, "Write PATH.csr instead of a certificate");
  c->add_flag("--renew", a->renew, "A new certificate for the key that exists")
      ->excludes(csr);
  return [a] { return runKeygen(*a); };
}

} // namespace mpc::tools

//===- tools/RunIdentity.cpp ----------------------------------------------===//
#include "tools/RunIdentity.h"

#include <csignal>
#include <fmt/format.h>
#include <sys/prctl.h>

namespace mpc::tools {

void IdentityOptions::addTo(CLI::App &app) {
  app.add_option("--config", config, "parties.toml")->required();
  app.add_option("--key", key, "This side's private key, from mpcrun keygen");
  app.add_option("--cert", certificate, "This side's certificate");
  app.add_flag("--insecure", insecure,
               "Plain TCP without certificates; for loopback addresses only");
}

Result<std::optional<tls::Identity>> IdentityOptions::load() const {
  if (insecure) {
    if (!key.empty() || !certificate.empty())
      return Error{"--insecure takes neither --key nor --cert"};
    return std::optional<tls::Identity>();
  }
  if (key.empty() || certificate.empty())
    return Error{"--key and --cert are needed, or --insecure on loopback "
                 "addresses"};
  auto identity = tls::Identity::load(key, certificate);
  if (!identity)
    return identity.error();
  return std::optional<tls::Identity>(std::move(*identity));
}

int failAt(const std::string &place, const Error &e) {
  const std::string prefix = place + ": ";
  const std::string &m = e.message;
  fmt::print(stderr, "{}: error: {}\n", place,
             m.starts_with(prefix) ? m.substr(prefix.size()) : m);
  return 1;
}

void protectProcess() {
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
}

} // namespace mpc::tools

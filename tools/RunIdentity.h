//===- tools/RunIdentity.h - options of every command that calls a party
//---===//
#pragma once

#include "runtime/service/Network.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace mpc::tools {

struct IdentityOptions {
  std::string config, key, certificate;
  bool insecure = false;

  void addTo(CLI::App &app);
  /// None with --insecure. Errors name the option or the file.
  Result<std::optional<tls::Identity>> load() const;
};

/// Prints "PLACE: error: ..." on stderr; always 1. A message that names the
/// place itself is not told it twice.
int failAt(const std::string &place, const Error &e);

/// Keys and shares of this process: no core files, no debugger of the same
/// user; a peer that went away is an error of write(), not a signal.
void protectProcess();

} // namespace mpc::tools

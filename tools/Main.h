//===- tools/Main.h - what both mains do around their commands ------------===//
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <string>

namespace mpc::tools {

/// Runs `body` and sees that what it printed arrived: output that a full disk
/// or a closed pipe swallowed is a failure, not a success without a result.
template <class Body> int guardedMain(const char *tool, Body body) {
  std::signal(SIGXFSZ, SIG_IGN); // a file size limit is an error of write()
  int status = 1;
  try {
    status = body();
  } catch (const std::exception &e) { // fmt, CLI11 and JSON throw
    std::fprintf(stderr, "%s: error: %s\n", tool, e.what());
    return 1;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    std::fprintf(stderr, "%s: error: cannot write to standard output\n", tool);
    return 1;
  }
  return status;
}

/// CLI::Range lets NaN pass.
inline CLI::Validator realIn(double lo, double hi) {
  return CLI::Validator(
      [lo, hi](std::string &text) -> std::string {
        double x = 0;
        if (!CLI::detail::lexical_cast(text, x) || !(lo <= x && x <= hi))
          return fmt::format("{} is not in [{}, {}]", text, lo, hi);
        return {};
      },
      "FLOAT");
}

} // namespace mpc::tools

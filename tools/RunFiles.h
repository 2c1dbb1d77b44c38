//===- tools/RunFiles.h - files of a run, from plan to outputs ------------===//
//
// What mpcrun local and mpcrun query, which both are a client, read and write.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Files.h"
#include "runtime/vm/Client.h"

#include <CLI/CLI.hpp>
#include <string>

namespace mpc::tools {

struct RunFiles {
  std::string plan, outputDir, stats;
  plan::InputFiles inputs;

  void addTo(CLI::App &app);
  /// Prints what is odd about the inputs' files on stderr.
  Result<vm::EncodedInputs> readInputs(const plan::Plan &p) const;
  /// Wipes the arrays, written or not.
  Status saveOutputs(const plan::Plan &p,
                     std::vector<core::NpyArray> &outputs) const;
  /// If they are asked for.
  Status saveStats(const std::string &json) const;
};

} // namespace mpc::tools

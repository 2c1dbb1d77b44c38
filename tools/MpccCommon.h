//===- tools/MpccCommon.h - what several commands of mpcc share -----------===//
#pragma once

#include "frontend/Import.h"
#include "passes/Pass.h"
#include "runtime/plan/Plan.h"
#include "llvm/Support/Error.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace mpc::tools {

/// Prints "error: ..." lines on stderr; always 1, the exit code.
int fail(llvm::StringRef message);
int fail(llvm::Error e);
int fail(const std::string &file, const mpc::Error &e);

/// `message` as an error.
llvm::Error error(const std::string &message);

/// "87.28 MB", "5.23 G", "12.5 ms".
std::string bytesText(uint64_t bytes);
std::string countText(uint64_t n);
std::string secondsText(double seconds);

/// An array as a value of the tensor level: floats that are exact in float32
/// and finite, or whole numbers.
Result<ir::ConstData> toConstData(const core::NpyArray &a, ir::Elem elem);

/// NAME=VALUE, split at the last '='.
llvm::Expected<std::pair<std::string, std::string>>
splitNamed(const std::string &text, llvm::StringRef option);

/// Options that say what the model's inputs are; of compile and check.
struct InputOptions {
  std::string model;
  std::vector<std::string> shapes, binds, publics, calibrate, publicConsts;
  std::string weightsVisibility = "secret", reveal = "logits";

  void addTo(CLI::App &app);
  /// Reads the files named. Samples: each DIR holds NAME.npy of the inputs.
  llvm::Expected<frontend::ImportOptions> read() const;
};

/// The plan that a command reads.
void addPlan(CLI::App &app, std::string &plan);

/// The files of commands that also need the owner's weights.
struct PlanFiles {
  std::string plan, weights; ///< weights: empty for the plan's neighbour

  void addTo(CLI::App &app);
  struct Loaded {
    plan::Plan plan;
    plan::Weights weights;
  };
  llvm::Expected<Loaded> load() const;
};

/// How precise values are: --target-error, or --frac-bits for all alike, and
/// --approx-tolerance. `o` outlives the parsing.
void addPrecision(CLI::App &app, passes::Options &o);

} // namespace mpc::tools

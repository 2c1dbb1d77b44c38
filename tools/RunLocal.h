//===- tools/RunLocal.h - three party processes on this machine -----------===//
#pragma once

#include "runtime/net/Shaping.h"
#include "runtime/plan/Plan.h"
#include "runtime/vm/Client.h"
#include "runtime/vm/MaskWeights.h"

#include <chrono>
#include <optional>
#include <string>

namespace mpc::tools {

struct LocalOptions {
  std::string planPath;
  unsigned threads = 1;       ///< of each evaluator
  unsigned dealerThreads = 1; ///< of P0
  std::chrono::milliseconds timeout{300'000};
  /// Where evaluators store the offline phase before the online phase begins;
  /// empty: they keep it in memory.
  std::string materialDir;
  std::optional<net::LinkShape> shape; ///< of all links but the owner's
};

struct LocalResult {
  std::vector<core::NpyArray> outputs; ///< in plan order
  vm::RunStats stats;
};

/// Starts the parties, acts as owner and client, ends the parties. A failure is
/// the nearest to its cause, "party 1: error: round 17 (...): ...".
/// weights is not called for a plan without weights.
Result<LocalResult> runLocal(const plan::Plan &plan,
                             const vm::ReadWeight &weights,
                             const vm::EncodedInputs &inputs,
                             const LocalOptions &options);

} // namespace mpc::tools

// Text to plan to numbers, and the float evaluator's answer beside it.
#pragma once

#include "backend/Emit.h"
#include "ir/Eval.h"
#include "passes/Pass.h"
#include "runtime/core/Npy.h"
#include <string>
#include <vector>

namespace mpc::testing {

struct Compiled {
  std::string error; ///< empty: all went well
  plan::Plan plan;
  plan::Weights weights;
  ir::InputMap inputs; ///< uniform in the declared ranges
  std::vector<std::string> outputNames;
};

/// "module @t level(tensor) { <body> }" through the whole pipeline, calibrated
/// on options.samples, or else its own inputs and two more.
Compiled compile(const std::string &body, passes::Options options = {});

struct Answers {
  std::string error;
  std::vector<std::vector<double>> emulated, expected; ///< by output
  uint64_t outOfRange = 0; ///< values outside their declared range
  std::string firstOutOfRange;
  /// Largest |emulated - expected|.
  double worst() const;
};

Answers run(const std::string &body, passes::Options options = {},
            uint64_t seed = 7);

} // namespace mpc::testing

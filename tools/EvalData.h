//===- tools/EvalData.h - a data set for a plan ---------------------------===//
//
// DIR/inputs/<input>.npy (or DIR/<input>.npy): arrays whose first dimension is
// the plan's batch, repeated for every sample. An array with one batch only
// (positions, for example) serves every sample. DIR/outputs/<output>.npy, if
// there, are float results to compare with.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

#include <map>
#include <optional>

namespace mpc::tools {

class DataSet {
public:
  /// Errors name the file: missing, of a shape that is not a number of the
  /// plan's batches, a bound input that differs from the compiled array.
  static Result<DataSet> open(const plan::Plan &plan, const std::string &dir);

  /// Runs of the plan it takes.
  size_t samples() const { return samples_; }
  /// Inputs of sample i, in plan order, public ones last.
  std::vector<core::NpyArray> inputs(size_t i) const;
  /// By name, bound inputs too: for the float model.
  std::map<std::string, core::NpyArray> namedInputs(size_t i) const;
  /// All samples of an input, if the plan has it.
  const core::NpyArray *column(const std::string &input) const;
  /// The results in the data set for an output, all samples.
  Result<std::optional<core::NpyArray>>
  golden(const plan::OutputInfo &output) const;

private:
  struct Column {
    core::NpyArray array;
    core::Shape batch; ///< the plan's shape
    bool shared;       ///< one batch for all samples
  };
  static core::NpyArray slice(const Column &c, size_t i);

  std::string dir_;
  size_t samples_ = 0;
  std::vector<std::string> order_; ///< the plan's inputs
  std::map<std::string, Column> columns_;
};

} // namespace mpc::tools

//===- runtime/plan/Files.h - a plan's inputs and outputs as .npy files ---===//
//
// What `mpcc emulate` and `mpcrun local` share: --input-dir DIR holds
// <input name>.npy, --input NAME=FILE names one; --output-dir gets one file an
// output. '/' in names is written %2F and '%' %25.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"
#include "runtime/plan/WeightsFile.h"

#include <optional>

namespace mpc::plan {

struct InputFiles {
  std::string directory;              ///< may be empty
  std::vector<std::string> overrides; ///< "NAME=FILE", split at the last '='
};

/// Overwrites the elements, and leaves no arrays.
void wipe(std::vector<core::NpyArray> &arrays);

/// A client's inputs as they are: wiped at the end.
struct LoadedInputs {
  std::vector<core::NpyArray> arrays; ///< in plan order, public inputs last
  std::vector<std::string> notes;     ///< files that name no input

  LoadedInputs() = default;
  LoadedInputs(LoadedInputs &&) = default;
  ~LoadedInputs() { wipe(arrays); }
};

/// Errors name the file: missing, unreadable, an unknown --input name, a bound
/// input whose file differs from the compiled array.
Result<LoadedInputs> loadInputs(const Plan &plan, const InputFiles &files);

/// Writes every output, creating `dir` if needed; each file atomically and for
/// its owner's eyes (mode 0600).
Status saveOutputs(const Plan &plan, const std::vector<core::NpyArray> &arrays,
                   const std::string &dir);

/// Whether a file could be written there: an error before long work, not after.
Status checkWritable(const std::string &path);
/// The same for saveOutputs.
Status checkOutputDir(const std::string &dir);

/// "x.plan" -> "x.weights" (appended where the name does not end in .plan).
std::string defaultWeightsPath(const std::string &planPath);

/// The owner's weights file, `path` or the default path if it is empty; none
/// for a plan without weights, unless `path` names one.
Result<std::optional<WeightsFile>> openWeights(const Plan &plan,
                                               const std::string &planPath,
                                               const std::string &path);
/// The owner's weights from `path`, or from the default path if it is empty. A
/// plan without weights needs no file.
Result<Weights> loadWeights(const Plan &plan, const std::string &planPath,
                            const std::string &path);

} // namespace mpc::plan

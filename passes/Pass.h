//===- passes/Pass.h - what a pass is, and the table of them --------------===//
//
// A pass is one .cpp under passes/{tensor,fixed,share}/ with a row in
// Passes.def; it has no header of its own. It changes a Module in place (or
// replaces it when it moves to another level) and must leave it verified.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Eval.h"
#include "ir/Module.h"
#include "passes/Replacement.h"
#include "runtime/plan/Profile.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mpc::passes {

/// Where warnings and notes go; libraries never print.
class Diagnostics {
public:
  enum class Kind { Warning, Note };
  void warn(std::string message) {
    all_.push_back({Kind::Warning, std::move(message)});
  }
  void note(std::string message) {
    all_.push_back({Kind::Note, std::move(message)});
  }
  const std::vector<std::pair<Kind, std::string>> &all() const { return all_; }

private:
  std::vector<std::pair<Kind, std::string>> all_;
};

/// Options that steer passes; the defaults are those of `mpcc compile`.
struct Options {
  /// Root mean square error allowed at an output: a fraction of its standard
  /// deviation below 1, absolute up to 16, of a sixteenth of it above. Steers
  /// fraction bits.
  double targetError = 1.0 / 1024;
  /// No target: fracBits for all values alike.
  bool uniform = false;
  unsigned fracBits = 14;  ///< fraction bits of a value of magnitude about 1..8
  unsigned ringBits = 64;  ///< widest ring
  unsigned marginBits = 1; ///< a calibrated range is widened by 2^marginBits
  double tolerance = 1.0 / 16384; ///< absolute error of an approximation
  bool fixedTolerance = false;    ///< of all of them, whatever the target error
  /// Rescale after every product, as systems without placement do.
  bool eagerTruncation = false;
  unsigned threads = 2;
  /// Range checks in the plan: what leaves its range is an error, no answer.
  bool guard = false;
  /// A function's value outside the domain it was fitted on: that of the
  /// nearest end, by two comparisons, instead of anything.
  bool clipMaps = false;
  /// Where the plan will run: the prices that choices are made by.
  plan::Profile profile = plan::Profile::loopback();
  std::vector<ir::InputMap> samples; ///< calibration inputs
  /// What the user puts in the place of functions (--approx).
  std::vector<Replacement> replacements;
  /// ONNX operator type of the model's nodes, by location.
  std::map<std::string, std::string> nodeTypes;
};

/// What assign-rings found, in predicted seconds of what rings decide.
struct RingResult {
  double seconds = 0;
  double least = 0; ///< no assignment takes less
  double local = 0; ///< what a rule at each truncation would give
  bool proved = false;
};

struct Context {
  Options options;
  Diagnostics diagnostics;
  RingResult rings;
};

struct PassInfo {
  llvm::StringRef flag;    ///< "fold-constants"
  ir::Level level;         ///< level it expects
  bool optional;           ///< --disable-pass may leave it out
  llvm::StringRef summary; ///< one line
  llvm::Error (*run)(ir::Module &, Context &);
};

llvm::ArrayRef<PassInfo> allPasses(); ///< in pipeline order
const PassInfo *findPass(llvm::StringRef flag);

/// Runs passes in order, verifying after each; `afterEach` serves
/// --print-ir-after-all.
llvm::Error
runPasses(ir::Module &m, llvm::ArrayRef<const PassInfo *> passes, Context &ctx,
          const std::function<void(const PassInfo &, const ir::Module &)>
              &afterEach = {});

} // namespace mpc::passes

//===- tests/e2e/NodeCase.h - one of ONNX's node tests, end to end --------===//
//
// A directory with model.onnx and test_data_set_*/{input,output}_*.pb is
// compiled, run and compared. Every float input is secret. Integer and Boolean
// inputs are secret too, unless the model compiles only with some of them
// bound; then as few as possible are. Ranges come from samples that are made
// of the inputs' values in other orders and sizes, never of the case itself.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mpc::e2e {

enum class Outcome {
  Pass,
  Wrong,       ///< compiled, but the outputs differ
  Rejected,    ///< did not compile with every float input secret
  Folded,      ///< no output depends on a secret input
  NonFinite,   ///< the data hold NaN or infinities
  FloatNeeded, ///< compiles and passes only with a float input bound
  NotTensors,  ///< inputs or outputs are sequences, optionals or strings
};
const char *name(Outcome o);

enum class Mode { Emulate, ThreeParties };

struct CaseOptions {
  Mode mode = Mode::Emulate;
  /// Float inputs but the first become initializers, hence the owner's.
  bool weights = false;
};

struct CaseResult {
  std::string name, op, domain;
  int64_t opset = 0;
  Outcome outcome = Outcome::Rejected;
  std::string why;
  std::vector<std::string> secret, weight, bound; ///< inputs by visibility
  uint64_t rounds = 0;
  double tolerance = 0; ///< of approximated functions
  double error = 0;     ///< largest |got - want|
};

CaseResult runCase(const std::filesystem::path &dir,
                   const CaseOptions &options);

} // namespace mpc::e2e

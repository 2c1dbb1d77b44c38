//===- frontend/Import.h - ONNX models to tensor-level IR -----------------===//
//
//   ImportOptions o;
//   o.shapes = {{"input_ids", {1, 128}}};
//   Expected<ImportResult> r = importOnnx("bert.onnx", o);
//
// Everything whose value is known at compile time (shape arithmetic, masks
// made from bound inputs) is evaluated while importing and leaves no op.
// Inputs are secret unless bound or --public; float initializers are weights;
// integer and Boolean initializers and `Constant` nodes are public. No protobuf
// type shows in this header.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "runtime/core/Npy.h"
#include "llvm/Support/Error.h"
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mpc::frontend {

using NamedArrays = std::map<std::string, core::NpyArray>;

struct ImportOptions {
  /// --shape: binds the input's dimensions and every other use of the same
  /// symbolic dimension.
  std::vector<std::pair<std::string, ir::Shape>> shapes;
  /// --bind: inputs that become public constants.
  NamedArrays bound;
  /// --public: inputs that all parties know when a session starts.
  std::set<std::string> publicInputs;
  /// Calibration samples; only the shapes of their arrays are used here.
  std::vector<NamedArrays> samples;
  /// --public-const: initializers that are public though they are floats.
  std::set<std::string> publicConsts;
  /// --weights-visibility public.
  bool weightsPublic = false;
  /// --reveal: what the client may learn of float outputs of rank 1 or more.
  /// Logits: all of them; otherwise only the indices of the largest values of
  /// each row, as outputs NAME.argmax or NAME.topk.
  enum class Reveal { Logits, ArgMax, TopK };
  Reveal reveal = Reveal::Logits;
  int64_t revealCount = 1; ///< K of TopK
  /// Node errors that importOnnx() spells out; the others are counted.
  unsigned maxErrors = 1;
};

/// A graph input, bound or not, in the order of the graph.
struct InputInfo {
  std::string name;
  int32_t onnxElemType = 1; ///< TensorProto.DataType: 1 float, 7 int64, ...
  ir::Elem elem = ir::Elem::F32;
  ir::Shape shape;
  bool bound = false;
  bool isPublic = false; ///< --public
  ir::ValueId value;     ///< its Input op; invalid if bound
  /// Values the model can take, both ends included: ids in [0, vocabulary - 1]
  /// where the input indexes a table, Booleans in [0, 1].
  std::optional<std::pair<double, double>> range;
};

/// A node as the IR's locations name it; functions and branches are inlined.
struct GraphNode {
  std::string name; ///< "#12 Add" where the node has none
  std::string opType;
  /// Outputs that were computed; invalid ids do not occur.
  std::vector<std::pair<std::string, ir::ValueId>> outputs;
};

struct ImportResult {
  ir::Module module;
  std::vector<InputInfo> inputs;
  std::vector<std::string> notes;
  /// Operator type ("Softmax", "com.microsoft.Gelu") by location of an op.
  std::map<std::string, std::string> nodeTypes;
  std::vector<GraphNode> nodes;
};

/// One unsupported node.
struct Problem {
  size_t node = 0; ///< index in its graph
  std::string name, opType;
  int64_t opset = 0;
  std::string reason;
  /// "node #12 '/encoder/Conv' (Conv, opset 13): attribute 'group' is 2; ..."
  std::string str() const;
};

struct CheckReport {
  std::vector<Problem> problems;
  size_t nodes = 0;
  std::vector<std::string> notes;
};

/// Errors are complete lines: "bert.onnx: error: ...", perhaps followed by
/// "bert.onnx: note: ..." lines.
llvm::Expected<ImportResult> importOnnx(llvm::StringRef path,
                                        const ImportOptions &options);

/// Lists every unsupported node. Dimensions that nothing binds take a small
/// stand-in (a note says so); weights are not read. An error means that the
/// file cannot be read as a model or that the options contradict it.
llvm::Expected<CheckReport> checkOnnx(llvm::StringRef path,
                                      const ImportOptions &options);

/// A row of OnnxOps.def.
struct OnnxOpInfo {
  llvm::StringRef type;
  int minOpset, maxOpset;
  llvm::StringRef attributes, notes;
};
/// In the order of the table, which is alphabetical.
std::vector<OnnxOpInfo> listOnnxOps();

} // namespace mpc::frontend

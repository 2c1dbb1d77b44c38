//===- frontend/Importer.h - walks a graph and calls the handlers ---------===//
//
// One walk serves both importing and checking. A node that cannot be imported
// becomes a Problem and poisons its outputs; what depends on them is checked
// as far as possible without shapes (operator, opset, attributes), so that one
// run finds all that can be found.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/Import.h"
#include "frontend/NodeReader.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace mpc::frontend {

class Importer : public GraphServices {
public:
  enum class Mode { Import, Check };

  Importer(ModelFile file, const ImportOptions &options, Mode mode);

  /// Errors are those of the model as a whole; nodes go to problems().
  llvm::Error run();

  std::vector<Problem> &problems() { return problems_; }
  size_t nodes() const { return nodes_; }
  std::vector<std::string> &notes() { return notes_; }
  std::map<std::string, std::string> &nodeTypes() { return nodeTypes_; }
  std::vector<InputInfo> &inputs() { return inputs_; }
  std::vector<GraphNode> &graph() { return graph_; }
  ir::Module &module() { return module_; }

private:
  using Nodes = google::protobuf::RepeatedPtrField<mpcc_onnx::NodeProto>;
  using OpsetIds =
      google::protobuf::RepeatedPtrField<mpcc_onnx::OperatorSetIdProto>;

  /// Names visible to a graph. An invalid id is a poisoned value.
  struct Scope {
    Scope *outer = nullptr;
    llvm::StringMap<ValueId> values;
    llvm::StringMap<mpcc_onnx::TensorProto *> initializers;
    llvm::StringMap<std::string> missing; ///< outputs nobody computes, why
  };
  /// What a list of nodes is imported in.
  struct Frame {
    Scope &scope;
    std::string locPrefix;
    const OpsetIds &opsets;
    const llvm::StringMap<const mpcc_onnx::AttributeProto *> *attributes;
    unsigned depth;
  };

  llvm::Error checkOpsets();
  llvm::Error addInputs(Scope &scope);
  llvm::Error addOutputs(Frame &frame);
  llvm::Expected<ir::ValueId> reveal(const std::string &output,
                                     const std::string &as, Frame &frame);
  llvm::Error addInitializers(mpcc_onnx::GraphProto &g, Scope &scope);
  void importNodes(Nodes &nodes, Frame &frame);
  void importNode(mpcc_onnx::NodeProto &node, Problem at, Frame &frame,
                  const std::string &loc);
  void importCall(mpcc_onnx::NodeProto &node, mpcc_onnx::FunctionProto &f,
                  const Problem &at, Frame &frame, const std::string &loc,
                  llvm::ArrayRef<ValueId> inputs);
  /// The value of a name; nothing if the name is not defined.
  std::optional<ValueId> lookup(Scope &scope, llvm::StringRef name,
                                std::string &why);
  llvm::Expected<ValueId> addInitializer(mpcc_onnx::TensorProto &t);
  NodeReader::Attributes resolve(mpcc_onnx::NodeProto &node, Frame &frame);
  void define(const mpcc_onnx::NodeProto &node, llvm::ArrayRef<ValueId> outputs,
              const Problem &at, Scope &scope);
  void poison(const mpcc_onnx::NodeProto &node, Scope &scope);

  llvm::Expected<std::vector<ValueId>>
  inlineGraph(mpcc_onnx::GraphProto &g) override;
  llvm::Expected<ConstData> read(mpcc_onnx::TensorProto &t) override;
  void note(std::string text) override;

  ModelFile file_;
  const ImportOptions &options_;
  Mode mode_;
  ir::Module module_;
  std::vector<InputInfo> inputs_;
  std::vector<Problem> problems_;
  std::vector<std::string> notes_;
  std::map<std::string, std::string> nodeTypes_;
  std::vector<GraphNode> graph_;
  llvm::StringSet<> quantized_; ///< integer initializers that are weights
  size_t nodes_ = 0;
  Frame *frame_ = nullptr; ///< of the node being imported
  std::deque<mpcc_onnx::AttributeProto> substituted_;
};

} // namespace mpc::frontend

//===- frontend/NodeReader.h - one ONNX node, as its handler sees it ------===//
//
// Typed access to the inputs and attributes of a node, besides the Emitter to
// build its results with. By the time a handler runs, the node is known to
// match its row of OnnxOps.def: as many inputs as the row says, no attribute
// that the row does not list, every attribute of the type it should have.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/Emitter.h"
#include "frontend/ModelFile.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mpc::frontend {

class NodeReader;

/// A row of OnnxOps.def with its handler.
struct OpRow {
  llvm::StringRef type;
  int minOpset, maxOpset;
  int minInputs, maxInputs; ///< max -1: any number
  void (*handler)(NodeReader &);
  llvm::StringRef attributes, notes;
};
llvm::ArrayRef<OpRow> opRows();
/// Model-wide limits.
constexpr int64_t kOldestOpset = 1, kNewestOpset = 24;

/// What a handler may ask of the importer beyond its own node.
class GraphServices {
public:
  virtual ~GraphServices() = default;
  /// Imports a subgraph in the scope of the node; its outputs.
  virtual llvm::Expected<std::vector<ValueId>>
  inlineGraph(mpcc_onnx::GraphProto &g) = 0;
  virtual llvm::Expected<ConstData> read(mpcc_onnx::TensorProto &t) = 0;
  virtual void note(std::string text) = 0;
};

class NodeReader : public Emitter {
public:
  using Attributes = std::vector<mpcc_onnx::AttributeProto *>;

  NodeReader(ir::Module &m, std::string loc, GraphServices &services,
             const OpRow &row, int64_t opset, std::vector<ValueId> inputs,
             Attributes attributes, size_t numOutputs,
             std::vector<bool> outputUsed)
      : Emitter(m, std::move(loc)), services_(services), row_(row),
        opset_(opset), inputs_(std::move(inputs)),
        attributes_(std::move(attributes)), outputs_(numOutputs),
        outputUsed_(std::move(outputUsed)) {}

  /// Fails unless the inputs are as the row says.
  void checkInputs();
  /// Fails unless the attributes are as the row says.
  void checkAttributes();

  int64_t opset() const { return opset_; }
  size_t numInputs() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i].valid(); }
  /// Precondition: a required input, or has(i).
  ValueId in(size_t i) const { return inputs_[i]; }
  llvm::ArrayRef<ValueId> inputs() const { return inputs_; }

  /// The values of an input that must be known at compile time.
  ConstData knownInput(size_t i, llvm::StringRef what);
  /// The same as integers; empty if it failed.
  std::vector<int64_t> knownInts(size_t i, llvm::StringRef what);
  /// The same for a single integer, and for a single number of any type.
  int64_t knownInt(size_t i, llvm::StringRef what);
  double knownNumber(size_t i, llvm::StringRef what);

  bool hasAttr(llvm::StringRef name) const { return find(name) != nullptr; }
  int64_t attrInt(llvm::StringRef name, int64_t otherwise) const;
  double attrFloat(llvm::StringRef name, double otherwise) const;
  std::string attrStr(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::vector<int64_t> attrInts(llvm::StringRef name,
                                std::vector<int64_t> otherwise = {}) const;
  std::vector<float> attrFloats(llvm::StringRef name) const;
  ConstData attrTensor(llvm::StringRef name);
  mpcc_onnx::GraphProto &attrGraph(llvm::StringRef name);
  /// An integer list that newer opsets pass as input `i` and older ones as
  /// attribute `name`; nothing if neither is there.
  std::optional<std::vector<int64_t>> intsFrom(llvm::StringRef name, size_t i);

  size_t numOutputs() const { return outputs_.size(); }
  bool outputUsed(size_t i) const {
    return i < outputUsed_.size() && outputUsed_[i];
  }
  void out(ValueId v) { out(0, v); }
  void out(size_t i, ValueId v);
  llvm::ArrayRef<ValueId> outputs() const { return outputs_; }

  GraphServices &services() { return services_; }
  const OpRow &row() const { return row_; }

private:
  mpcc_onnx::AttributeProto *find(llvm::StringRef name) const;
  void checkAttribute(const mpcc_onnx::AttributeProto &a);

  GraphServices &services_;
  const OpRow &row_;
  int64_t opset_;
  std::vector<ValueId> inputs_;
  Attributes attributes_;
  std::vector<ValueId> outputs_;
  std::vector<bool> outputUsed_;
};

} // namespace mpc::frontend

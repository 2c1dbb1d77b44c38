//===- frontend/Annotate.h - a model's graph with notes on its nodes ------===//
//
// Writes a copy of an ONNX file for viewers such as Netron: every node carries
// what is said about it (doc_string and metadata_props), tensors their concrete
// shapes. The copy holds no weights: float initializers become inputs of their
// type and shape, so it is small, public and still a valid model.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/Import.h"

namespace mpc::frontend {

/// Key and text, in the order to show.
using Notes = std::vector<std::pair<std::string, std::string>>;

struct Annotations {
  std::map<std::string, Notes> nodes; ///< by GraphNode::name
  Notes model;
  /// Concrete shapes of float tensors, by name.
  std::map<std::string, ir::Shape> shapes;
};

/// Errors are complete lines that name the file.
llvm::Error annotateOnnx(llvm::StringRef model, const Annotations &notes,
                         const std::string &output);

} // namespace mpc::frontend

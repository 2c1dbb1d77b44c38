//===- frontend/InputBinding.h - concrete shapes for a graph's inputs -----===//
#pragma once

#include "frontend/Import.h"
#include "frontend/onnx.pb.h"

namespace mpc::frontend {

/// What to do with dimensions that no option binds.
enum class Unbound { Refuse, StandIn };

/// The graph's inputs (initializers excluded) with every dimension bound by
/// --shape, bound arrays and samples; one symbolic dimension has one size
/// everywhere. Errors are sentences without the file's name.
llvm::Expected<std::vector<InputInfo>>
bindInputs(const mpcc_onnx::GraphProto &graph, const ImportOptions &options,
           Unbound unbound, std::vector<std::string> &notes);

} // namespace mpc::frontend

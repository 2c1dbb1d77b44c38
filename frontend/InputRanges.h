//===- frontend/InputRanges.h - what the graph says of its inputs ---------===//
#pragma once

#include "frontend/Import.h"

namespace mpc::frontend {

/// An integer input that only data movement separates from the index of a
/// gather takes values in [0, rows - 1], or counts from the end as well if a
/// sample does. Sets the ranges of `inputs` and of their ops.
void deriveInputRanges(ir::Module &m, std::vector<InputInfo> &inputs,
                       const std::vector<NamedArrays> &samples);

} // namespace mpc::frontend

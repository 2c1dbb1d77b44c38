//===- frontend/ops/Ops.h - the handlers named by OnnxOps.def -------------===//
//
// A handler reads its node and calls n.out(); NodeReader.h says what it may
// rely on. Defined in frontend/ops/*.cpp by family; one that is missing does
// not link.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/NodeReader.h"

namespace mpc::frontend::ops {

#define ONNX_OP(type, minOpset, maxOpset, minInputs, maxInputs, handler,       \
                attributes, notes)                                             \
  void handler(NodeReader &n);
#include "frontend/OnnxOps.def"

// Shared by families.

/// The `axes` of a node in either form, normalised; nothing if not given.
std::optional<Shape> axesOf(NodeReader &n, int64_t rank);
/// sum(x) / count over sorted axes.
ValueId meanOver(NodeReader &n, ValueId x, Ints axes, bool keepdims);
/// Removes / inserts axes of size 1.
ValueId dropAxes(NodeReader &n, ValueId x, Ints axes);
/// A vector of C values as a tensor that broadcasts along axis 1 of rank r.
ValueId alongChannels(NodeReader &n, ValueId v, int64_t rank);
/// x[..., rows, ...] along an axis; -1 gives zeros.
ValueId takeRows(NodeReader &n, ValueId x, int64_t axis,
                 llvm::ArrayRef<int64_t> rows);
ValueId logSoftmaxOf(NodeReader &n, ValueId x, int64_t axis);
/// (x - mean) / sqrt(variance + epsilon) over sorted axes.
ValueId standardized(NodeReader &n, ValueId x, Ints axes, double epsilon,
                     ValueId *mean = nullptr, ValueId *inverse = nullptr);
/// x / sqrt(mean(x^2) + epsilon) over sorted axes.
ValueId rmsScaled(NodeReader &n, ValueId x, Ints axes, double epsilon);
ValueId geluOf(NodeReader &n, ValueId x, bool byTanh);
/// Data and weights instead of inputs 0 and 1; without bias.
ValueId convOf(NodeReader &n, ValueId x, ValueId weights);

} // namespace mpc::frontend::ops

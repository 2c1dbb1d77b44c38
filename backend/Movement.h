//===- backend/Movement.h - where a movement op reads ---------------------===//
//
// Private to this folder. The ops that only move one operand's elements, as
// both kinds of instructions have them: a strided view, or a list of indices.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Infer.h"
#include "runtime/core/Shape.h"
#include <optional>

namespace mpc::backend {

inline core::Shape toShape(ir::Dims d) {
  return core::Shape(d.begin(), d.end());
}

struct Movement {
  bool isView = true;
  int64_t offset = 0;           ///< view: of the first element
  core::Strides strides;        ///< view: by dimension of the result
  std::vector<int64_t> indices; ///< no view: flat, of each element; -1: a zero
};

/// Nothing if `op` is none of reshape, transpose, slice, broadcast, pad, take.
std::optional<Movement> movementOf(const ir::Module &m, const ir::Op &op);

} // namespace mpc::backend

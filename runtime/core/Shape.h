//===- runtime/core/Shape.h - dense shapes, strides, broadcasting ---------===//
//
// A shape is a list of sizes, outermost first; the empty list is a scalar.
// A size is never negative; 0 is a legal size.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mpc::core {

using Shape = std::vector<int64_t>;
/// Elements (not bytes) from one index to the next, per dimension.
using Strides = std::vector<int64_t>;

/// The number of elements; nullopt if a size is negative or the product does
/// not fit int64_t (zero sizes do not excuse an overflow by the others).
[[nodiscard]] std::optional<int64_t> checkedNumel(const Shape &shape);

/// The same for a shape known to be valid.
int64_t numel(const Shape &shape);

/// Row-major strides of a dense array, 1 in the last dimension.
Strides rowMajorStrides(const Shape &shape);

/// The common shape by the rules of numpy (align at the right, 1 stretches).
Result<Shape> broadcastShapes(const Shape &a, const Shape &b);

/// Strides with which a dense array of shape `from` is read at the indices of
/// `to`: 0 where a size of 1 is stretched. Precondition: `from` broadcasts to
/// `to`.
Strides broadcastStrides(const Shape &from, const Shape &to);

/// "1x128"; "scalar" for rank 0.
std::string toString(const Shape &shape);

} // namespace mpc::core

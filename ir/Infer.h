//===- ir/Infer.h - result shapes of the ops ------------------------------===//
//
// What the Builder and the Verifier both need to know. Axes are in
// [0, rank); every function answers nothing where the operands do not fit.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"

namespace mpc::ir {

using Dims = llvm::ArrayRef<int64_t>;

/// Numpy's rules.
std::optional<Shape> broadcastShape(Dims a, Dims b);
/// Whether `from` broadcasts to exactly `to`.
bool broadcastsTo(Dims from, Dims to);
/// [..., m, k] x [..., k, n] -> [..., m, n], leading dimensions broadcast.
std::optional<Shape> matmulShape(Dims a, Dims b);
std::optional<Shape> reduceShape(Dims shape, Dims axes, bool keepdims);
std::optional<Shape> transposeShape(Dims shape, Dims perm);
std::optional<Shape> concatShape(llvm::ArrayRef<Dims> shapes, int64_t axis);
std::optional<Shape> gatherShape(Dims data, Dims indices, int64_t axis);

/// axis + rank if negative; the caller checks the range.
inline int64_t normalizeAxis(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}
int64_t numelOf(Dims shape);
/// Number of elements, or nothing on a negative dimension or if the product
/// exceeds 2^40.
std::optional<int64_t> checkedNumel(Dims shape);

/// Element type of the data a value of this type holds: Fx values are F32.
inline Elem dataElem(const Type &t) { return t.isFx() ? Elem::F32 : t.elem; }
/// Less, LessEqual, Equal, And, Or, Xor, Not: a Boolean result.
bool yieldsBool(Opcode op);

} // namespace mpc::ir

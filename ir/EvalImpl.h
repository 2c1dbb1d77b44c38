//===- ir/EvalImpl.h - the parts of the evaluator, private to ir/ ---------===//
//
// Each function computes one family of ops; `out` has its element type, shape
// and storage already.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Eval.h"
#include "ir/Infer.h"
#include <array>

namespace mpc::ir::detail {

using Operands = llvm::ArrayRef<const ConstData *>;

llvm::Error evalUnary(Opcode op, const ConstData &a, ConstData &out);
llvm::Error evalBinary(const Op &op, const ConstData &a, const ConstData &b,
                       ConstData &out);
void evalSelect(Operands operands, ConstData &out);
void evalCast(const ConstData &a, ConstData &out);
llvm::Error evalMap(const Op &op, const ConstData &a, ConstData &out);

llvm::Error evalMovement(const Module &m, const Op &op, Operands operands,
                         ConstData &out);
llvm::Error evalFlatIndex(const Op &op, const ConstData &a, ConstData &out);
llvm::Error evalPick(const ConstData &a, const ConstData &indices,
                     ConstData &out);
llvm::Error evalGather(const Op &op, Operands operands, ConstData &out);

void evalReduce(const Op &op, const ConstData &a, ConstData &out);
void evalSoftmax(const Op &op, Operands operands, ConstData &out);
void evalMatMul(const ConstData &a, const ConstData &b, ConstData &out);

/// Element strides of a row-major array of this shape.
llvm::SmallVector<int64_t, 6> stridesOf(Dims shape);
/// Strides with which an array of shape `from` is read at the indices of
/// `to`, to which it broadcasts: 0 along broadcast axes.
llvm::SmallVector<int64_t, 6> broadcastStrides(Dims from, Dims to);

/// Walks all rows (innermost axis) of `shape` with N strided cursors:
/// f(flat index of the row's first element, length, cursors, inner strides).
template <size_t N, class F>
void forEachRow(Dims shape,
                const std::array<llvm::SmallVector<int64_t, 6>, N> &strides,
                std::array<int64_t, N> at, F f) {
  int64_t total = numelOf(shape);
  if (total == 0)
    return;
  if (shape.empty()) {
    f(int64_t(0), int64_t(1), at, std::array<int64_t, N>{});
    return;
  }
  size_t last = shape.size() - 1;
  std::array<int64_t, N> inner;
  for (size_t k = 0; k < N; ++k)
    inner[k] = strides[k][last];
  llvm::SmallVector<int64_t, 6> index(shape.size(), 0);
  for (int64_t row = 0; row < total; row += shape[last]) {
    f(row, shape[last], at, inner);
    for (size_t axis = last; axis-- > 0;) {
      for (size_t k = 0; k < N; ++k)
        at[k] += strides[k][axis];
      if (++index[axis] < shape[axis])
        break;
      for (size_t k = 0; k < N; ++k)
        at[k] -= strides[k][axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

} // namespace mpc::ir::detail

//===- ir/EvalMovement.cpp - reshape, transpose, slice, gather, ... -------===//
//
// Every movement is a strided walk over the source or the destination.
//
//===----------------------------------------------------------------------===//
#include "ir/EvalImpl.h"
#include <algorithm>
#include <array>

namespace mpc::ir::detail {

llvm::SmallVector<int64_t, 6> stridesOf(Dims shape) {
  llvm::SmallVector<int64_t, 6> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

llvm::SmallVector<int64_t, 6> broadcastStrides(Dims from, Dims to) {
  llvm::SmallVector<int64_t, 6> own = stridesOf(from);
  llvm::SmallVector<int64_t, 6> strides(to.size(), 0);
  size_t lead = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i)
    strides[lead + i] = from[i] == 1 ? 0 : own[i];
  return strides;
}

/// Calls f(from vector, to vector) with the storage both arrays use.
template <class F>
static void withStorage(const ConstData &a, ConstData &out, F f) {
  if (out.elem == Elem::F32)
    f(a.floats, out.floats);
  else
    f(a.ints, out.ints);
}

/// out[i] = a[offset + strides . i], the destination walked in order.
static void readStrided(const ConstData &a, ConstData &out,
                        llvm::SmallVector<int64_t, 6> strides, int64_t offset) {
  withStorage(a, out, [&](const auto &from, auto &to) {
    forEachRow<1>(out.shape, {std::move(strides)}, {offset},
                  [&](int64_t row, int64_t n, std::array<int64_t, 1> at,
                      std::array<int64_t, 1> step) {
                    for (int64_t i = 0; i < n; ++i)
                      to[row + i] = from[at[0] + i * step[0]];
                  });
  });
}

/// Copies all of a into the box of `out` that begins at flat index `offset`.
static void writeBox(const ConstData &a, ConstData &out, int64_t offset) {
  withStorage(a, out, [&](const auto &from, auto &to) {
    forEachRow<1>(a.shape, {stridesOf(out.shape)}, {offset},
                  [&](int64_t row, int64_t n, std::array<int64_t, 1> at,
                      std::array<int64_t, 1>) {
                    std::copy_n(from.begin() + row, n, to.begin() + at[0]);
                  });
  });
}

static void take(const ConstData &a, const ConstData &indices, ConstData &out) {
  withStorage(a, out, [&](const auto &from, auto &to) {
    for (size_t i = 0; i < to.size(); ++i)
      if (int64_t k = indices.ints[i]; k >= 0)
        to[i] = from[k];
  });
}

llvm::Error evalMovement(const Module &m, const Op &op, Operands operands,
                         ConstData &out) {
  const ConstData &a = *operands[0];
  llvm::SmallVector<int64_t, 6> own = stridesOf(a.shape);
  switch (op.opcode) {
  case Opcode::Reshape:
    out.floats = a.floats;
    out.ints = a.ints;
    break;
  case Opcode::Broadcast:
    readStrided(a, out, broadcastStrides(a.shape, out.shape), 0);
    break;
  case Opcode::Transpose: {
    llvm::SmallVector<int64_t, 6> strides;
    for (int64_t axis : op.intsAttr("perm"))
      strides.push_back(own[axis]);
    readStrided(a, out, std::move(strides), 0);
    break;
  }
  case Opcode::Slice: {
    auto starts = op.intsAttr("starts"), steps = op.intsAttr("steps");
    int64_t offset = 0;
    for (size_t i = 0; i < own.size(); ++i) {
      offset += starts[i] * own[i];
      own[i] *= steps[i];
    }
    readStrided(a, out, std::move(own), offset);
    break;
  }
  case Opcode::Concat: {
    int64_t axis = op.intAttr("axis"), offset = 0;
    int64_t stride = stridesOf(out.shape)[axis];
    for (const ConstData *operand : operands) {
      writeBox(*operand, out, offset);
      offset += operand->shape[axis] * stride;
    }
    break;
  }
  case Opcode::Pad: {
    llvm::SmallVector<int64_t, 6> strides = stridesOf(out.shape);
    auto before = op.intsAttr("before");
    int64_t offset = 0;
    for (size_t i = 0; i < strides.size(); ++i)
      offset += before[i] * strides[i];
    writeBox(a, out, offset);
    break;
  }
  case Opcode::Take:
    take(a, m.constData(op.constAttr("indices")), out);
    break;
  default:
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "not a data movement");
  }
  return llvm::Error::success();
}

llvm::Error evalPick(const ConstData &a, const ConstData &indices,
                     ConstData &out) {
  for (int64_t i : indices.ints)
    if (i < -1 || i >= a.numel())
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(), "index %lld of %lld elements",
          static_cast<long long>(i), static_cast<long long>(a.numel()));
  take(a, indices, out);
  return llvm::Error::success();
}

static llvm::Error outside(int64_t index, int64_t rows) {
  return llvm::createStringError(
      llvm::inconvertibleErrorCode(), "index %lld is outside [-%lld, %lld)",
      static_cast<long long>(index), static_cast<long long>(rows),
      static_cast<long long>(rows));
}

llvm::Error evalFlatIndex(const Op &op, const ConstData &a, ConstData &out) {
  const int64_t rows = op.intAttr("rows"), inner = op.intAttr("inner");
  auto dst = out.ints.begin();
  for (int64_t o = 0, n = op.intAttr("outer"); o < n; ++o)
    for (int64_t i : a.ints) {
      if (i < -rows || i >= rows)
        return outside(i, rows);
      for (int64_t k = 0; k < inner; ++k)
        *dst++ = (o * rows + (i < 0 ? i + rows : i)) * inner + k;
    }
  return llvm::Error::success();
}

llvm::Error evalGather(const Op &op, Operands operands, ConstData &out) {
  const ConstData &data = *operands[0], &indices = *operands[1];
  int64_t axis = op.intAttr("axis"), rows = data.shape[axis];
  int64_t outer = numelOf(Dims(data.shape).take_front(axis));
  int64_t inner = numelOf(Dims(data.shape).drop_front(axis + 1));
  for (int64_t i : indices.ints)
    if (i < -rows || i >= rows)
      return outside(i, rows);
  withStorage(data, out, [&](const auto &from, auto &to) {
    auto dst = to.begin();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i : indices.ints) {
        int64_t row = o * rows + (i < 0 ? i + rows : i);
        dst = std::copy_n(from.begin() + row * inner, inner, dst);
      }
  });
  return llvm::Error::success();
}

} // namespace mpc::ir::detail

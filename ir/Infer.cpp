//===- ir/Infer.cpp - result shapes of the ops ----------------------------===//
#include "ir/Infer.h"
#include <algorithm>

namespace mpc::ir {

std::optional<Shape> broadcastShape(Dims a, Dims b) {
  size_t rank = std::max(a.size(), b.size());
  Shape out(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1)
      return std::nullopt;
    out[rank - 1 - i] = da == 1 ? db : da;
  }
  return out;
}

bool broadcastsTo(Dims from, Dims to) {
  std::optional<Shape> s = broadcastShape(from, to);
  return s && Dims(*s) == to;
}

std::optional<Shape> matmulShape(Dims a, Dims b) {
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2])
    return std::nullopt;
  std::optional<Shape> out = broadcastShape(a.drop_back(2), b.drop_back(2));
  if (!out)
    return std::nullopt;
  out->push_back(a[a.size() - 2]);
  out->push_back(b.back());
  return out;
}

std::optional<Shape> reduceShape(Dims shape, Dims axes, bool keepdims) {
  llvm::SmallVector<bool, 8> reduced(shape.size(), false);
  for (int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || reduced[axis])
      return std::nullopt;
    reduced[axis] = true;
  }
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!reduced[i])
      out.push_back(shape[i]);
    else if (keepdims)
      out.push_back(1);
  return out;
}

std::optional<Shape> transposeShape(Dims shape, Dims perm) {
  if (perm.size() != shape.size())
    return std::nullopt;
  llvm::SmallVector<bool, 8> seen(shape.size(), false);
  Shape out;
  for (int64_t axis : perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || seen[axis])
      return std::nullopt;
    seen[axis] = true;
    out.push_back(shape[axis]);
  }
  return out;
}

std::optional<Shape> concatShape(llvm::ArrayRef<Dims> shapes, int64_t axis) {
  if (shapes.empty() || axis < 0 ||
      axis >= static_cast<int64_t>(shapes[0].size()))
    return std::nullopt;
  Shape out(shapes[0].begin(), shapes[0].end());
  for (Dims s : shapes.drop_front()) {
    if (s.size() != out.size())
      return std::nullopt;
    for (size_t i = 0; i < s.size(); ++i) {
      if (static_cast<int64_t>(i) == axis)
        out[i] += s[i];
      else if (s[i] != out[i])
        return std::nullopt;
    }
  }
  return out;
}

std::optional<Shape> gatherShape(Dims data, Dims indices, int64_t axis) {
  if (axis < 0 || axis >= static_cast<int64_t>(data.size()))
    return std::nullopt;
  Shape out(data.begin(), data.begin() + axis);
  out.append(indices.begin(), indices.end());
  out.append(data.begin() + axis + 1, data.end());
  return out;
}

int64_t numelOf(Dims shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

std::optional<int64_t> checkedNumel(Dims shape) {
  constexpr int64_t kMax = int64_t(1) << 40;
  int64_t n = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0 || d > kMax)
      return std::nullopt;
    empty |= d == 0;
    if (d != 0 && n > kMax / d)
      return std::nullopt;
    n *= std::max<int64_t>(d, 1);
  }
  return empty ? 0 : n;
}

bool yieldsBool(Opcode op) {
  switch (op) {
  case Opcode::Less:
  case Opcode::LessEqual:
  case Opcode::Equal:
  case Opcode::And:
  case Opcode::Or:
  case Opcode::Xor:
  case Opcode::Not:
    return true;
  default:
    return false;
  }
}

} // namespace mpc::ir

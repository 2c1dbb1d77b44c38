//===- runtime/core/Shape.cpp ---------------------------------------------===//
#include "runtime/core/Shape.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace mpc::core {

std::optional<int64_t> checkedNumel(const Shape &shape) {
  int64_t n = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0)
      return std::nullopt;
    if (d == 0)
      empty = true;
    else if (__builtin_mul_overflow(n, d, &n))
      return std::nullopt;
  }
  return empty ? 0 : n;
}

int64_t numel(const Shape &shape) {
  std::optional<int64_t> n = checkedNumel(shape);
  assert(n && "shape was validated when it was made");
  return *n;
}

Strides rowMajorStrides(const Shape &shape) {
  Strides strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    // An empty array has no element to step to; 1 keeps strides sane.
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

Result<Shape> broadcastShapes(const Shape &a, const Shape &b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    // i counts from the last dimension.
    int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1)
      return Error{fmt::format("shapes {} and {} do not broadcast: sizes {} "
                               "and {} in dimension -{}",
                               toString(a), toString(b), da, db, i + 1)};
    out[out.size() - 1 - i] = da == 1 ? db : da;
  }
  if (!checkedNumel(out))
    return Error{fmt::format("shapes {} and {} broadcast to {}, which has too "
                             "many elements",
                             toString(a), toString(b), toString(out))};
  return out;
}

Strides broadcastStrides(const Shape &from, const Shape &to) {
  assert(from.size() <= to.size());
  Strides dense = rowMajorStrides(from);
  Strides out(to.size(), 0);
  size_t lead = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    assert(from[i] == to[lead + i] || from[i] == 1);
    if (from[i] != 1)
      out[lead + i] = dense[i];
  }
  return out;
}

std::string toString(const Shape &shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

} // namespace mpc::core

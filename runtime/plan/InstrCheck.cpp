//===- runtime/plan/InstrCheck.cpp ----------------------------------------===//
#include "runtime/plan/InstrCheck.h"

#include <algorithm>

namespace mpc::plan {

using core::toString;

std::string InstrCheck::argName(size_t i) const {
  return fmt::format("{}{}", sigil_, in_[i]);
}
std::string InstrCheck::outName() const {
  return fmt::format("{}{}", sigil_, out_);
}

void InstrCheck::resultShape(const Shape &want) {
  if (outShape() != want)
    fail("gives shape {}, {} has {}", toString(want), outName(),
         toString(outShape()));
}

void InstrCheck::broadcast(std::span<const Shape> shapes) {
  Shape all = shapes.front();
  for (const Shape &s : shapes.subspan(1)) {
    Result<Shape> next = core::broadcastShapes(all, s);
    if (!next)
      return fail("{}", next.error().message);
    all = std::move(*next);
  }
  resultShape(all);
}

bool InstrCheck::axisOf(const Shape &s, int64_t axis) {
  if (axis < 0 || axis >= static_cast<int64_t>(s.size()))
    fail("takes an axis of shape {}, got {}", toString(s), axis);
  return !failed();
}

void InstrCheck::stridedShape(int64_t offset,
                              const std::vector<int64_t> &strides) {
  const Shape &to = outShape();
  if (strides.size() != to.size())
    return fail("takes one stride a dimension of {}, got {}", toString(to),
                strides.size());
  if (core::numel(to) == 0)
    return;
  // 128 bits hold 16 products of 2^36 and 2^63.
  __int128 lo = offset, hi = offset;
  for (size_t i = 0; i < to.size(); ++i) {
    const __int128 reach = static_cast<__int128>(to[i] - 1) * strides[i];
    (reach < 0 ? lo : hi) += reach;
  }
  const int64_t n = core::numel(argShape(0));
  if (lo < 0 || hi >= n)
    fail("reads outside the {} elements of {}", n, argName(0));
}

void InstrCheck::concatShape(int64_t along) {
  const Shape &to = outShape();
  if (!axisOf(to, along))
    return;
  const auto axis = static_cast<size_t>(along);
  int64_t total = 0;
  for (size_t i = 0; i < in_.size(); ++i) {
    Shape s = argShape(i);
    if (s.size() == to.size()) {
      total += s[axis];
      s[axis] = to[axis];
    }
    if (s != to || total > kMaxElements)
      return fail("joins {} of shape {} to {} along axis {}", argName(i),
                  toString(argShape(i)), toString(to), axis);
  }
  if (total != to[axis])
    fail("joins {} along axis {}, {} has shape {}", total, axis, outName(),
         toString(to));
}

void InstrCheck::reducedShape(const std::vector<int64_t> &axes) {
  const Shape &x = argShape(0);
  int64_t last = -1;
  for (int64_t a : axes) {
    if (a <= last || a >= static_cast<int64_t>(x.size()))
      return fail("takes ascending axes of shape {}, got {}", toString(x), a);
    last = a;
  }
  Shape kept = x, removed;
  for (int64_t a : axes)
    kept[static_cast<size_t>(a)] = 1;
  for (size_t i = 0; i < x.size(); ++i)
    if (!std::ranges::binary_search(axes, static_cast<int64_t>(i)))
      removed.push_back(x[i]);
  if (outShape() != kept)
    resultShape(removed);
}

} // namespace mpc::plan

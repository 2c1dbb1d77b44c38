//===- passes/share/Maxima.cpp --------------------------------------------===//
#include "passes/share/Maxima.h"
#include "passes/Comparison.h"
#include "runtime/plan/Digits.h"
#include <cmath>

using namespace mpc::ir;

namespace mpc::passes {

ValueId Maxima::sign(ValueId x, int window, int drop) {
  window = std::max(window, 2);
  const int digit = cheapestDigit(window, profile_);
  Shape planes = b_.type(x).shape;
  planes.insert(planes.begin(), plan::planeCount(window, digit));
  const ValueId d =
      b_.emit(Opcode::ShareDigits, {x}, ShareBuilder::bitsType(planes));
  const ValueId s = b_.emit(Opcode::ShareSign, {d, x},
                            ShareBuilder::bitsType(b_.type(x).shape));
  for (ValueId v : {d, s}) {
    Op &op = b_.module().op(v);
    op.setAttr("window", int64_t{window});
    op.setAttr("drop", int64_t{drop});
    op.setAttr("digit", int64_t{digit});
  }
  return s;
}

ValueId Maxima::bitTimes(ValueId bit, ValueId x) {
  return b_.emit(Opcode::ShareBitMul, {bit, b_.masked(x)},
                 ShareBuilder::shareType(Form::Additive, b_.type(x)));
}

ValueId Maxima::keepLarger(ValueId a, ValueId less, ValueId difference) {
  const ValueId excess = b_.masked(bitTimes(less, difference));
  return b_.emit(Opcode::ShareSub, {a, excess}, b_.type(a));
}

/// The type of a difference of two values of type t.
static Type differenceType(const Type &t) {
  return ShareBuilder::withIntBits(t, t.intBits + 1);
}

ValueId Maxima::larger(ValueId a, ValueId b, Precision p) {
  const ValueId d =
      b_.emit(Opcode::ShareSub, {a, b}, differenceType(b_.type(a)));
  return keepLarger(a, sign(d, p), d);
}

bool Maxima::inFours(ValueId x, Precision p) const {
  return fourAtOnce(b_.type(x).numel() / 4, p.window, profile_);
}

ValueId Maxima::reduce(ValueId x, const Op &op,
                       std::pair<double, double> range) {
  const int frac = b_.type(x).frac;
  const double width = range.second - range.first;
  const int intBits = width > 0 ? std::ilogb(width) + 1 : 1;
  const int drop =
      op.hasAttr("slack")
          ? std::max<int>(0, frac - static_cast<int>(op.intAttr("slack")))
          : 0;
  const Precision p{
      std::min<int>(intBits + frac - drop + 2, b_.ringOf(x) - drop), drop};
  x = b_.masked(x);
  if (op.hasAttr("segments"))
    return ofSegments(x, op, p);
  for (int64_t axis : op.intsAttr("axes"))
    for (int64_t n; (n = b_.type(x).shape[axis]) > 1;)
      x = n >= 4 && inFours(x, p) ? winnersOfFour(x, axis, p)
                                  : winnersOfTwo(x, axis, p);
  return b_.mover().reshape(x, op.type.shape);
}

ValueId Maxima::winnersOfTwo(ValueId x, int64_t axis, Precision p) {
  const int64_t n = b_.type(x).shape[axis], half = n / 2;
  const ValueId b = part(x, axis, half, half), a = part(x, axis, 0, half);
  const ValueId m = larger(a, b, p);
  return n % 2 ? b_.mover().concat({m, part(x, axis, n - 1, 1)}, axis) : m;
}

/// Two levels of the tree in four rounds instead of six: all comparisons at
/// once, then both winners while bit_mux finds who wins between them.
ValueId Maxima::winnersOfFour(ValueId x, int64_t axis, Precision p) {
  const int64_t n = b_.type(x).shape[axis], quarter = n / 4;
  ValueId four[4];
  for (int i = 0; i < 4; ++i)
    four[i] = part(x, axis, i * quarter, quarter);
  const ValueId m = largestOfFour(four, axis, p);
  if (n % 4 == 0)
    return m;
  return b_.mover().concat({m, part(x, axis, 4 * quarter, n % 4)}, axis);
}

ValueId Maxima::largestOfFour(const ValueId (&p)[4], int64_t axis,
                              Precision how) {
  const int64_t quarter = b_.type(p[0]).shape[axis];
  const Type wide = differenceType(b_.type(p[0]));
  // The six differences go through one comparison.
  constexpr std::pair<int, int> kPairs[] = {{0, 1}, {2, 3}, {0, 2},
                                            {0, 3}, {1, 2}, {1, 3}};
  llvm::SmallVector<ValueId, 6> d;
  for (auto [i, j] : kPairs)
    d.push_back(b_.emit(Opcode::ShareSub, {p[i], p[j]}, wide));
  const ValueId less = sign(b_.mover().concat(d, axis), how);
  llvm::SmallVector<ValueId, 6> bit;
  for (int i = 0; i < 6; ++i)
    bit.push_back(part(less, axis, i * quarter, quarter));
  // bit 0: p0 < p1, bit 1: p2 < p3; the other four are the final's.
  const ValueId final = b_.emit(
      Opcode::ShareBitMux, {bit[0], bit[1], bit[2], bit[3], bit[4], bit[5]},
      ShareBuilder::bitsType(b_.type(bit[0]).shape));
  const ValueId a = keepLarger(p[0], bit[0], d[0]);
  const ValueId b = keepLarger(p[2], bit[1], d[1]);
  return keepLarger(a, final, b_.emit(Opcode::ShareSub, {a, b}, wide));
}

/// The maximum of each segment of the last axis. All segments go through one
/// tree, a level of groups of four at a time (of three or two elements, some
/// of them twice); pairs meet in two.
ValueId Maxima::ofSegments(ValueId x, const Op &op, Precision p) {
  std::vector<Places> segments;
  int64_t next = 0;
  for (int64_t length : op.intsAttr("segments")) {
    segments.emplace_back(length);
    for (int64_t &place : segments.back())
      place = next++;
  }
  auto isDone = [](const Places &s) { return s.size() == 1; };
  while (!llvm::all_of(segments, isDone)) {
    const bool fours = inFours(x, p);
    Places four[4], two[2], one;
    for (const Places &s : segments) {
      const size_t n = s.size(), rest = n % 4;
      if (n == 2 || !fours) {
        for (size_t i = 0; i + 1 < n; i += 2) {
          two[0].push_back(s[i]);
          two[1].push_back(s[i + 1]);
        }
        if (n % 2)
          one.push_back(s.back());
        continue;
      }
      for (size_t i = 0; i + 1 < n; i += 4)
        for (size_t k = 0; k < 4; ++k)
          four[k].push_back(s[std::min(i + k, n - 1)]);
      if (rest == 1)
        one.push_back(s.back());
    }
    llvm::SmallVector<ValueId, 3> parts;
    const int64_t axis = b_.type(x).rank() - 1;
    if (!four[0].empty()) {
      const ValueId groups[] = {places(x, four[0]), places(x, four[1]),
                                places(x, four[2]), places(x, four[3])};
      parts.push_back(largestOfFour(groups, axis, p));
    }
    if (!two[0].empty()) {
      const ValueId b = places(x, two[1]), a = places(x, two[0]);
      parts.push_back(larger(a, b, p));
    }
    if (!one.empty())
      parts.push_back(places(x, one));
    // The new places, in the order in which the old ones were collected.
    int64_t nextFour = 0, nextTwo = four[0].size(),
            nextOne = nextTwo + two[0].size();
    for (Places &s : segments) {
      const size_t n = s.size();
      s.clear();
      if (n == 2 || !fours) {
        for (size_t i = 0; i + 1 < n; i += 2)
          s.push_back(nextTwo++);
        if (n % 2)
          s.push_back(nextOne++);
        continue;
      }
      for (size_t i = 0; i + 1 < n; i += 4)
        s.push_back(nextFour++);
      if (n % 4 == 1)
        s.push_back(nextOne++);
    }
    x = parts.size() == 1 ? parts[0] : b_.mover().concat(parts, axis);
  }
  Places result;
  for (const Places &s : segments)
    result.push_back(s[0]);
  return places(x, result);
}

ValueId Maxima::places(ValueId x, llvm::ArrayRef<int64_t> at) {
  Shape shape = b_.type(x).shape;
  const int64_t n = shape.back(), outer = b_.type(x).numel() / n;
  if (static_cast<int64_t>(at.size()) == n && llvm::is_sorted(at))
    return x;
  std::vector<int64_t> index;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i : at)
      index.push_back(o * n + i);
  shape.back() = static_cast<int64_t>(at.size());
  return b_.mover().take(x, std::move(index), shape);
}

ValueId Maxima::part(ValueId x, int64_t axis, int64_t start, int64_t size) {
  Shape sizes = b_.type(x).shape, starts(sizes.size(), 0),
        steps(sizes.size(), 1);
  starts[axis] = start;
  sizes[axis] = size;
  return b_.mover().slice(x, starts, sizes, steps);
}

} // namespace mpc::passes

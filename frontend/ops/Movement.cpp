//===- frontend/ops/Movement.cpp - cutting, joining, repeating
//--------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

namespace mpc::frontend::ops {

void concat(NodeReader &n) {
  const int64_t axis = n.axis(n.attrInt("axis", 0), n.rank(n.in(0)));
  if (!n.hasAttr("axis"))
    return n.fail("attribute 'axis' is missing");
  if (!n.failed())
    n.out(n.concat(n.inputs(), axis));
}

void split(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t axis = n.axis(n.attrInt("axis", 0), n.rank(x));
  if (n.failed())
    return;
  const int64_t size = n.shape(x)[axis];
  const int64_t parts = n.numOutputs();
  if (parts == 0)
    return n.fail("has no outputs");
  auto sizes = n.intsFrom("split", 1);
  if (!sizes) {
    // Equal parts; the last one may be smaller since opset 18.
    if (n.attrInt("num_outputs", parts) != parts)
      return n.fail("attribute 'num_outputs' is " +
                    llvm::Twine(n.attrInt("num_outputs", 0)) + " for " +
                    llvm::Twine(parts) + " outputs");
    if (n.opset() < 18 && size % parts)
      return n.fail("cannot split " + llvm::Twine(size) + " into " +
                    llvm::Twine(parts) + " equal parts");
    const int64_t each = (size + parts - 1) / parts;
    sizes.emplace();
    for (int64_t i = 0, left = size; i < parts; ++i, left -= sizes->back())
      sizes->push_back(std::min(each, left));
  }
  int64_t total = 0;
  for (int64_t s : *sizes)
    total += s < 0 || s > size ? size + 1 : s;
  if (n.failed())
    return;
  if (static_cast<int64_t>(sizes->size()) != parts || total != size)
    return n.fail("parts " + listStr(*sizes) + " for " + llvm::Twine(parts) +
                  " outputs of an axis of size " + llvm::Twine(size));
  for (int64_t i = 0, start = 0; i < parts; start += (*sizes)[i], ++i)
    n.out(i, n.slice(x, axis, start, (*sizes)[i]));
}

void slice(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape shape = n.shape(x);
  const int64_t rank = shape.size();
  const bool old = n.opset() < 10;
  auto starts = old ? n.attrInts("starts") : n.knownInts(1, "starts");
  auto ends = old ? n.attrInts("ends") : n.knownInts(2, "ends");
  std::vector<int64_t> axes(starts.size()), steps(starts.size(), 1);
  for (size_t i = 0; i < axes.size(); ++i)
    axes[i] = i;
  if (old)
    axes = n.attrInts("axes", axes);
  else if (n.has(3))
    axes = n.knownInts(3, "axes");
  if (!old && n.has(4))
    steps = n.knownInts(4, "steps");
  if (n.failed())
    return;
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size())
    return n.fail("starts, ends, axes and steps differ in length");
  Shape from(rank, 0), step(rank, 1), size = shape;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t a = n.axis(axes[i], rank);
    if (n.failed())
      return;
    const int64_t d = shape[a], s = steps[i];
    if (s == 0 || s == std::numeric_limits<int64_t>::min())
      return n.fail("a step of " + llvm::Twine(s));
    // Negative bounds count from the end; all are clamped to the axis, which
    // ends at -1 when it is walked backwards.
    auto clamp = [&](int64_t v) {
      v += v < 0 ? d : 0;
      return s > 0 ? std::clamp<int64_t>(v, 0, d)
                   : std::clamp<int64_t>(v, -1, d - 1);
    };
    const int64_t b = clamp(starts[i]), e = clamp(ends[i]);
    from[a] = b;
    step[a] = s;
    size[a] = s > 0 ? (b < e ? (e - b - 1) / s + 1 : 0)
                    : (b > e ? (b - e - 1) / -s + 1 : 0);
    if (size[a] <= 1)
      step[a] = 1;
  }
  n.out(n.slice(x, from, step, size));
}

void tile(NodeReader &n) {
  ValueId x = n.in(0);
  auto repeats = n.knownInts(1, "repeats");
  if (n.failed())
    return;
  const Shape s = n.shape(x);
  if (repeats.size() != s.size() ||
      llvm::any_of(repeats, [](int64_t r) { return r < 0; }))
    return n.fail("repeats " + listStr(repeats) + " for " + shapeStr(s));
  // [a, b] -> [1, a, 1, b] -> [r0, a, r1, b] -> [r0 * a, r1 * b]
  Shape narrow, wide, out;
  for (size_t i = 0; i < s.size(); ++i) {
    narrow.append({1, s[i]});
    wide.append({repeats[i], s[i]});
    if (__builtin_mul_overflow(repeats[i], s[i], &out.emplace_back()))
      return n.fail("repeats " + listStr(repeats) + " are too large");
  }
  n.out(n.reshape(n.broadcastTo(n.reshape(x, narrow), wide), out));
}

/// Pads with elements of the tensor itself.
static ValueId padFrom(NodeReader &n, ValueId x, Ints before, Ints after,
                       llvm::StringRef mode) {
  if (mode != "reflect" && mode != "edge" && mode != "wrap") {
    n.fail("attribute 'mode' is " + mode);
    return {};
  }
  for (int64_t a = 0; a < n.rank(x) && !n.failed(); ++a) {
    const int64_t size = n.shape(x)[a];
    if (before[a] == 0 && after[a] == 0)
      continue;
    if (size == 0) {
      n.fail("pads an axis of size 0");
      break;
    }
    std::vector<int64_t> rows;
    for (int64_t i = -before[a]; i < size + after[a]; ++i) {
      int64_t r = i;
      if (mode == "edge") {
        r = std::clamp<int64_t>(i, 0, size - 1);
      } else if (mode == "wrap") {
        r = (i % size + size) % size;
      } else if (size == 1) {
        r = 0;
      } else { // back and forth with period 2 (size - 1)
        const int64_t period = 2 * (size - 1);
        r = (i % period + period) % period;
        r = std::min(r, period - r);
      }
      rows.push_back(r);
    }
    x = takeRows(n, x, a, rows);
  }
  return x;
}

void pad(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t rank = n.rank(x);
  const bool old = n.opset() < 11;
  auto pads = old ? n.attrInts("pads") : n.knownInts(1, "pads");
  double value = old ? n.attrFloat("value", 0) : 0;
  if (!old && n.has(2))
    value = n.known(n.in(2)) || n.numel(n.in(2)) != 1
                ? n.knownNumber(2, "constant_value")
                : 1; // not known: selected below
  std::vector<int64_t> axes(rank);
  for (int64_t i = 0; i < rank; ++i)
    axes[i] = i;
  if (n.has(3))
    axes = n.knownInts(3, "axes");
  if (n.failed())
    return;
  if (pads.size() != 2 * axes.size())
    return n.fail("pads " + listStr(pads) + " for " + llvm::Twine(axes.size()) +
                  " axes");
  Shape before(rank, 0), after(rank, 0), crop(rank, 0), size = n.shape(x);
  bool cropped = false;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t a = n.axis(axes[i], rank);
    if (n.failed())
      return;
    const int64_t b = pads[i], e = pads[i + axes.size()];
    constexpr int64_t kMost = kMaxFoldedElements;
    if (b < -kMost || b > kMost || e < -kMost || e > kMost)
      return n.fail("pads " + listStr(pads) + " are too large");
    // Negative pads remove elements.
    crop[a] = std::max<int64_t>(-b, 0);
    size[a] -= crop[a] + std::max<int64_t>(-e, 0);
    cropped |= b < 0 || e < 0;
    if (size[a] < 0)
      return n.fail("pads " + listStr(pads) + " remove more than there is");
    before[a] = std::max<int64_t>(b, 0);
    after[a] = std::max<int64_t>(e, 0);
  }
  if (cropped)
    x = n.slice(x, crop, Shape(rank, 1), size);
  const std::string mode = n.attrStr("mode", "constant");
  if (mode != "constant")
    return n.out(padFrom(n, x, before, after, mode));
  ValueId y = n.padZeros(x, before, after);
  if (value != 0 && y != x && !n.tooLarge(n.numel(x))) {
    // Zeros where the tensor is, ones around it, choose the value.
    ValueId inside =
        n.padZeros(n.bools(std::vector<int64_t>(n.numel(x), 1), n.shape(x)),
                   before, after);
    const bool given = !old && n.has(2) && !n.known(n.in(2));
    y = n.select(inside, y,
                 given ? n.cast(n.reshape(n.in(2), {}), n.elem(y))
                       : n.scalar(value, n.elem(y)));
  }
  n.out(y);
}

void trilu(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t rank = n.rank(x);
  const int64_t k = n.has(1) ? n.knownInt(1, "k") : 0;
  const bool upper = n.attrInt("upper", 1);
  if (rank < 2)
    return n.fail("needs a tensor of rank 2 or more");
  const int64_t rows = n.shape(x)[rank - 2], columns = n.shape(x)[rank - 1];
  if (n.tooLarge(n.numel(x)))
    return;
  std::vector<int64_t> indices(n.numel(x));
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t r = i / columns % rows, c = i % columns;
    const bool keep = upper ? c - r >= k : c - r <= k;
    indices[i] = keep ? static_cast<int64_t>(i) : -1;
  }
  n.out(n.take(x, std::move(indices), n.shape(x)));
}

} // namespace mpc::frontend::ops

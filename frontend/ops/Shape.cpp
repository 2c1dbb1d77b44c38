//===- frontend/ops/Shape.cpp - shapes read and changed
//---------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace mpc::frontend::ops {

void shapeOf(NodeReader &n) {
  Ints s = n.shape(n.in(0));
  const int64_t rank = s.size();
  auto bound = [&](const char *name, int64_t otherwise) {
    int64_t v = n.attrInt(name, otherwise);
    return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank);
  };
  int64_t start = bound("start", 0), end = bound("end", rank);
  n.out(n.ints(s.slice(start, std::max<int64_t>(end - start, 0))));
}

void sizeOf(NodeReader &n) { n.out(n.scalar(n.numel(n.in(0)), Elem::I64)); }

void identity(NodeReader &n) { n.out(n.in(0)); }

void dropout(NodeReader &n) {
  if (n.has(2) && n.knownNumber(2, "training_mode") != 0)
    return n.fail("input 2 (training_mode) is true; only inference is "
                  "supported");
  n.out(n.in(0));
  if (n.numOutputs() > 1 && !n.tooLarge(n.numel(n.in(0))))
    n.out(1,
          n.bools(std::vector<int64_t>(n.numel(n.in(0)), 1), n.shape(n.in(0))));
}

void reshape(NodeReader &n) {
  ValueId x = n.in(0);
  const std::vector<int64_t> want = n.knownInts(1, "shape");
  const bool allowZero = n.attrInt("allowzero", 0);
  const Shape from = n.shape(x);
  Shape to(want.begin(), want.end());
  int64_t product = 1;
  std::optional<size_t> free;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 0 && !allowZero) {
      if (i >= from.size())
        return n.fail("shape " + listStr(want) + " copies dimension " +
                      llvm::Twine(i) + " of a tensor of rank " +
                      llvm::Twine(from.size()));
      to[i] = from[i];
    }
    if (to[i] == -1 && !free) {
      free = i;
      continue;
    }
    if (to[i] < 0)
      return n.fail("shape " + listStr(want) + " has a negative size");
    if (__builtin_mul_overflow(product, to[i], &product))
      return n.fail("shape " + listStr(want) + " is too large");
  }
  if (free) {
    if (product == 0 || n.numel(x) % product)
      return n.fail("cannot reshape " + shapeStr(from) + " to " +
                    listStr(want));
    to[*free] = n.numel(x) / product;
  }
  n.out(n.reshape(x, to));
}

ValueId dropAxes(NodeReader &n, ValueId x, Ints axes) {
  Shape to;
  for (int64_t i = 0; i < n.rank(x); ++i)
    if (!llvm::is_contained(axes, i))
      to.push_back(n.shape(x)[i]);
    else if (n.shape(x)[i] != 1)
      n.fail("cannot remove axis " + llvm::Twine(i) + " of " +
             shapeStr(n.shape(x)) + ", its size is not 1");
  return n.reshape(x, to);
}

void squeeze(NodeReader &n) {
  ValueId x = n.in(0);
  auto axes = axesOf(n, n.rank(x));
  if (!axes) {
    axes.emplace();
    for (int64_t i = 0; i < n.rank(x); ++i)
      if (n.shape(x)[i] == 1)
        axes->push_back(i);
  }
  n.out(dropAxes(n, x, *axes));
}

void unsqueeze(NodeReader &n) {
  ValueId x = n.in(0);
  auto given = n.intsFrom("axes", 1);
  if (!given)
    return n.fail("attribute 'axes' is missing");
  const int64_t rank = n.rank(x) + given->size();
  const Shape axes = n.axes(*given, rank);
  Shape to;
  auto next = n.shape(x).begin();
  for (int64_t i = 0; i < rank && !n.failed(); ++i)
    to.push_back(llvm::is_contained(axes, i) ? 1 : *next++);
  n.out(n.reshape(x, to));
}

void flatten(NodeReader &n) {
  ValueId x = n.in(0);
  Ints s = n.shape(x);
  int64_t axis = n.attrInt("axis", 1), rank = s.size();
  if (axis < -rank || axis > rank)
    return n.fail("attribute 'axis' is " + llvm::Twine(axis) +
                  " for a tensor of rank " + llvm::Twine(rank));
  axis += axis < 0 ? rank : 0;
  n.out(n.reshape(
      x, {ir::numelOf(s.take_front(axis)), ir::numelOf(s.drop_front(axis))}));
}

void expand(NodeReader &n) {
  ValueId x = n.in(0);
  auto to = n.knownInts(1, "shape");
  if (n.failed())
    return;
  auto s = ir::broadcastShape(n.shape(x), to);
  if (!s)
    return n.fail("shape " + shapeStr(n.shape(x)) +
                  " does not broadcast with " + listStr(to));
  n.out(n.broadcastTo(x, *s));
}

void transpose(NodeReader &n) {
  std::vector<int64_t> reversed(n.rank(n.in(0)));
  for (size_t i = 0; i < reversed.size(); ++i)
    reversed[i] = reversed.size() - 1 - i;
  n.out(n.transpose(n.in(0), n.attrInts("perm", reversed)));
}

/// [N, C, H, W] as blocks; both directions are a transpose of rank 6.
static bool imageShape(NodeReader &n, Shape &s, int64_t &block) {
  s = n.shape(n.in(0));
  block = n.attrInt("blocksize", 0);
  if (s.size() != 4 || block < 1 || block > (int64_t{1} << 20))
    n.fail("needs a tensor of rank 4 and a positive 'blocksize'");
  return !n.failed();
}

void depthToSpace(NodeReader &n) {
  Shape s;
  int64_t b;
  if (!imageShape(n, s, b))
    return;
  const std::string mode = n.attrStr("mode", "DCR");
  if (s[1] % (b * b))
    return n.fail("attribute 'blocksize' does not divide the channels");
  const int64_t c = s[1] / (b * b);
  ValueId y;
  if (mode == "DCR")
    y = n.transpose(n.reshape(n.in(0), {s[0], b, b, c, s[2], s[3]}),
                    {0, 3, 4, 1, 5, 2});
  else if (mode == "CRD")
    y = n.transpose(n.reshape(n.in(0), {s[0], c, b, b, s[2], s[3]}),
                    {0, 1, 4, 2, 5, 3});
  else
    return n.fail("attribute 'mode' is " + mode +
                  "; only DCR and CRD are supported");
  n.out(n.reshape(y, {s[0], c, s[2] * b, s[3] * b}));
}

void spaceToDepth(NodeReader &n) {
  Shape s;
  int64_t b;
  if (!imageShape(n, s, b))
    return;
  if (s[2] % b || s[3] % b)
    return n.fail("attribute 'blocksize' does not divide the image");
  ValueId y = n.reshape(n.in(0), {s[0], s[1], s[2] / b, b, s[3] / b, b});
  n.out(n.reshape(n.transpose(y, {0, 3, 5, 1, 2, 4}),
                  {s[0], s[1] * b * b, s[2] / b, s[3] / b}));
}

} // namespace mpc::frontend::ops

//===- frontend/ops/Generate.cpp - constants and what is made from them
//-----===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace mpc::frontend::ops {

void constant(NodeReader &n) {
  if (n.hasAttr("value"))
    n.out(n.constant(n.attrTensor("value")));
  else if (n.hasAttr("value_float"))
    n.out(n.scalar(n.attrFloat("value_float", 0)));
  else if (n.hasAttr("value_int"))
    n.out(n.ints({n.attrInt("value_int", 0)}, {}));
  else if (n.hasAttr("value_ints"))
    n.out(n.ints(n.attrInts("value_ints")));
  else if (n.hasAttr("value_floats")) {
    auto v = n.attrFloats("value_floats");
    const int64_t size = v.size();
    n.out(n.floats(std::move(v), {size}));
  } else {
    n.fail("has no value");
  }
}

void constantOfShape(NodeReader &n) {
  auto shape = n.knownInts(0, "shape");
  ConstData one;
  one.floats = {0};
  if (n.hasAttr("value"))
    one = n.attrTensor("value");
  if (n.failed())
    return;
  if (one.numel() != 1)
    return n.fail("attribute 'value' must have one element");
  one.shape.clear();
  n.out(n.broadcastTo(n.constant(std::move(one)), shape));
}

void range(NodeReader &n) {
  ConstData start = n.knownInput(0, "start"), limit = n.knownInput(1, "limit"),
            delta = n.knownInput(2, "delta");
  if (n.failed())
    return;
  if (start.numel() != 1 || limit.numel() != 1 || delta.numel() != 1 ||
      start.elem != limit.elem || start.elem != delta.elem)
    return n.fail("start, limit and delta must be scalars of one type");
  const double count = std::ceil((limit.at(0) - start.at(0)) / delta.at(0));
  if (delta.at(0) == 0 || !(count < kMaxFoldedElements))
    return n.fail("a range of too many elements");
  const int64_t size = static_cast<int64_t>(std::max(count, 0.0));
  ConstData d;
  d.elem = start.elem;
  d.shape = {size};
  for (int64_t i = 0; i < size; ++i)
    if (d.elem == Elem::F32)
      d.floats.push_back(static_cast<float>(start.at(0) + i * delta.at(0)));
    else
      d.ints.push_back(static_cast<int64_t>( // wraps
          static_cast<uint64_t>(start.ints[0]) +
          static_cast<uint64_t>(i) * static_cast<uint64_t>(delta.ints[0])));
  n.out(n.constant(std::move(d)));
}

void eyeLike(NodeReader &n) {
  const Shape s = n.shape(n.in(0));
  const int64_t k = n.attrInt("k", 0);
  auto type = static_cast<int32_t>(n.attrInt("dtype", 0));
  auto elem =
      n.hasAttr("dtype") ? elemOf(type) : std::optional(n.elem(n.in(0)));
  if (s.size() != 2)
    return n.fail("needs a tensor of rank 2");
  if (!elem)
    return n.fail("attribute 'dtype' is " + onnxTypeName(type));
  if (n.tooLarge(n.numel(n.in(0))))
    return;
  std::vector<int64_t> v(n.numel(n.in(0)));
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<int64_t>(i) % s[1] == static_cast<int64_t>(i) / s[1] + k;
  n.out(n.cast(n.bools(std::move(v), s), *elem));
}

void nonZero(NodeReader &n) {
  const ConstData d = n.knownInput(0, "X");
  const int64_t rank = d.shape.size();
  const Shape str = strides(d.shape);
  std::vector<int64_t> hits;
  for (int64_t i = 0; i < d.numel(); ++i)
    if (d.at(i) != 0)
      hits.push_back(i);
  std::vector<int64_t> out;
  for (int64_t a = 0; a < rank; ++a)
    for (int64_t h : hits)
      out.push_back(h / str[a] % d.shape[a]);
  const int64_t count = hits.size();
  n.out(n.ints(std::move(out), {rank, count}));
}

/// A product with a triangle of ones, for known and secret data alike.
void cumSum(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t rank = n.rank(x);
  const int64_t axis = n.axis(n.knownInt(1, "axis"), rank);
  if (n.failed() || rank == 0)
    return n.fail("needs a tensor of rank 1 or more");
  const bool exclusive = n.attrInt("exclusive", 0);
  const bool reverse = n.attrInt("reverse", 0);
  const int64_t size = n.shape(x)[axis];
  if (size > (int64_t{1} << 20) || n.tooLarge(size * size))
    return n.fail("an axis of " + llvm::Twine(size) + " elements");
  std::vector<int64_t> ones(size * size);
  for (int64_t from = 0; from < size; ++from)
    for (int64_t to = 0; to < size; ++to) {
      const int64_t before = reverse ? from - to : to - from;
      ones[from * size + to] = before >= (exclusive ? 1 : 0);
    }
  ValueId triangle = n.cast(n.ints(std::move(ones), {size, size}), n.elem(x));
  Shape perm;
  for (int64_t i = 0; i < rank; ++i)
    perm.push_back(i);
  std::swap(perm[axis], perm[rank - 1]); // its own inverse
  ValueId moved = n.transpose(x, perm);
  const Shape shape = n.shape(moved);
  if (rank == 1)
    moved = n.reshape(moved, {1, size});
  n.out(n.transpose(n.reshape(n.matmul(moved, triangle), shape), perm));
}

void ifThenElse(NodeReader &n) {
  const double condition = n.knownNumber(0, "condition");
  const char *branch = condition != 0 ? "then_branch" : "else_branch";
  if (!n.failed() && !n.hasAttr(branch))
    n.fail("attribute '" + llvm::Twine(branch) + "' is missing");
  if (n.failed())
    return;
  auto results = n.services().inlineGraph(n.attrGraph(branch));
  if (!results)
    return n.fail(llvm::toString(results.takeError()));
  if (results->size() != n.numOutputs())
    return n.fail("the branch has " + llvm::Twine(results->size()) +
                  " outputs for " + llvm::Twine(n.numOutputs()));
  for (size_t i = 0; i < results->size(); ++i)
    n.out(i, (*results)[i]);
}

} // namespace mpc::frontend::ops

//===- frontend/ops/Reduce.cpp - reductions over axes
//----------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace mpc::frontend::ops {

std::optional<Shape> axesOf(NodeReader &n, int64_t rank) {
  auto given = n.intsFrom("axes", 1);
  return given ? std::optional(n.axes(*given, rank)) : std::nullopt;
}

namespace {
struct Reduction {
  ValueId x;
  Shape axes;
  bool keepdims;
  bool nothing; ///< no axes, and the node says that this means none
};
} // namespace

static Reduction read(NodeReader &n) {
  Reduction r{n.in(0), {}, n.attrInt("keepdims", 1) != 0, false};
  if (auto axes = axesOf(n, n.rank(r.x)))
    r.axes = *axes;
  if (r.axes.empty()) {
    r.nothing = n.attrInt("noop_with_empty_axes", 0) != 0;
    if (!r.nothing)
      llvm::append_range(r.axes, llvm::seq<int64_t>(0, n.rank(r.x)));
  }
  return r;
}

static ValueId apply(NodeReader &n, Opcode op, const Reduction &r, ValueId x) {
  return n.reduce(op, x, r.axes, r.keepdims);
}

static void plain(NodeReader &n, Opcode op) {
  Reduction r = read(n);
  n.out(apply(n, op, r, r.x));
}

void reduceSum(NodeReader &n) { plain(n, Opcode::ReduceSum); }
void reduceMax(NodeReader &n) { plain(n, Opcode::ReduceMax); }
void reduceMin(NodeReader &n) { plain(n, Opcode::ReduceMin); }

/// Halves are multiplied, so that calibration sees every partial product.
static ValueId productOver(NodeReader &n, ValueId x, int64_t axis) {
  for (int64_t size; !n.failed() && (size = n.shape(x)[axis]) > 1;) {
    const int64_t half = size / 2;
    ValueId y = n.mul(n.slice(x, axis, 0, half), n.slice(x, axis, half, half));
    x = size % 2 ? n.concat({y, n.slice(x, axis, size - 1, 1)}, axis) : y;
  }
  return x;
}

void reduceProd(NodeReader &n) {
  Reduction r = read(n);
  const Shape s = n.shape(r.x);
  if (n.failed() || n.known(r.x) ||
      llvm::any_of(r.axes, [&](int64_t a) { return s[a] == 0; }))
    return n.out(apply(n, Opcode::ReduceProd, r, r.x));
  ValueId x = r.x;
  for (int64_t a : r.axes)
    x = productOver(n, x, a);
  n.out(r.keepdims ? x : dropAxes(n, x, r.axes));
}

ValueId meanOver(NodeReader &n, ValueId x, Ints axes, bool keepdims) {
  if (n.failed())
    return {};
  int64_t count = 1;
  for (int64_t a : axes)
    count *= n.shape(x)[a];
  if (count == 0) {
    n.fail("the mean of no elements");
    return {};
  }
  ValueId sum = n.reduce(Opcode::ReduceSum, x, axes, keepdims);
  if (n.elem(x) == Elem::F32)
    return n.mul(sum, 1.0 / count);
  return n.div(sum, n.scalar(count, n.elem(x)));
}

void reduceMean(NodeReader &n) {
  Reduction r = read(n);
  if (!n.failed())
    n.out(meanOver(n, r.x, r.axes, r.keepdims));
}

static ValueId squares(NodeReader &n, const Reduction &r) {
  return apply(n, Opcode::ReduceSum, r, n.mul(r.x, r.x));
}

void reduceSumSquare(NodeReader &n) { n.out(squares(n, read(n))); }

void reduceL2(NodeReader &n) {
  n.out(n.unary(Opcode::Sqrt, squares(n, read(n))));
}

void reduceL1(NodeReader &n) {
  Reduction r = read(n);
  n.out(apply(n, Opcode::ReduceSum, r, n.unary(Opcode::Abs, r.x)));
}

void reduceLogSum(NodeReader &n) {
  Reduction r = read(n);
  n.out(n.unary(Opcode::Log, apply(n, Opcode::ReduceSum, r, r.x)));
}

void reduceLogSumExp(NodeReader &n) {
  Reduction r = read(n);
  if (r.nothing)
    return n.out(r.x);
  // max + log(sum(e^(x - max))), which cannot overflow.
  ValueId max = n.reduce(Opcode::ReduceMax, r.x, r.axes, true);
  ValueId sum =
      apply(n, Opcode::ReduceSum, r, n.unary(Opcode::Exp, n.sub(r.x, max)));
  if (!r.keepdims)
    max = dropAxes(n, max, r.axes);
  n.out(n.add(max, n.unary(Opcode::Log, sum)));
}

/// The first (or last) index of the extreme value. With positions counted so
/// that the wanted one is largest, it is the maximum over the tied positions.
static void argOf(NodeReader &n, Opcode extreme) {
  ValueId x = n.in(0);
  const int64_t axis = n.axis(n.attrInt("axis", 0), n.rank(x));
  if (n.failed() || n.rank(x) == 0)
    return n.fail("needs a tensor of rank 1 or more");
  const bool last = n.attrInt("select_last_index", 0);
  const bool keepdims = n.attrInt("keepdims", 1);
  const int64_t size = n.shape(x)[axis];
  Shape along(n.rank(x), 1);
  along[axis] = size;
  if (n.tooLarge(size))
    return;
  std::vector<int64_t> weight(size);
  for (int64_t i = 0; i < size; ++i)
    weight[i] = last ? i + 1 : size - i;
  ValueId best = n.reduce(extreme, x, {axis}, true);
  ValueId tied = n.cast(n.binary(Opcode::Equal, x, best), Elem::I64);
  ValueId top = n.reduce(Opcode::ReduceMax, n.mul(tied, n.ints(weight, along)),
                         {axis}, keepdims);
  n.out(last ? n.add(top, -1.0) : n.sub(n.scalar(size, Elem::I64), top));
}

void argMax(NodeReader &n) { argOf(n, Opcode::ReduceMax); }
void argMin(NodeReader &n) { argOf(n, Opcode::ReduceMin); }

} // namespace mpc::frontend::ops

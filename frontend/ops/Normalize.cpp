//===- frontend/ops/Normalize.cpp - softmax and normalizations
//-------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace mpc::frontend::ops {

/// Runs f(x, axis). Before opset 13 softmax treats the tensor as a matrix of
/// [product of axes before `axis`, product of the others].
static void alongAxis(NodeReader &n,
                      llvm::function_ref<ValueId(ValueId, int64_t)> f) {
  ValueId x = n.in(0);
  const Shape shape = n.shape(x);
  const int64_t rank = shape.size();
  if (n.elem(x) != Elem::F32)
    return n.fail("needs floats");
  const bool old = n.opset() < 13;
  int64_t given = n.attrInt("axis", old ? 1 : -1);
  if (old && given == rank) { // every element on its own
    return n.out(n.reshape(f(n.reshape(x, {n.numel(x), 1}), 1), shape));
  }
  const int64_t axis = n.axis(given, rank);
  if (n.failed())
    return;
  if (!old || axis == rank - 1)
    return n.out(f(x, axis));
  int64_t rows = ir::numelOf(Ints(shape).take_front(axis));
  int64_t columns = ir::numelOf(Ints(shape).drop_front(axis));
  n.out(n.reshape(f(n.reshape(x, {rows, columns}), 1), shape));
}

void softmax(NodeReader &n) {
  alongAxis(n, [&](ValueId x, int64_t axis) { return n.softmax(x, axis); });
}

ValueId logSoftmaxOf(NodeReader &n, ValueId x, int64_t axis) {
  ValueId max = n.reduce(Opcode::ReduceMax, x, {axis}, true);
  ValueId centred = n.sub(x, max);
  ValueId sum =
      n.reduce(Opcode::ReduceSum, n.unary(Opcode::Exp, centred), {axis}, true);
  return n.sub(centred, n.unary(Opcode::Log, sum));
}

void logSoftmax(NodeReader &n) {
  alongAxis(n,
            [&](ValueId x, int64_t axis) { return logSoftmaxOf(n, x, axis); });
}

/// The axes from `axis` to the last.
static Shape trailingAxes(NodeReader &n, ValueId x) {
  int64_t first = n.axis(n.attrInt("axis", -1), n.rank(x));
  Shape out;
  llvm::append_range(out, llvm::seq<int64_t>(first, n.rank(x)));
  return out;
}

static ValueId inverseDeviation(NodeReader &n, ValueId meanSquare,
                                double epsilon) {
  return n.unary(Opcode::Rsqrt, n.add(meanSquare, epsilon));
}

ValueId standardized(NodeReader &n, ValueId x, Ints axes, double epsilon,
                     ValueId *mean, ValueId *inverse) {
  ValueId m = meanOver(n, x, axes, true);
  ValueId centred = n.sub(x, m);
  ValueId variance = meanOver(n, n.mul(centred, centred), axes, true);
  ValueId i = inverseDeviation(n, variance, epsilon);
  if (mean)
    *mean = m;
  if (inverse)
    *inverse = i;
  return n.mul(centred, i);
}

ValueId rmsScaled(NodeReader &n, ValueId x, Ints axes, double epsilon) {
  ValueId square = meanOver(n, n.mul(x, x), axes, true);
  return n.mul(x, inverseDeviation(n, square, epsilon));
}

void layerNormalization(NodeReader &n) {
  ValueId x = n.in(0);
  Shape axes = trailingAxes(n, x);
  if (n.failed())
    return;
  ValueId mean, inverse;
  ValueId y = n.mul(
      standardized(n, x, axes, n.attrFloat("epsilon", 1e-5), &mean, &inverse),
      n.in(1));
  n.out(0, n.has(2) ? n.add(y, n.in(2)) : y);
  n.out(1, mean);
  n.out(2, inverse);
}

void rmsNormalization(NodeReader &n) {
  ValueId x = n.in(0);
  Shape axes = trailingAxes(n, x);
  if (n.failed())
    return;
  n.out(n.mul(rmsScaled(n, x, axes, n.attrFloat("epsilon", 1e-5)), n.in(1)));
}

ValueId alongChannels(NodeReader &n, ValueId v, int64_t rank) {
  if (n.rank(v) != 1) {
    n.fail("a parameter for every channel must have rank 1");
    return {};
  }
  Shape s(std::max<int64_t>(rank - 1, 1), 1);
  s[0] = n.numel(v);
  return n.reshape(v, s);
}

void batchNormalization(NodeReader &n) {
  const int64_t rank = n.rank(n.in(0));
  ValueId scale = n.in(1), bias = n.in(2), mean = n.in(3), variance = n.in(4);
  // y = x * a + b with a, b of the parameters only.
  ValueId a =
      n.mul(scale, inverseDeviation(n, variance, n.attrFloat("epsilon", 1e-5)));
  ValueId b = n.sub(bias, n.mul(mean, a));
  n.out(n.add(n.mul(n.in(0), alongChannels(n, a, rank)),
              alongChannels(n, b, rank)));
}

void instanceNormalization(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t rank = n.rank(x);
  if (rank < 3)
    return n.fail("needs a tensor of rank 3 or more");
  Shape axes;
  llvm::append_range(axes, llvm::seq<int64_t>(2, rank));
  ValueId y = standardized(n, x, axes, n.attrFloat("epsilon", 1e-5));
  n.out(n.add(n.mul(y, alongChannels(n, n.in(1), rank)),
              alongChannels(n, n.in(2), rank)));
}

/// Channels in groups; scale and bias for every group before opset 21, for
/// every channel since.
void groupNormalization(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape s = n.shape(x);
  const int64_t groups = n.attrInt("num_groups", 0);
  if (s.size() < 3 || groups < 1 || s[1] % groups)
    return n.fail("attribute 'num_groups' is " + llvm::Twine(groups) +
                  " for data of shape " + shapeStr(s));
  const int64_t each = s[1] / groups;
  ValueId y = standardized(
      n,
      n.reshape(
          x, {s[0], groups, n.numel(x) / std::max<int64_t>(1, s[0] * groups)}),
      {2}, n.attrFloat("epsilon", 1e-5));
  y = n.reshape(y, s);
  auto perChannel = [&](ValueId v) {
    if (n.opset() < 21 && each > 1) {
      v = n.reshape(
          n.broadcastTo(n.reshape(v, {n.numel(v), 1}), {n.numel(v), each}),
          {n.numel(v) * each});
    }
    return alongChannels(n, v, s.size());
  };
  n.out(n.add(n.mul(y, perChannel(n.in(1))), perChannel(n.in(2))));
}

void meanVarianceNormalization(NodeReader &n) {
  const Shape axes = n.axes(n.attrInts("axes", {0, 2, 3}), n.rank(n.in(0)));
  if (!n.failed())
    n.out(standardized(n, n.in(0), axes, 1e-9));
}

/// x / (bias + alpha / size * sum of squares of neighbouring channels)^beta
void lrn(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape s = n.shape(x);
  const int64_t size = n.attrInt("size", 0);
  if (s.size() < 2 || size < 1)
    return n.fail("attribute 'size' is " + llvm::Twine(size) +
                  " for data of shape " + shapeStr(s));
  const int64_t c = s[1];
  std::vector<float> window(c * c);
  for (int64_t i = 0; i < c; ++i)
    for (int64_t j = 0; j < c; ++j)
      window[i * c + j] = j >= i - (size - 1) / 2 && j <= i + size / 2;
  ValueId squares = n.reshape(n.mul(x, x), {s[0], c, n.numel(x) / (s[0] * c)});
  ValueId sums =
      n.reshape(n.matmul(n.floats(std::move(window), {c, c}), squares), s);
  ValueId base = n.add(n.mul(sums, n.attrFloat("alpha", 1e-4) / size),
                       n.attrFloat("bias", 1));
  n.out(n.mul(
      x, n.binary(Opcode::Pow, base, n.scalar(-n.attrFloat("beta", 0.75)))));
}

void lpNormalization(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t axis = n.axis(n.attrInt("axis", -1), n.rank(x));
  const int64_t p = n.attrInt("p", 2);
  if (n.failed())
    return;
  if (p == 1)
    return n.out(n.div(
        x, n.reduce(Opcode::ReduceSum, n.unary(Opcode::Abs, x), {axis}, true)));
  if (p != 2)
    return n.fail("attribute 'p' is " + llvm::Twine(p));
  ValueId sum = n.reduce(Opcode::ReduceSum, n.mul(x, x), {axis}, true);
  n.out(n.mul(x, n.unary(Opcode::Rsqrt, sum)));
}

} // namespace mpc::frontend::ops

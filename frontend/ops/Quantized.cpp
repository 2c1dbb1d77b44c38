//===- frontend/ops/Quantized.cpp - integers with a scale -----------------===//
//
// Quantized weights become the reals that they stand for; products of integers
// are exact. Quantizing secret reals is not supported: the step that a value
// rounds to would have to be right to the last bit.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"

namespace mpc::frontend::ops {

/// A value for every index of one axis, or one for all.
static ValueId alongAxis(NodeReader &n, ValueId v, ValueId x, int64_t axis) {
  if (n.numel(v) == 1)
    return n.reshape(v, {});
  Shape s(n.rank(x), 1);
  if (n.rank(v) != 1 || axis >= n.rank(x) || n.shape(x)[axis] != n.numel(v)) {
    n.fail("parameters of shape " + shapeStr(n.shape(v)) + " along axis " +
           llvm::Twine(axis) + " of " + shapeStr(n.shape(x)));
    return {};
  }
  s[axis] = n.numel(v);
  return n.reshape(v, s);
}

void dequantizeLinear(NodeReader &n) {
  ValueId x = n.in(0);
  const int64_t rank = n.rank(x);
  int64_t axis = n.attrInt("axis", 1);
  if (n.numel(n.in(1)) != 1)
    axis = n.axis(axis, rank);
  if (n.failed())
    return;
  ValueId y = n.cast(x, Elem::F32);
  if (n.has(2))
    y = n.sub(y, n.cast(alongAxis(n, n.in(2), x, axis), Elem::F32));
  n.out(n.mul(y, alongAxis(n, n.in(1), x, axis)));
}

/// An integer operand less its zero point.
static ValueId centred(NodeReader &n, size_t operand, size_t zeroPoint,
                       int64_t axis) {
  ValueId x = n.in(operand);
  if (!n.has(zeroPoint))
    return x;
  return n.sub(x, alongAxis(n, n.in(zeroPoint), x, axis));
}

void matMulInteger(NodeReader &n) {
  const int64_t ra = n.rank(n.in(0)), rb = n.rank(n.in(1));
  if (ra < 2 || rb < 2)
    return n.fail("needs two matrices");
  n.out(n.matmul(centred(n, 0, 2, ra - 2), centred(n, 1, 3, rb - 1)));
}

void convInteger(NodeReader &n) {
  if (n.has(2) && n.numel(n.in(2)) != 1)
    return n.fail("input 2 (x_zero_point) must be one number");
  ValueId x = centred(n, 0, 2, 0), w = centred(n, 1, 3, 0);
  if (!n.failed())
    n.out(convOf(n, x, w));
}

} // namespace mpc::frontend::ops

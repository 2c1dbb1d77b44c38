//===- frontend/ops/Elementwise.cpp - arithmetic, element by element
//-------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace mpc::frontend::ops {

#define UNARY(handler, Op)                                                     \
  void handler(NodeReader &n) { n.out(n.unary(Opcode::Op, n.in(0))); }
UNARY(absolute, Abs)
UNARY(neg, Neg)
UNARY(sign, Sign)
UNARY(floor, Floor)
UNARY(ceil, Ceil)
UNARY(round, Round)
UNARY(exp, Exp)
UNARY(log, Log)
UNARY(sqrt, Sqrt)
UNARY(reciprocal, Recip)
UNARY(erf, Erf)
UNARY(tanh, Tanh)
UNARY(sigmoid, Sigmoid)
UNARY(sine, Sin)
UNARY(cosine, Cos)
UNARY(relu, Relu)
UNARY(logicalNot, Not)
#undef UNARY

#define BINARY(handler, Op)                                                    \
  void handler(NodeReader &n) { n.out(n.binary(Opcode::Op, n.in(0), n.in(1))); }
BINARY(add, Add)
BINARY(sub, Sub)
BINARY(mul, Mul)
BINARY(div, Div)
BINARY(less, Less)
BINARY(lessOrEqual, LessEqual)
BINARY(logicalAnd, And)
BINARY(logicalOr, Or)
BINARY(logicalXor, Xor)
#undef BINARY

void greater(NodeReader &n) { n.out(n.binary(Opcode::Less, n.in(1), n.in(0))); }

void greaterOrEqual(NodeReader &n) {
  n.out(n.binary(Opcode::LessEqual, n.in(1), n.in(0)));
}

void equal(NodeReader &n) {
  if (n.elem(n.in(0)) == Elem::Bool) // equality of truth values
    n.out(n.unary(Opcode::Not, n.binary(Opcode::Xor, n.in(0), n.in(1))));
  else
    n.out(n.binary(Opcode::Equal, n.in(0), n.in(1)));
}

void where(NodeReader &n) { n.out(n.select(n.in(0), n.in(1), n.in(2))); }

static ValueId foldLeft(NodeReader &n, Opcode op) {
  ValueId v = n.in(0);
  for (size_t i = 1; i < n.numInputs(); ++i)
    v = n.binary(op, v, n.in(i));
  return v;
}

void maximum(NodeReader &n) { n.out(foldLeft(n, Opcode::Max)); }
void minimum(NodeReader &n) { n.out(foldLeft(n, Opcode::Min)); }
void sum(NodeReader &n) { n.out(foldLeft(n, Opcode::Add)); }

void mean(NodeReader &n) {
  n.out(n.mul(foldLeft(n, Opcode::Add), 1.0 / n.numInputs()));
}

void mod(NodeReader &n) {
  bool fmod = n.attrInt("fmod", 0);
  if (n.elem(n.in(0)) == Elem::F32 && !fmod)
    return n.fail("attribute 'fmod' is 0; floats need 1");
  n.out(n.mod(n.in(0), n.in(1), fmod));
}

void pow(NodeReader &n) {
  ValueId x = n.in(0), y = n.in(1);
  const Elem result = n.elem(x);
  if (result == Elem::I64 && n.elem(y) == Elem::F32) {
    // Cut to an integer, the error of an approximation may be a whole one.
    if (!n.failed() && !n.known(y))
      return n.fail("an integer raised to a secret real power: the result's "
                    "rounding is not defined");
    x = n.cast(x, Elem::F32);
  }
  n.out(n.cast(n.binary(Opcode::Pow, x, n.cast(y, n.elem(x))), result));
}

void clip(NodeReader &n) {
  ValueId x = n.in(0);
  const Elem e = n.elem(x);
  ValueId lo, hi;
  if (n.opset() < 11) {
    if (n.hasAttr("min"))
      lo = n.scalar(n.attrFloat("min", 0), e);
    if (n.hasAttr("max"))
      hi = n.scalar(n.attrFloat("max", 0), e);
  } else {
    lo = n.has(1) ? n.in(1) : ValueId{};
    hi = n.has(2) ? n.in(2) : ValueId{};
  }
  if (lo.valid())
    x = n.binary(Opcode::Max, x, lo);
  if (hi.valid())
    x = n.binary(Opcode::Min, x, hi);
  n.out(x);
}

static void castTo(NodeReader &n, int32_t type) {
  auto elem = elemOf(type);
  if (!elem)
    return n.fail("conversion to " + onnxTypeName(type) + " is not supported");
  ValueId v = n.cast(n.in(0), *elem);
  // Known integers take the width they are converted to.
  if (const ConstData *d = n.known(v);
      d && *elem == Elem::I64 &&
      llvm::any_of(d->ints, [&](int64_t x) { return wrapTo(type, x) != x; })) {
    ConstData wrapped = *d;
    for (int64_t &x : wrapped.ints)
      x = wrapTo(type, x);
    v = n.constant(std::move(wrapped));
  }
  n.out(v);
}

void cast(NodeReader &n) {
  castTo(n, static_cast<int32_t>(n.attrInt("to", 0)));
}

void castLike(NodeReader &n) { n.out(n.cast(n.in(0), n.elem(n.in(1)))); }

/// A test of floats that fixed-point values cannot pass.
static void classify(NodeReader &n, bool (*test)(NodeReader &, float)) {
  if (n.elem(n.in(0)) != Elem::F32)
    return n.fail("needs floats");
  if (n.tooLarge(n.numel(n.in(0))))
    return;
  ConstData d;
  d.elem = Elem::Bool;
  d.shape = n.shape(n.in(0));
  if (const ConstData *k = n.known(n.in(0)))
    for (float x : k->floats)
      d.ints.push_back(test(n, x));
  else
    d.ints.assign(n.numel(n.in(0)), 0);
  n.out(n.constant(std::move(d)));
}

void isNaN(NodeReader &n) {
  classify(n, [](NodeReader &, float x) { return std::isnan(x); });
}

void isInf(NodeReader &n) {
  classify(n, [](NodeReader &r, float x) {
    return std::isinf(x) &&
           r.attrInt(x < 0 ? "detect_negative" : "detect_positive", 1) != 0;
  });
}

} // namespace mpc::frontend::ops

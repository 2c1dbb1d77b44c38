//===- frontend/ops/Activation.cpp - activations from elementary steps
//-----===//
//
// Each becomes a few elementwise ops of one tensor; the compiler fuses those
// again into one function, so nothing is lost by not naming it.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include <cmath>

namespace mpc::frontend::ops {

static ValueId expOf(NodeReader &n, ValueId x) {
  return n.unary(Opcode::Exp, x);
}

/// max(x, 0) + scale * (exp(min(x, 0) / width) - 1)
static ValueId expTail(NodeReader &n, double scale, double width) {
  ValueId x = n.in(0);
  ValueId tail = expOf(n, n.mul(n.min(x, 0), 1 / width));
  return n.add(n.unary(Opcode::Relu, x), n.mul(n.add(tail, -1.0), scale));
}

void elu(NodeReader &n) { n.out(expTail(n, n.attrFloat("alpha", 1), 1)); }

void celu(NodeReader &n) {
  double alpha = n.attrFloat("alpha", 1);
  if (alpha == 0)
    return n.fail("attribute 'alpha' is 0");
  n.out(expTail(n, alpha, alpha));
}

void selu(NodeReader &n) {
  double alpha = n.attrFloat("alpha", 1.67326319217681884765625);
  double gamma = n.attrFloat("gamma", 1.05070102214813232421875);
  n.out(n.mul(expTail(n, alpha, 1), gamma));
}

void leakyRelu(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.add(n.unary(Opcode::Relu, x),
              n.mul(n.min(x, 0), n.attrFloat("alpha", 0.01))));
}

void pRelu(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.add(n.unary(Opcode::Relu, x), n.mul(n.min(x, 0), n.in(1))));
}

void thresholdedRelu(NodeReader &n) {
  ValueId x = n.in(0);
  ValueId keep = n.binary(Opcode::Less, n.scalar(n.attrFloat("alpha", 1)), x);
  n.out(n.select(keep, x, n.scalar(0)));
}

/// log(1 + e^x) without overflow: max(x, 0) + log(1 + e^-|x|).
static ValueId softplusOf(NodeReader &n, ValueId x) {
  ValueId small = expOf(n, n.unary(Opcode::Neg, n.unary(Opcode::Abs, x)));
  return n.add(n.unary(Opcode::Relu, x),
               n.unary(Opcode::Log, n.add(small, 1.0)));
}

void softplus(NodeReader &n) { n.out(softplusOf(n, n.in(0))); }

void softsign(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.div(x, n.add(n.unary(Opcode::Abs, x), 1.0)));
}

void mish(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.mul(x, n.unary(Opcode::Tanh, softplusOf(n, x))));
}

static ValueId hardSigmoidOf(NodeReader &n, double alpha, double beta) {
  ValueId y = n.add(n.mul(n.in(0), alpha), beta);
  return n.min(n.max(y, 0), 1);
}

void hardSigmoid(NodeReader &n) {
  n.out(hardSigmoidOf(n, n.attrFloat("alpha", 0.2), n.attrFloat("beta", 0.5)));
}

void hardSwish(NodeReader &n) {
  n.out(n.mul(n.in(0), hardSigmoidOf(n, 1.0 / 6, 0.5)));
}

void swish(NodeReader &n) {
  ValueId x = n.in(0);
  double alpha = n.attrFloat("alpha", 1);
  ValueId scaled = alpha == 1 ? x : n.mul(x, alpha);
  n.out(n.mul(x, n.unary(Opcode::Sigmoid, scaled)));
}

ValueId geluOf(NodeReader &n, ValueId x, bool byTanh) {
  ValueId inner;
  if (byTanh) {
    ValueId cube = n.mul(n.mul(x, x), x);
    ValueId y = n.add(x, n.mul(cube, 0.044715));
    inner = n.unary(Opcode::Tanh, n.mul(y, std::sqrt(2 / M_PI)));
  } else {
    inner = n.unary(Opcode::Erf, n.mul(x, std::sqrt(0.5)));
  }
  return n.mul(n.mul(x, 0.5), n.add(inner, 1.0));
}

void gelu(NodeReader &n) {
  const std::string how = n.attrStr("approximate", "none");
  if (how != "none" && how != "tanh")
    return n.fail("attribute 'approximate' is " + how +
                  "; only none and tanh are supported");
  n.out(geluOf(n, n.in(0), how == "tanh"));
}

/// x + bias below -lambd, x - bias above lambd, else 0.
void shrink(NodeReader &n) {
  ValueId x = n.in(0);
  const double bias = n.attrFloat("bias", 0), lambd = n.attrFloat("lambd", 0.5);
  const Elem e = n.elem(x);
  if (e != Elem::F32)
    return n.fail("needs floats");
  ValueId zero = n.scalar(0);
  ValueId below = n.binary(Opcode::Less, x, n.scalar(-lambd));
  ValueId above = n.binary(Opcode::Less, n.scalar(lambd), x);
  n.out(n.add(n.select(below, n.add(x, bias), zero),
              n.select(above, n.add(x, -bias), zero)));
}

} // namespace mpc::frontend::ops

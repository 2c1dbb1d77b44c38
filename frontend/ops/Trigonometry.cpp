//===- frontend/ops/Trigonometry.cpp - sines, tangents, inverses ----------===//
//
// From exp, log, sin, cos and atan; the compiler fuses each into one function
// and fits that, so the steps in between cost and lose nothing.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include <cmath>

namespace mpc::frontend::ops {

void tangent(NodeReader &n) {
  ValueId x = n.in(0);
  n.out(n.div(n.unary(Opcode::Sin, x), n.unary(Opcode::Cos, x)));
}

/// e^x + sign * e^-x, halved.
static void hyperbolic(NodeReader &n, double sign) {
  ValueId x = n.in(0);
  ValueId down = n.unary(Opcode::Exp, n.unary(Opcode::Neg, x));
  n.out(n.mul(n.add(n.unary(Opcode::Exp, x), n.mul(down, sign)), 0.5));
}
void hyperbolicSine(NodeReader &n) { hyperbolic(n, -1); }
void hyperbolicCosine(NodeReader &n) { hyperbolic(n, 1); }

void arcTangent(NodeReader &n) { n.out(n.unary(Opcode::Atan, n.in(0))); }

/// atan(x / sqrt(1 - x^2)), right at -1 and 1 too.
static ValueId arcSineOf(NodeReader &n) {
  ValueId x = n.in(0);
  ValueId rest = n.add(n.mul(n.mul(x, x), -1.0), 1.0);
  return n.unary(Opcode::Atan, n.div(x, n.unary(Opcode::Sqrt, rest)));
}
void arcSine(NodeReader &n) { n.out(arcSineOf(n)); }
void arcCosine(NodeReader &n) {
  n.out(n.add(n.mul(arcSineOf(n), -1.0), M_PI / 2));
}

/// log(x + sqrt(x^2 + c))
static void area(NodeReader &n, double c) {
  ValueId x = n.in(0);
  ValueId root = n.unary(Opcode::Sqrt, n.add(n.mul(x, x), c));
  n.out(n.unary(Opcode::Log, n.add(x, root)));
}
void areaSine(NodeReader &n) { area(n, 1); }
void areaCosine(NodeReader &n) { area(n, -1); }

void areaTangent(NodeReader &n) {
  ValueId x = n.in(0);
  ValueId ratio = n.div(n.add(x, 1.0), n.add(n.mul(x, -1.0), 1.0));
  n.out(n.mul(n.unary(Opcode::Log, ratio), 0.5));
}

} // namespace mpc::frontend::ops

//===- ir/VerifierTensor.cpp - rules 22 to 28 -----------------------------===//
#include "ir/VerifierImpl.h"

namespace mpc::ir::detail {

/// Operands from `first` on have one of the element types, all the same.
bool OpChecker::elementTypes(bool f32, bool i64, bool boolean) {
  size_t first = op_.opcode == Opcode::Select ? 1 : 0;
  for (size_t i = first; i < numOperands(); ++i) {
    Elem e = operand(i).elem;
    bool ok = e == Elem::F32   ? f32
              : e == Elem::I64 ? i64
                               : e == Elem::Bool && boolean;
    if (!require(ok, "is not defined for " + name(e)) ||
        !require(e == operand(first).elem,
                 "mixes " + name(operand(first).elem) + " and " + name(e)))
      return false;
  }
  Elem expected = yieldsBool(op_.opcode) ? Elem::Bool : operand(first).elem;
  return require(result().elem == expected,
                 "gives " + name(expected) + ", not " + name(result().elem));
}

bool OpChecker::elementwise() {
  switch (op_.opcode) {
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Mul:
  case Opcode::Div:
  case Opcode::Mod:
  case Opcode::Pow:
  case Opcode::Max:
  case Opcode::Min:
  case Opcode::Neg:
  case Opcode::Abs:
  case Opcode::Sign:
  case Opcode::Relu:
  case Opcode::Less:
  case Opcode::LessEqual:
    return elementTypes(true, true, false);
  case Opcode::Equal:
    return elementTypes(true, true, true);
  case Opcode::And:
  case Opcode::Or:
  case Opcode::Xor:
  case Opcode::Not:
    return elementTypes(false, false, true);
  case Opcode::Select:
    return require(operand(0).elem == Elem::Bool, "needs a bool condition") &&
           elementTypes(true, true, true);
  default:
    return elementTypes(true, false, false);
  }
}

bool OpChecker::checkTensor() {
  const Type &a = operand(0), &t = result();
  switch (op_.opcode) {
  case Opcode::Map:
    return shapeOfOperand(0) && expr() &&
           require(a.elem != Elem::Bool, "is not defined for bool") &&
           require(t.elem != Elem::I64, "gives f32 or bool, not i64");
  case Opcode::Cast:
    return shapeOfOperand(0);
  case Opcode::ReduceSum:
  case Opcode::ReduceMax:
  case Opcode::ReduceMin:
  case Opcode::ReduceProd:
    return shapeReduced() && elementTypes(true, true, false);
  case Opcode::Softmax:
    if (!shapeOfOperand(0) || !axisIn(a) ||
        !require(a.elem == Elem::F32 && t.elem == Elem::F32,
                 "is defined for f32 only") ||
        !segmentsFill(op_.intAttr("axis")))
      return false;
    if (numOperands() == 1)
      return true;
    if (numOperands() == 3 &&
        (!require(operand(2).elem == Elem::Bool,
                  "needs a mask that is a bool") ||
         !require(broadcastsTo(operand(2).shape, a.shape),
                  "mask " + shapeText(operand(2).shape) +
                      " does not broadcast to " + shapeText(a.shape))))
      return false;
    return require(operand(1).elem == Elem::Bool && operand(1).isPublic(),
                   "needs a mask that is a public bool") &&
           require(broadcastsTo(operand(1).shape, a.shape),
                   "mask " + shapeText(operand(1).shape) +
                       " does not broadcast to " + shapeText(a.shape));
  case Opcode::MatMul:
    return shapeMatMul() && elementTypes(true, true, false);
  case Opcode::FlatIndex: {
    for (const char *key : {"outer", "rows", "inner"})
      if (!intAttrIn(key, 0, int64_t(1) << 40))
        return false;
    const auto n =
        checkedNumel({op_.intAttr("outer"), a.numel(), op_.intAttr("inner")});
    return require(a.elem == Elem::I64 && t.elem == Elem::I64,
                   "is defined for i64 only") &&
           require(n && *n == t.numel(),
                   "gives outer x n x inner indices, not " + t.str());
  }
  case Opcode::Gather:
    return require(operand(1).elem == Elem::I64, "needs i64 indices") &&
           axisIn(a) &&
           shapeIs(gatherShape(a.shape, operand(1).shape, op_.intAttr("axis")),
                   "") &&
           require(t.elem == a.elem,
                   "gives " + name(a.elem) + ", not " + name(t.elem));
  default:
    return shapeBroadcast() && elementwise();
  }
}

} // namespace mpc::ir::detail

//===- ir/VerifierFixed.cpp - rules 24, 29 to 36 --------------------------===//
#include "ir/Guard.h"
#include "ir/VerifierImpl.h"

namespace mpc::ir::detail {

using llvm::Twine;

bool OpChecker::isFx(size_t i) {
  return require(operand(i).isFx(),
                 "needs an fx operand, got " + operand(i).str());
}

bool OpChecker::fxResult() {
  return require(result().isFx(), "gives fx, not " + result().str());
}

bool OpChecker::fracIs(int64_t expected) {
  return fxResult() &&
         require(result().frac == expected, "has " + Twine(result().frac) +
                                                " fraction bits, expected " +
                                                Twine(expected));
}

bool OpChecker::equalFrac(size_t i, size_t j) {
  return isFx(i) && isFx(j) &&
         require(operand(i).frac == operand(j).frac,
                 "operands have " + Twine(operand(i).frac) + " and " +
                     Twine(operand(j).frac) + " fraction bits");
}

bool OpChecker::equalRing(const Type &a, const Type &b) {
  if (a.ring == 0 || b.ring == 0 || a.isPublic() || b.isPublic())
    return true;
  return require(a.ring == b.ring, "mixes rings of " + Twine(unsigned(a.ring)) +
                                       " and " + Twine(unsigned(b.ring)) +
                                       " bits");
}

bool OpChecker::ringOfOperands() {
  for (size_t i = 0; i < numOperands(); ++i)
    for (size_t j = 0; j <= i; ++j)
      if (operand(i).isFx() && operand(j).isFx() &&
          !equalRing(operand(j), j == i ? result() : operand(i)))
        return false;
  return true;
}

bool OpChecker::trunc(int64_t minBits) {
  const Type &a = operand(0), &t = result();
  int64_t bits = op_.intAttr("bits");
  int64_t maxBits = a.ring ? a.ring - 1 : 63;
  if (!isFx(0) ||
      !require(minBits <= bits && bits <= maxBits,
               "takes bits in [" + Twine(minBits) + "," + Twine(maxBits) +
                   "] for " + a.str() + ", got " + Twine(bits)) ||
      !fracIs(a.frac - bits))
    return false;
  return a.ring == 0 || t.ring == 0 ||
         require(t.ring == a.ring - bits,
                 "has a ring of " + Twine(unsigned(t.ring)) +
                     " bits, expected " + Twine(a.ring - bits));
}

bool OpChecker::shl() {
  return isFx(0) && intAttrIn("bits", 1, 63) &&
         fracIs(operand(0).frac + op_.intAttr("bits")) && ringOfOperands();
}

bool OpChecker::extend() {
  const Type &a = operand(0), &t = result();
  if (!isFx(0) || !fracIs(a.frac))
    return false;
  if (a.ring == 0 || t.ring == 0)
    return true;
  return require(t.ring > a.ring, "extends a ring of " +
                                      Twine(unsigned(a.ring)) + " bits to " +
                                      Twine(unsigned(t.ring))) &&
         require(a.intBits + a.frac + 2 <= a.ring,
                 a.str() + " has no free bit: it needs intBits + frac + 2 <= "
                           "ring");
}

bool OpChecker::tableShape() {
  return intAttrIn("window", 1, 64) &&
         intAttrIn("depth", 0, op_.intAttr("window")) &&
         (!op_.hasAttr("degree") || intAttrIn("degree", 0, 63));
}

bool OpChecker::fourierTable() {
  const size_t n = op_.intsAttr("coeffs").size();
  return intAttrIn("window", 2, 44) &&
         intAttrIn("step", 1, (int64_t(1) << op_.intAttr("window")) - 1) &&
         require(n != 0 && n % 4 == 0 && n <= 4 * 64,
                 "takes 1 to 64 harmonics of 4 numbers, got " + Twine(n) +
                     " numbers");
}

/// lo <= hi, links of four numbers, 64 bools.
bool OpChecker::rangeLinks() {
  const size_t n = op_.intsAttr("links").size();
  for (const char *key : {"lo", "hi"})
    if (!require(std::holds_alternative<int64_t>(*op_.attr(key)),
                 Twine("needs an integer ") + key))
      return false;
  return require(op_.intAttr("lo") <= op_.intAttr("hi"), "needs lo <= hi") &&
         require(n != 0 && n % 4 == 0 && n <= 4 * 32,
                 "takes 1 to 32 links of 4 numbers, got " + Twine(n) +
                     " numbers") &&
         shapeIs(Shape{kGuardBits}, "") &&
         require(result().elem == Elem::Bool,
                 "gives bool, not " + result().str());
}

/// Bools in, the broadcast shape and a bool out.
bool OpChecker::boolOp() {
  for (size_t i = 0; i < numOperands(); ++i)
    if (!require(operand(i).elem == Elem::Bool,
                 "needs bool operands, got " + operand(i).str()))
      return false;
  return shapeBroadcast() && require(result().elem == Elem::Bool,
                                     "gives bool, not " + result().str());
}

bool OpChecker::fixedGather() {
  const Type &data = operand(0), &index = operand(1);
  return require(index.elem == Elem::I64 || (index.isFx() && index.frac == 0),
                 "needs an integer index, got " + index.str()) &&
         axisIn(data) &&
         intAttrIn("rows", 1, data.shape[op_.intAttr("axis")]) &&
         shapeIs(gatherShape(data.shape, index.shape, op_.intAttr("axis")),
                 "") &&
         isFx(0) && fracIs(data.frac) && equalRing(data, result());
}

bool OpChecker::checkFixed() {
  const Type &a = operand(0), &t = result();
  switch (op_.opcode) {
  case Opcode::FixedAdd:
  case Opcode::FixedSub:
    return shapeBroadcast() && equalFrac(0, 1) && fracIs(a.frac) &&
           ringOfOperands();
  case Opcode::FixedNeg:
  case Opcode::FixedMask:
    return shapeOfOperand(0) && isFx(0) && fracIs(a.frac) && ringOfOperands();
  case Opcode::FixedMul:
    return shapeBroadcast() && isFx(0) && isFx(1) &&
           fracIs(a.frac + operand(1).frac) && ringOfOperands();
  case Opcode::FixedMatMul:
    return shapeMatMul() && isFx(0) && isFx(1) &&
           fracIs(a.frac + operand(1).frac) && ringOfOperands();
  case Opcode::FixedReduceSum:
  case Opcode::FixedReduceMax:
    return shapeReduced() && isFx(0) && fracIs(a.frac) && ringOfOperands();
  case Opcode::FixedRescale:
    return shapeOfOperand(0) && isFx(0) && fxResult();
  case Opcode::FixedShl:
    return shapeOfOperand(0) && shl();
  case Opcode::FixedTrunc:
    return shapeOfOperand(0) && trunc(1);
  case Opcode::FixedExtend:
    return shapeOfOperand(0) && extend();
  case Opcode::FixedDrop:
    return shapeOfOperand(0) && isFx(0) && fracIs(a.frac) &&
           (a.ring == 0 || t.ring == 0 ||
            require(t.ring < a.ring, "drops a ring of " +
                                         Twine(unsigned(a.ring)) + " bits to " +
                                         Twine(unsigned(t.ring))));
  case Opcode::FixedMap:
    return shapeOfOperand(0) && isFx(0) && fxResult() && expr() && domain();
  case Opcode::FixedSpline:
  case Opcode::FixedExp:
    return shapeOfOperand(0) && isFx(0) && fxResult() && tableShape();
  case Opcode::FixedFourier:
    return shapeOfOperand(0) && isFx(0) && fxResult() && fourierTable();
  case Opcode::FixedLess:
  case Opcode::FixedEqual:
    return shapeBroadcast() && equalFrac(0, 1) && ringOfOperands() &&
           require(t.elem == Elem::Bool, "gives bool, not " + t.str());
  case Opcode::FixedAnd:
  case Opcode::FixedXor:
  case Opcode::FixedNot:
    return boolOp();
  case Opcode::FixedSelect:
    return require(a.elem == Elem::Bool, "needs a bool condition") &&
           shapeBroadcast() && equalFrac(1, 2) && fracIs(operand(1).frac) &&
           ringOfOperands();
  case Opcode::FixedFromBool:
    return shapeOfOperand(0) &&
           require(a.elem == Elem::Bool, "needs a bool operand") && fracIs(0);
  case Opcode::FixedGather:
    return fixedGather();
  case Opcode::FixedInRange:
    return isFx(0) && rangeLinks() &&
           require(a.frac == op_.intAttr("frac"),
                   "is for " + Twine(op_.intAttr("frac")) +
                       " fraction bits, the operand has " + Twine(a.frac));
  case Opcode::FixedAssume:
    return shapeOfOperand(0) && isFx(0) && fracIs(a.frac);
  default:
    return fail("has no rules");
  }
}

} // namespace mpc::ir::detail

//===- ir/VerifierShare.cpp - rules 37 to 39 ------------------------------===//
#include "ir/VerifierImpl.h"

namespace mpc::ir::detail {

using llvm::Twine;

bool OpChecker::formIs(size_t i, Form form) {
  return require(operand(i).form == form, "needs operand " + Twine(i) +
                                              " in form " + name(form) +
                                              ", got " + operand(i).str());
}

bool OpChecker::resultForm(Form form) {
  return require(result().form == form,
                 "gives form " + name(form) + ", not " + result().str());
}

/// A local linear map: works on masked and additive values alike.
bool OpChecker::linear(size_t i) {
  Form form = operand(i).form;
  return require(form == Form::Masked || form == Form::Additive,
                 "needs a masked or additive operand, got " +
                     operand(i).str()) &&
         resultForm(form);
}

bool OpChecker::shareAdd() {
  const Type &a = operand(0), &b = operand(1);
  return require(a.form != Form::None || b.form != Form::None,
                 "needs a shared operand") &&
         require(a.form == b.form || a.isPublic() || b.isPublic(),
                 "mixes " + a.str() + " and " + b.str()) &&
         linear(a.form == Form::None ? 1 : 0) && equalFrac(0, 1) &&
         fracIs(a.frac) && ringOfOperands();
}

bool OpChecker::checkShare() {
  const Type &a = operand(0), &t = result();
  auto fracSum = [&] {
    return isFx(0) && isFx(1) && fracIs(a.frac + operand(1).frac) &&
           ringOfOperands();
  };
  auto sameFrac = [&] { return fracIs(a.frac) && ringOfOperands(); };
  switch (op_.opcode) {
  case Opcode::ShareAdd:
  case Opcode::ShareSub:
    return shapeBroadcast() && shareAdd();
  case Opcode::ShareNeg:
    return shapeOfOperand(0) && linear(0) && sameFrac();
  case Opcode::ShareMulPublic:
    return shapeBroadcast() && linear(0) &&
           require(operand(1).isPublic(), "needs a public operand 1") &&
           fracSum();
  case Opcode::ShareMatMulPublic:
    return intAttrIn("side", 0, 1) && shapeMatMul() &&
           require(operand(op_.intAttr("side")).isPublic(),
                   "needs a public operand " + Twine(op_.intAttr("side"))) &&
           linear(1 - op_.intAttr("side")) && fracSum();
  case Opcode::ShareReduceSum:
    return shapeReduced() && linear(0) && sameFrac();
  case Opcode::ShareShl:
    return shapeOfOperand(0) && linear(0) && shl();
  case Opcode::ShareDrop:
    return shapeOfOperand(0) && linear(0) && fracIs(a.frac) &&
           require(t.ring < a.ring, "drops a ring of " +
                                        Twine(unsigned(a.ring)) + " bits to " +
                                        Twine(unsigned(t.ring)));
  case Opcode::ShareToAdditive:
    return shapeOfOperand(0) && formIs(0, Form::Masked) &&
           resultForm(Form::Additive) && sameFrac();
  case Opcode::ShareMul:
  case Opcode::ShareMatMul:
    return (op_.opcode == Opcode::ShareMul ? shapeBroadcast()
                                           : shapeMatMul()) &&
           formIs(0, Form::Masked) && formIs(1, Form::Masked) &&
           resultForm(Form::Additive) && fracSum();
  case Opcode::ShareTrunc:
    return shapeOfOperand(0) && formIs(0, Form::Additive) &&
           resultForm(Form::Masked) && trunc(0);
  case Opcode::ShareExtend:
    return shapeOfOperand(0) && formIs(0, Form::Masked) &&
           resultForm(Form::Masked) && extend();
  case Opcode::ShareSpline:
  case Opcode::ShareExp:
    return shapeOfOperand(0) && formIs(0, Form::Masked) &&
           resultForm(Form::Additive) && tableShape();
  case Opcode::ShareFourier:
    return shapeOfOperand(0) && formIs(0, Form::Masked) &&
           resultForm(Form::Additive) && fourierTable();
  case Opcode::ShareDigits:
    return formIs(0, Form::Masked) && resultForm(Form::Bits) &&
           intAttrIn("window", 1, 64) && intAttrIn("digit", 1, 16);
  case Opcode::ShareSign:
    return shapeOfOperand(1) && formIs(0, Form::Bits) &&
           formIs(1, Form::Masked) && resultForm(Form::Bits) &&
           intAttrIn("window", 1, 64) && intAttrIn("digit", 1, 16);
  case Opcode::ShareBitXor:
    return require(a.form == Form::Bits || operand(1).form == Form::Bits,
                   "needs a shared operand") &&
           boolOp() && resultForm(Form::Bits);
  case Opcode::ShareBitNot:
  case Opcode::ShareBitAnd:
  case Opcode::ShareBitMux:
    for (size_t i = 0; i < numOperands(); ++i)
      if (!formIs(i, Form::Bits))
        return false;
    return boolOp() && resultForm(Form::Bits);
  case Opcode::ShareFromBits:
    return shapeOfOperand(0) && formIs(0, Form::Bits) &&
           resultForm(Form::Additive) && fracIs(0);
  case Opcode::ShareBitMul:
    return shapeBroadcast() && formIs(0, Form::Bits) &&
           formIs(1, Form::Masked) && resultForm(Form::Additive) &&
           fracIs(operand(1).frac) && equalRing(operand(1), t);
  case Opcode::ShareInRange:
    return formIs(0, Form::Masked) && rangeLinks() && resultForm(Form::Bits);
  case Opcode::ShareOneHot:
  case Opcode::ShareOneHotBits: {
    Shape shape = a.shape;
    shape.push_back(op_.intAttr("rows"));
    return intAttrIn("rows", 1, int64_t(1) << 32) && shapeIs(shape, "") &&
           formIs(0, Form::Masked) &&
           (op_.opcode == Opcode::ShareOneHot
                ? resultForm(Form::Additive) && fracIs(0)
                : resultForm(Form::Bits));
  }
  case Opcode::ShareSelectWords: {
    const Type &table = operand(1);
    if (!require(a.rank() == 2 && table.rank() == 2 &&
                     a.shape[1] == table.shape[0],
                 "takes bits [n, rows] and words [rows, d]"))
      return false;
    return shapeIs(Shape{a.shape[0], table.shape[1]}, "") &&
           formIs(0, Form::Bits) && formIs(1, Form::Words) &&
           resultForm(Form::Words) && fracIs(table.frac) && equalRing(table, t);
  }
  case Opcode::ShareFromWords:
    return shapeOfOperand(0) && formIs(0, Form::Words) &&
           resultForm(Form::Additive) && fracIs(a.frac) &&
           require(t.ring >= a.ring, "gives a ring smaller than the words'");
  default:
    return fail("has no rules");
  }
}

} // namespace mpc::ir::detail

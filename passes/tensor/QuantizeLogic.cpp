//===- passes/tensor/QuantizeLogic.cpp - comparisons, bits, choices -------===//
// A comparison makes a bit; a choice by a bit that all know is a sum of two
// products.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

ValueId Quantizer::less(ValueId a, ValueId b, Shape shape) {
  align(a, b);
  if (isUntruncated(a) && !isConstant(a)) {
    a = ready(a);
    align(a, b);
  }
  return emitBool(Opcode::FixedLess, {a, b}, shape);
}

ValueId Quantizer::equal(ValueId a, ValueId b, Shape shape) {
  return logicalAnd(logicalNot(less(a, b, shape)),
                    logicalNot(less(b, a, shape)), shape);
}

ValueId Quantizer::logicalNot(ValueId a) {
  if (isConstant(a)) {
    ConstData c = *out_.constantOf(a);
    for (int64_t &bit : c.ints)
      bit = !bit;
    return b_.constant(std::move(c), Vis::Public);
  }
  return emitBool(Opcode::FixedNot, {a}, shapeOf(a));
}

ValueId Quantizer::logicalAnd(ValueId a, ValueId b, Shape shape) {
  return emitBool(Opcode::FixedAnd, {a, b}, shape);
}

ValueId Quantizer::logicalOr(ValueId a, ValueId b, Shape shape) {
  return logicalNot(logicalAnd(logicalNot(a), logicalNot(b), shape));
}

ValueId Quantizer::logicalXor(ValueId a, ValueId b, Shape shape) {
  if (isConstant(a))
    std::swap(a, b);
  if (isConstant(b)) { // each lane is the bit or its complement
    const ValueId same = logicalAnd(a, logicalNot(b), shape);
    return emitBool(Opcode::FixedXor,
                    {same, logicalAnd(logicalNot(a), b, shape)}, shape);
  }
  return emitBool(Opcode::FixedXor, {a, b}, shape);
}

ValueId Quantizer::toArithmetic(ValueId v) {
  if (out_.type(v).elem != Elem::Bool || isConstant(v))
    return v;
  if (auto it = numbers_.find(v.index); it != numbers_.end())
    return it->second;
  const ValueId n = emit(Opcode::FixedFromBool, {v}, shapeOf(v), 0, {0, 1});
  numbers_[v.index] = n;
  return n;
}

ValueId Quantizer::select(ValueId cond, ValueId a, ValueId b, Shape shape,
                          Range range) {
  if (!isConstant(a))
    a = ready(a);
  if (!isConstant(b))
    b = ready(b);
  if (isConstant(cond))
    return blend(*out_.constantOf(cond), a, b, shape, range);
  align(a, b);
  return emit(Opcode::FixedSelect, {cond, a, b}, shape, fracOf(a), range);
}

ValueId Quantizer::blend(const ConstData &cond, ValueId a, ValueId b,
                         Shape shape, Range range) {
  ConstData on{Elem::F32, cond.shape, {}, {}}, off = on;
  for (int64_t bit : cond.ints) {
    on.floats.push_back(bit ? 1 : 0);
    off.floats.push_back(bit ? 0 : 1);
  }
  const Range wide{std::min(range.first, 0.0), std::max(range.second, 0.0)};
  return addOrSub(
      Opcode::FixedAdd, multiply(a, publicConstant(std::move(on)), shape, wide),
      multiply(b, publicConstant(std::move(off)), shape, wide), shape, range);
}

ValueId Quantizer::maxOrMin(const Node &n) {
  ValueId a = number(n, 0), b = number(n, 1);
  a = isConstant(a) ? a : ready(a);
  b = isConstant(b) ? b : ready(b);
  const ValueId aLess = less(a, b, n.shape);
  return n.op.opcode == Opcode::Max ? select(aLess, b, a, n.shape, n.range)
                                    : select(aLess, a, b, n.shape, n.range);
}

ValueId Quantizer::relu(const Node &n) {
  const ValueId x = ready(number(n, 0));
  return select(less(x, scalar(0), n.shape), scalar(0), x, n.shape, n.range);
}

ValueId Quantizer::absolute(const Node &n) {
  const ValueId x = ready(number(n, 0));
  const ValueId opposite = negated(x);
  return select(less(x, scalar(0), n.shape), opposite, x, n.shape, n.range);
}

ValueId Quantizer::sign(const Node &n) {
  const ValueId x = ready(number(n, 0));
  const ValueId above = toArithmetic(less(scalar(0), x, n.shape));
  const ValueId below = toArithmetic(less(x, scalar(0), n.shape));
  return difference(above, below, {-1, 1});
}

} // namespace mpc::passes

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
  if (isOpen(a))
    return b_.unary(Opcode::Not, a);
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
  if (out_.type(v).elem != Elem::Bool || out_.constantOf(v))
    return v;
  if (isOpen(v))
    return factor(v, false);
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
    return blend(cond, a, b, shape, range);
  align(a, b);
  return emit(Opcode::FixedSelect, {cond, a, b}, shape, fracOf(a), range);
}

ValueId Quantizer::factor(ValueId cond, bool other) {
  if (isOpen(cond)) {
    const ValueId bit = other ? logicalNot(cond) : cond;
    whole_.insert(bit.index);
    return encoded(bit, 0, {0, 1});
  }
  const ConstData &c = *out_.constantOf(cond);
  ConstData numbers{Elem::F32, c.shape, {}, {}};
  for (int64_t bit : c.ints)
    numbers.floats.push_back((bit != 0) != other ? 1 : 0);
  return publicConstant(std::move(numbers));
}

ValueId Quantizer::blend(ValueId cond, ValueId a, ValueId b, Shape shape,
                         Range range) {
  const Range wide{std::min(range.first, 0.0), std::max(range.second, 0.0)};
  // The product of two values that all know is one that all compute.
  auto part = [&](ValueId x, bool other) {
    if (!out_.type(x).isPublic())
      return multiply(x, factor(cond, other), shape, wide);
    ValueId bit = other ? logicalNot(cond) : cond;
    if (isOpen(x) || isOpen(bit))
      return maskedOpen(bit, x, wide);
    return multiply(x, factor(cond, other), shape, wide);
  };
  return addOrSub(Opcode::FixedAdd, part(a, false), part(b, true), shape,
                  range);
}

ValueId Quantizer::maskedOpen(ValueId bit, ValueId x, Range range) {
  auto plain = [&](ValueId v) { // as a public f32
    if (out_.op(v).opcode == Opcode::Encode)
      return b_.cast(out_.op(v).operands[0], Elem::F32);
    ConstData c = *out_.constantOf(v);
    if (c.elem != Elem::F32) {
      c.floats.assign(c.ints.begin(), c.ints.end());
      c.ints.clear();
      c.elem = Elem::F32;
    }
    return b_.constant(std::move(c), Vis::Public);
  };
  const ValueId kept = b_.select(bit, plain(x), b_.scalar(0));
  return encoded(kept, fracOf(x), range);
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

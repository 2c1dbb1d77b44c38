//===- passes/tensor/QuantizeOpen.cpp - what all parties compute ----------===//
//   %1 = tensor.sub 1, %mask          %1 = tensor.sub 1, %mask    (as it is)
//   %2 = tensor.mul %secret, %1  ==>  %e = encode %1 : fx<_,0,1>
//                                     %2 = fixed.mul %x, %e
// A value that depends on public inputs only stays in float; each party
// computes it when a session starts. Where it meets a secret it is encoded, at
// whatever fraction bits its reader needs, like a constant.
#include "passes/Movement.h"
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

ValueId Quantizer::raw(ValueId old) {
  if (auto it = raw_.find(old.index); it != raw_.end())
    return it->second;
  const Op op = in_.op(old);
  llvm::SmallVector<ValueId, 4> operands;
  for (ValueId o : op.operands)
    operands.push_back(raw(o));
  const ValueId v = out_.append(op.opcode, operands, op.type, op.loc);
  copyAttrs(op, v);
  out_.op(v).range = op.range;
  if (op.opcode == Opcode::Input && op.range) {
    out_.op(v).setAttr("lo", op.range->first);
    out_.op(v).setAttr("hi", op.range->second);
  }
  if (isWhole(old))
    whole_.insert(v.index);
  return raw_[old.index] = v;
}

ValueId Quantizer::encoded(ValueId v, int frac, Range range) {
  if (!std::isfinite(range.first) || !std::isfinite(range.second)) {
    if (error_.empty())
      error_ = nodeText(
          out_.op(v),
          llvm::formatv("a public value meets a secret one and has no finite "
                        "range: calibration gives [{0}, {1}]",
                        shortNumber(range.first), shortNumber(range.second)));
    range = {0, 0};
  }
  const ValueId e = out_.append(
      Opcode::Encode, {v},
      Type::fx(Vis::Public, 0, frac, intBitsOf(range), out_.type(v).shape),
      out_.op(v).loc);
  out_.op(e).range = range;
  return e;
}

ValueId Quantizer::value(ValueId old) {
  ValueId &v = map_[old.index];
  if (v.valid() || !in_.type(old).isPublic())
    return v;
  const ValueId r = raw(old);
  const Range range = in_.op(old).range.value_or(Range{-INFINITY, INFINITY});
  if (in_.type(old).elem == Elem::Bool)
    return map_[old.index] = r;
  const ValueId e =
      encoded(r, isWhole(old) ? 0 : fracBitsOf(range, ctx_.options), range);
  return map_[old.index] = e;
}

bool Quantizer::isWhole(ValueId old) const {
  const Op &op = in_.op(old);
  if (op.type.elem != Elem::F32)
    return true;
  auto all = [&](size_t first) {
    for (size_t i = first; i < op.operands.size(); ++i)
      if (!isWhole(op.operands[i]))
        return false;
    return true;
  };
  switch (op.opcode) {
  case Opcode::Constant: {
    const std::vector<float> &c = in_.constantOf(old)->floats;
    return llvm::all_of(c, [](float x) { return x == std::nearbyint(x); });
  }
  case Opcode::Floor:
  case Opcode::Ceil:
  case Opcode::Round:
  case Opcode::Sign:
    return true;
  case Opcode::Gather:
    return isWhole(op.operands[0]);
  case Opcode::Select:
    return all(1);
  case Opcode::Cast:
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Mul:
  case Opcode::Neg:
  case Opcode::Abs:
  case Opcode::Relu:
  case Opcode::Max:
  case Opcode::Min:
  case Opcode::MatMul:
  case Opcode::ReduceSum:
  case Opcode::ReduceMax:
  case Opcode::ReduceMin:
  case Opcode::Concat:
    return all(0);
  default:
    return isMovement(op.opcode) && all(0);
  }
}

ValueId Quantizer::openGather(ValueId data, ValueId index, int64_t axis,
                              const Shape &shape) {
  const Shape d = shapeOf(data);
  const int64_t outer = numelOf(llvm::ArrayRef(d).take_front(axis)),
                inner = numelOf(llvm::ArrayRef(d).drop_front(axis + 1));
  const ValueId flat =
      out_.append(Opcode::FlatIndex, {index},
                  Type::tensor(Elem::I64, Vis::Public, shape), loc_);
  out_.op(flat).setAttr("outer", outer);
  out_.op(flat).setAttr("rows", d[axis]);
  out_.op(flat).setAttr("inner", inner);
  Type t = out_.type(data);
  t.shape = shape;
  const ValueId r = out_.append(Opcode::Pick, {data, flat}, t, loc_);
  return moved(r, data);
}

} // namespace mpc::passes

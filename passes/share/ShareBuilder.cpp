//===- passes/share/ShareBuilder.cpp --------------------------------------===//
#include "passes/share/ShareBuilder.h"

using namespace mpc::ir;

namespace mpc::passes {

Type ShareBuilder::shareType(Form form, const Type &like) {
  Type t = like;
  t.elem = Elem::Fx;
  t.form = form;
  return t;
}

Type ShareBuilder::bitsType(const Shape &shape) {
  Type t = Type::tensor(Elem::Bool, Vis::Secret, shape);
  t.form = Form::Bits;
  return t;
}

Type ShareBuilder::withIntBits(Type t, int intBits) {
  t.intBits = std::min<int>(intBits, t.ring - t.frac - 1);
  return t;
}

ValueId ShareBuilder::emit(Opcode op, llvm::ArrayRef<ValueId> operands,
                           Type t) {
  for (ValueId o : operands) // bits are secret, also those of weights
    t.vis = join(t.vis, out_.type(o).vis);
  return out_.append(op, operands, t, loc_);
}

ValueId ShareBuilder::masked(ValueId v) {
  if (formOf(v) != Form::Additive)
    return v;
  auto [it, fresh] = masked_.try_emplace(v.index, ValueId{});
  if (fresh) {
    it->second =
        emit(Opcode::ShareTrunc, {v}, shareType(Form::Masked, out_.type(v)));
    out_.op(it->second).setAttr("bits", int64_t{0});
  }
  return it->second;
}

ValueId ShareBuilder::additive(ValueId v) {
  if (formOf(v) != Form::Masked)
    return v;
  return emit(Opcode::ShareToAdditive, {v},
              shareType(Form::Additive, out_.type(v)));
}

ValueId ShareBuilder::inRing(ValueId v, int ring) {
  if (ringOf(v) == ring)
    return v;
  Type t = out_.type(v);
  t.ring = static_cast<uint8_t>(ring);
  t = withIntBits(t, t.intBits);
  if (!isPublic(v))
    return emit(Opcode::ShareDrop, {v}, t);
  const Op op = out_.op(v);
  const ValueId c = emit(op.opcode, op.operands, t);
  out_.op(c).attrs = op.attrs;
  out_.op(c).range = op.range;
  return c;
}

} // namespace mpc::passes

//===- passes/share/OneHotRows.cpp ----------------------------------------===//
#include "passes/share/OneHotRows.h"
#include "passes/OwnersTable.h"
#include "llvm/Support/MathExtras.h"

using namespace mpc::ir;

namespace mpc::passes {

ValueId OneHotRows::gather(const Op &op,
                           llvm::function_ref<ValueId(ValueId)> newOf) {
  const int ring = op.type.ring;
  const ValueId index = b_.masked(newOf(op.operands[1]));
  const int64_t rows = op.intAttr("rows");
  const int64_t n = b_.type(index).numel();
  const ValueId flat = b_.mover().reshape(index, {n});
  const int64_t width = in_.type(op.operands[0]).numel() / rows;
  Type selected = ShareBuilder::shareType(Form::Additive, op.type);
  selected.shape = {n, width};
  auto oneHot = [&](Opcode to, Type t) {
    const ValueId hot = b_.emit(to, {flat}, t);
    Op &h = b_.module().op(hot);
    h.setAttr("rows", rows);
    h.setAttr("window", int64_t{std::max(1u, llvm::Log2_64_Ceil(rows))});
    return hot;
  };
  if (const std::optional<ValueId> weight = ownersTable(in_, op.operands[0])) {
    const int bits = ownersWordBits(in_, *weight, ring);
    if (wordsAreCheaper(n, rows, width, bits, ring, profile_)) {
      const ValueId hot =
          oneHot(Opcode::ShareOneHotBits, ShareBuilder::bitsType({n, rows}));
      const ValueId words = selectWords(hot, *weight, {rows, width}, bits);
      return b_.mover().reshape(
          b_.emit(Opcode::ShareFromWords, {words}, selected), op.type.shape);
    }
  }
  Type t = Type::fx(Vis::Secret, ring, 0, 1, {n, rows});
  t.form = Form::Additive;
  const ValueId table = b_.inRing(newOf(op.operands[0]), ring);
  const ValueId hot = oneHot(Opcode::ShareOneHot, t);
  const ValueId matrix = b_.mover().reshape(table, {rows, width});
  ValueId result;
  if (b_.isPublic(matrix)) {
    result = b_.emit(Opcode::ShareMatMulPublic, {hot, matrix}, selected);
    b_.module().op(result).setAttr("side", int64_t{1});
  } else {
    result = b_.emit(Opcode::ShareMatMul, {b_.masked(hot), b_.masked(matrix)},
                     selected);
  }
  return b_.mover().reshape(result, op.type.shape);
}

ValueId OneHotRows::selectWords(ValueId selector, ValueId weight,
                                const Shape &shape, int bits) {
  const Op &op = in_.op(weight);
  Type t = ShareBuilder::shareType(Form::Words, op.type);
  t.ring = static_cast<uint8_t>(bits);
  t = ShareBuilder::withIntBits(t, t.intBits);
  t.shape = shape;
  auto [it, fresh] = words_.try_emplace({weight.index, bits}, ValueId{});
  if (fresh) {
    it->second = b_.emit(Opcode::Constant, {}, t);
    ConstData data = in_.constData(op.constAttr("value"));
    data.shape = shape;
    Op &c = b_.module().op(it->second);
    c.attrs = op.attrs;
    c.setAttr("value", b_.module().addConst(std::move(data)));
  }
  t.shape[0] = b_.type(selector).shape[0];
  t.vis = Vis::Secret;
  return b_.emit(Opcode::ShareSelectWords, {selector, it->second}, t);
}

} // namespace mpc::passes

//===- passes/share/LowerToShares.cpp - fixed point on shares -------------===//
//   %2 = fixed.mul %0, %1          %2 = share.mul %0, %1   : additive<41,30,6>
//   %3 = fixed.trunc %2      ==>   %3 = share.trunc %2     : masked<26,15,6>
// Stage: fixed -> share, after assign-rings. Every fixed op becomes protocol
// steps with at most one exchange each; forms are converted where an op needs
// the other one (ShareBuilder.h). A maximum is a tree of comparisons
// (Maxima.h), a selection b + c * (a - b), a secret gather a one-hot row times
// the table (OneHotRows.h).
// Tests: tests/lit/passes/lower-to-shares/
#include "ir/NodeError.h"
#include "passes/BroadcastConstant.h"
#include "passes/Pass.h"
#include "passes/share/Maxima.h"
#include "passes/share/OneHotRows.h"
#include <optional>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

class Lowering : ShareBuilder {
public:
  Lowering(const Module &in, const plan::Profile &profile)
      : ShareBuilder(in.name()), in_(in), maxima_(*this, profile),
        rows_(in, *this, profile), map_(in.numValues()) {}

  llvm::Expected<Module> run() {
    Module &out = module();
    for (ValueId v : in_.order()) {
      setLoc(in_.op(v).loc);
      if (llvm::Error e = convert(v))
        return e;
      Op &to = out.op(map_[v.index]);
      if (to.type.isFx() && !to.range)
        to.range = in_.op(v).range;
      if (in_.op(v).hasAttr("partial"))
        to.setAttr("partial", in_.op(v).intAttr("partial"));
    }
    for (const Output &o : in_.outputs()) {
      setLoc(in_.op(o.value).loc);
      ValueId v = map_[o.value.index];
      if (!isPublic(v))
        v = masked(v);
      out.outputs().push_back({o.name, v, o.elem});
    }
    out.removeDead();
    return std::move(out);
  }

private:
  /// What stands for an operand.
  ValueId operand(const Op &op, int i) const {
    return map_[op.operands[i].index];
  }
  ValueId operand(const Op &op, int i, int ring) {
    return inRing(operand(op, i), ring);
  }
  ValueId maskedOperand(const Op &op, int i) { return masked(operand(op, i)); }

  /// Attributes of `from`, a constant with its numbers.
  ValueId copyAttrs(ValueId to, const Op &from) {
    for (const auto &[key, attr] : from.attrs) {
      const ConstId *c = std::get_if<ConstId>(&attr);
      const Attr copied = c ? Attr(module().addConst(in_.constData(*c))) : attr;
      module().op(to).setAttr(key, copied);
    }
    return to;
  }
  /// One share-level op of x with the attributes of `op`.
  ValueId simple(const Op &op, Opcode to, ValueId x, Form form) {
    return copyAttrs(emit(to, {x}, shareType(form, op.type)), op);
  }
  /// The same, of any form, which it keeps.
  ValueId local(const Op &op, Opcode to) {
    const ValueId x = operand(op, 0, op.type.ring);
    return simple(op, to, x, formOf(x));
  }
  /// A table of the masked operand.
  ValueId function(const Op &op, Opcode to) {
    return simple(op, to, maskedOperand(op, 0), Form::Additive);
  }

  // --- arithmetic -----------------------------------------------------------

  ValueId sum(const Op &op, Opcode to) {
    const int ring = op.type.ring;
    ValueId a = operand(op, 0, ring), b = operand(op, 1, ring);
    Form form = isPublic(a) ? formOf(b) : formOf(a);
    if (!isPublic(a) && !isPublic(b) && formOf(a) != formOf(b)) {
      a = additive(a);
      b = additive(b);
      form = Form::Additive;
    }
    return emit(to, {a, b}, shareType(form, op.type));
  }

  ValueId product(const Op &op, bool matmul) {
    const int ring = op.type.ring;
    ValueId a = operand(op, 0, ring), b = operand(op, 1, ring);
    if (!isPublic(a) && !isPublic(b))
      return emit(matmul ? Opcode::ShareMatMul : Opcode::ShareMul,
                  {masked(a), masked(b)}, shareType(Form::Additive, op.type));
    const int64_t side = isPublic(a) ? 0 : 1;
    const ValueId x = side == 0 ? b : a;
    const Type t = shareType(formOf(x), op.type);
    if (!matmul)
      return emit(Opcode::ShareMulPublic, {x, side == 0 ? a : b}, t);
    const ValueId r = emit(Opcode::ShareMatMulPublic, {a, b}, t);
    module().op(r).setAttr("side", side);
    return r;
  }

  ValueId select(const Op &op) {
    const int ring = op.type.ring;
    ValueId bit = operand(op, 0);
    ValueId a = operand(op, 1, ring), b = operand(op, 2, ring);
    bit = mover().broadcast(bit, op.type.shape);
    auto spread = [&](ValueId x) {
      return isPublic(x) ? x : mover().broadcast(x, op.type.shape);
    };
    a = spread(a);
    b = spread(b);
    const Type t = shareType(Form::Additive, op.type);
    if (isPublic(a) && isPublic(b)) { // c*a - c*b + b
      Type unit = t;
      unit.frac = 0;
      unit.intBits = 1;
      const ValueId c = emit(Opcode::ShareFromBits, {bit}, unit);
      const ValueId ca = emit(Opcode::ShareMulPublic, {c, a}, t);
      const ValueId cb = emit(Opcode::ShareMulPublic, {c, b}, t);
      const ValueId d =
          emit(Opcode::ShareSub, {ca, cb}, withIntBits(t, t.intBits + 1));
      return emit(Opcode::ShareAdd, {d, b}, t);
    }
    if (!isPublic(a))
      a = masked(a);
    if (!isPublic(b))
      b = masked(b);
    // A difference has one more bit than its operands, which may be wider than
    // what is chosen.
    const ValueId d =
        emit(Opcode::ShareSub, {a, b},
             withIntBits(shareType(Form::Masked, op.type),
                         std::max(type(a).intBits, type(b).intBits) + 1));
    const ValueId chosen = maxima_.bitTimes(bit, d);
    return emit(Opcode::ShareAdd, {chosen, isPublic(b) ? b : additive(b)}, t);
  }

  // --- bits -----------------------------------------------------------------

  ValueId less(const Op &op) {
    const Type &a = in_.type(op.operands[0]), &b = in_.type(op.operands[1]);
    const int bits = std::max(a.intBits, b.intBits) + 1 + a.frac;
    // The smaller ring of those that are shared.
    std::optional<int> ring;
    for (int i : {0, 1})
      if (const ValueId x = operand(op, i); !isPublic(x))
        ring = std::min(ring.value_or(ringOf(x)), ringOf(x));
    const int common = ring.value_or(0);
    ValueId x = operand(op, 0, common), y = operand(op, 1, common);
    if (!isPublic(x))
      x = masked(x);
    if (!isPublic(y))
      y = masked(y);
    Type t =
        Type::fx(Vis::Secret, common, a.frac,
                 std::min(bits - a.frac, common - a.frac - 1), op.type.shape);
    t.form = Form::Masked;
    const ValueId d = emit(Opcode::ShareSub, {x, y}, t);
    return maxima_.sign(d, std::min(bits + 1, common), 0);
  }

  /// Lanes of a where b, which only the session knows, is true; else 0.
  ValueId lanesOf(ValueId a, ValueId b, const Shape &shape) {
    ConstData all{Elem::I64, shape, {}, {}};
    for (int64_t i = 0, n = type(a).numel(); i < n; ++i)
      all.ints.push_back(i);
    const ValueId none = mover().scalarInt(-1);
    const ValueId lane = mover().constant(std::move(all), Vis::Public);
    const ValueId lanes =
        mover().select(mover().broadcast(b, shape), lane, none);
    return emit(Opcode::Pick, {a, lanes}, bitsType(shape));
  }

  ValueId logicalAnd(const Op &op) {
    ValueId a = operand(op, 0), b = operand(op, 1);
    if (isPublic(a))
      std::swap(a, b);
    a = mover().broadcast(a, op.type.shape);
    if (isPublic(b) && !module().constantOf(b))
      return lanesOf(a, b, op.type.shape);
    if (isPublic(b)) { // lanes where the public side is false become 0
      const ConstData full =
          broadcastConstant(*module().constantOf(b), op.type.shape);
      std::vector<int64_t> lanes;
      for (size_t i = 0; i < full.ints.size(); ++i)
        lanes.push_back(full.ints[i] ? static_cast<int64_t>(i) : -1);
      return mover().take(a, std::move(lanes), op.type.shape);
    }
    b = mover().broadcast(b, op.type.shape);
    return emit(Opcode::ShareBitAnd, {a, b}, bitsType(op.type.shape));
  }

  llvm::Expected<ValueId> logicalXor(const Op &op) {
    ValueId a = operand(op, 0), b = operand(op, 1);
    if (isPublic(a) || isPublic(b))
      return nodeError(op, "an exclusive or with a public operand");
    a = mover().broadcast(a, op.type.shape);
    b = mover().broadcast(b, op.type.shape);
    return emit(Opcode::ShareBitXor, {a, b}, bitsType(op.type.shape));
  }

  // --- data -----------------------------------------------------------------

  /// What all parties compute when a session starts stays as it is.
  ValueId open(const Op &op) {
    llvm::SmallVector<ValueId, 4> operands;
    for (ValueId o : op.operands)
      operands.push_back(map_[o.index]);
    const ValueId r = copyAttrs(emit(op.opcode, operands, op.type), op);
    module().op(r).range = op.range;
    return r;
  }

  ValueId constant(const Op &op) {
    Type t = op.type;
    if (!t.isPublic())
      t.form = Form::Masked;
    return copyAttrs(emit(Opcode::Constant, {}, t), op);
  }

  ValueId movement(const Op &op) {
    llvm::SmallVector<ValueId, 4> parts;
    bool anyAdditive = false;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      parts.push_back(op.type.isFx() ? operand(op, i, op.type.ring)
                                     : operand(op, i));
      anyAdditive |= formOf(parts.back()) == Form::Additive;
    }
    if (anyAdditive)
      for (ValueId &x : parts)
        x = additive(x);
    Form form = Form::Masked;
    for (ValueId x : parts)
      if (!isPublic(x))
        form = formOf(x);
    Type t =
        op.type.isFx() ? shareType(form, op.type) : bitsType(op.type.shape);
    if (op.type.isPublic())
      t.form = Form::None;
    return copyAttrs(emit(op.opcode, parts, t), op);
  }

  ValueId pick(const Op &op) {
    const bool bits = !op.type.isFx();
    const ValueId x = bits ? operand(op, 0) : operand(op, 0, op.type.ring);
    return emit(Opcode::Pick, {x, operand(op, 1)},
                bits ? bitsType(op.type.shape) : shareType(formOf(x), op.type));
  }

  // --- the ops --------------------------------------------------------------

  llvm::Error convert(ValueId v) {
    const Op op = in_.op(v);
    llvm::Expected<ValueId> r =
        op.type.isPublic() && op.opcode != Opcode::Constant
            ? llvm::Expected<ValueId>(open(op))
            : lowered(op);
    if (!r)
      return r.takeError();
    map_[v.index] = *r;
    return llvm::Error::success();
  }

  llvm::Expected<ValueId> lowered(const Op &op) {
    const int ring = op.type.ring;
    switch (op.opcode) {
    case Opcode::Input:
      return copyAttrs(
          emit(Opcode::Input, {}, shareType(Form::Masked, op.type)), op);
    case Opcode::Constant:
      return constant(op);
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Concat:
    case Opcode::Broadcast:
    case Opcode::Pad:
    case Opcode::Take:
      return movement(op);
    case Opcode::Pick:
      return pick(op);
    case Opcode::FixedAdd:
      return sum(op, Opcode::ShareAdd);
    case Opcode::FixedSub:
      return sum(op, Opcode::ShareSub);
    case Opcode::FixedNeg:
      return local(op, Opcode::ShareNeg);
    case Opcode::FixedReduceSum:
      return local(op, Opcode::ShareReduceSum);
    case Opcode::FixedShl:
      return local(op, Opcode::ShareShl);
    case Opcode::FixedMul:
      return product(op, false);
    case Opcode::FixedMatMul:
      return product(op, true);
    case Opcode::FixedTrunc: {
      const int bits = static_cast<int>(op.intAttr("bits"));
      return simple(op, Opcode::ShareTrunc,
                    additive(operand(op, 0, ring + bits)), Form::Masked);
    }
    case Opcode::FixedAssume: { // what is dropped is known to be sign
      const ValueId x = maskedOperand(op, 0);
      return ringOf(x) == ring ? x
                               : simple(op, Opcode::ShareDrop, x, Form::Masked);
    }
    case Opcode::FixedInRange: {
      const ValueId r = emit(Opcode::ShareInRange, {maskedOperand(op, 0)},
                             bitsType(op.type.shape));
      for (const char *key : {"lo", "hi", "links"})
        module().op(r).setAttr(key, *op.attr(key));
      return r;
    }
    case Opcode::FixedDrop:
      return operand(op, 0, ring);
    case Opcode::FixedMask:
      return masked(operand(op, 0, ring));
    case Opcode::FixedExtend:
      return simple(op, Opcode::ShareExtend, maskedOperand(op, 0),
                    Form::Masked);
    case Opcode::FixedSpline:
      return function(op, Opcode::ShareSpline);
    case Opcode::FixedExp:
      return function(op, Opcode::ShareExp);
    case Opcode::FixedFourier:
      return function(op, Opcode::ShareFourier);
    case Opcode::FixedReduceMax:
      return maxima_.reduce(
          operand(op, 0, ring), op,
          in_.op(op.operands[0]).range.value_or(std::pair{0.0, 0.0}));
    case Opcode::FixedLess:
      return less(op);
    case Opcode::FixedNot:
      return emit(Opcode::ShareBitNot, {operand(op, 0)},
                  bitsType(op.type.shape));
    case Opcode::FixedAnd:
      return logicalAnd(op);
    case Opcode::FixedXor:
      return logicalXor(op);
    case Opcode::FixedSelect:
      return select(op);
    case Opcode::FixedFromBool:
      return emit(Opcode::ShareFromBits, {operand(op, 0)},
                  shareType(Form::Additive, op.type));
    case Opcode::FixedGather:
      return rows_.gather(op, [&](ValueId o) { return map_[o.index]; });
    default:
      return nodeError(op, "has no lowering to shares");
    }
  }

  const Module &in_;
  Maxima maxima_;
  OneHotRows rows_;
  std::vector<ValueId> map_; ///< by old value
};

} // namespace

llvm::Error lowerToShares(Module &m, Context &ctx) {
  llvm::Expected<Module> r = Lowering(m, ctx.options.profile).run();
  if (!r)
    return r.takeError();
  m = std::move(*r);
  return llvm::Error::success();
}

} // namespace mpc::passes

//===- passes/tensor/FoldMasks.cpp - masks become structure ---------------===//
//   %2 = tensor.add %scores, dense<[0, -3.4e38, ...]>
//   %3 = tensor.softmax %2       ==>  tensor.softmax %scores, dense<[true,
//   false, ...]>
// Stage: tensor, before constants are folded into weights. Follows the operand
// of a softmax upwards through additions, selections, maxima with a constant
// and data movement, collects every public fill of magnitude >= 1e4, and turns
// their sum into the softmax's mask operand; -3.4e38 never reaches fixed point.
// A row whose lanes are all filled attends as float does: lanes at the row's
// largest fill remain, and where the fill swallows the scores (>= 1e30) the
// scores of that row become zero, so that it attends uniformly.
// A secret mask becomes the softmax's last operand, a bool: (1 - mask) *
// -3.4e38, a selection of a fill by a secret condition, and what exporters put
// around them (equal(-3.4e38 + mask, 0), Boolean casts of fills). Quantize
// gives its lanes a finite fill below every calibrated score. Tests:
// tests/lit/passes/fold-masks/
#include "ir/Builder.h"
#include "ir/Eval.h"
#include "passes/BroadcastConstant.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include <algorithm>
#include <cmath>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

constexpr float kFill = -1e4f;      ///< at or below: a masked lane
constexpr float kSwallows = -1e30f; ///< at or below: float forgets the score

/// A value without its fills, and what the fills add up to.
struct Stripped {
  ValueId value;
  std::optional<ConstData> fill; ///< F32, the value's shape
  std::optional<ValueId> gone;   ///< secret bool, broadcasts to that shape
  bool any() const { return fill || gone; }
};

class FoldMasks {
public:
  explicit FoldMasks(Module &m) : m_(m) {}

  llvm::Error run() {
    return tryRewriteEach(m_, [&](ValueId v) { return rewrite(v); })
        .takeError();
  }

private:
  llvm::Expected<std::optional<ValueId>> rewrite(ValueId v) {
    if (m_.op(v).opcode != Opcode::Softmax || m_.op(v).operands.size() != 1)
      return std::nullopt;
    llvm::Expected<Stripped> s = strip(m_.op(v).operands[0]);
    if (!s)
      return s.takeError();
    if (!s->any())
      return std::nullopt;
    int64_t axis = m_.op(v).intAttr("axis");
    const Shape shape = m_.type(v).shape;
    if (axis < 0)
      axis += shape.size();
    if (axis + 1 != static_cast<int64_t>(shape.size()))
      return std::nullopt;

    const int64_t row = shape.back();
    if (!s->fill) {
      Builder build(m_, m_.op(v).loc);
      return softmaxOf(build, s->value, axis, std::nullopt, s->gone);
    }
    const std::vector<float> &fill = s->fill->floats;
    ConstData mask{Elem::Bool, shape, {}, std::vector<int64_t>(fill.size(), 1)};
    Shape rowShape = shape;
    rowShape.back() = 1;
    ConstData keepRow{Elem::F32, rowShape, {}, {}};
    keepRow.floats.assign(fill.size() / row, 1.0f);
    bool anyMasked = false, anyZeroRow = false;
    for (size_t r = 0; r < keepRow.floats.size(); ++r) {
      const float *f = fill.data() + r * row;
      const float top = *std::max_element(f, f + row);
      for (int64_t i = 0; i < row; ++i) {
        mask.ints[r * row + i] = top > kFill ? f[i] > kFill : f[i] == top;
        anyMasked |= mask.ints[r * row + i] == 0;
      }
      if (top <= kSwallows) {
        keepRow.floats[r] = 0;
        anyZeroRow = true;
      }
    }
    Builder build(m_, m_.op(v).loc);
    ValueId scores = s->value;
    if (anyZeroRow)
      scores = build.binary(Opcode::Mul, scores,
                            m_.constant(std::move(keepRow), Vis::Public));
    if (!anyMasked)
      return softmaxOf(build, scores, axis, std::nullopt, s->gone);
    return softmaxOf(build, scores, axis,
                     m_.constant(std::move(mask), Vis::Public), s->gone);
  }

  ValueId softmaxOf(Builder &build, ValueId scores, int64_t axis,
                    std::optional<ValueId> mask, std::optional<ValueId> gone) {
    if (!gone)
      return build.softmax(scores, axis, mask);
    const Shape one(m_.type(scores).shape.size(), 1);
    if (!mask)
      mask = m_.constant({Elem::Bool, one, {}, {1}}, Vis::Public);
    const ValueId keep = build.unary(Opcode::Not, *gone);
    const ValueId r = build.create(Opcode::Softmax, {scores, *mask, keep},
                                   Elem::F32, m_.type(scores).shape);
    m_.op(r).setAttr("axis", axis);
    return r;
  }

  static bool hasFill(const ConstData &c) {
    return std::any_of(c.floats.begin(), c.floats.end(),
                       [](float x) { return x <= kFill; });
  }

  const ConstData *publicFloat(ValueId v) const {
    const ConstData *c = m_.constantOf(v);
    return c && m_.type(v).isPublic() && c->elem == Elem::F32 ? c : nullptr;
  }

  llvm::Expected<Stripped> strip(ValueId v) {
    if (const ConstData *c = publicFloat(v); c && hasFill(*c)) {
      ConstData fill = *c, rest = *c;
      for (size_t i = 0; i < fill.floats.size(); ++i)
        (fill.floats[i] <= kFill ? rest : fill).floats[i] = 0;
      return Stripped{m_.constant(std::move(rest), Vis::Public),
                      std::move(fill), std::nullopt};
    }
    const Op op = m_.op(v);
    switch (op.opcode) {
    case Opcode::Add:
      return stripAdd(v, op);
    case Opcode::Select:
      return stripSelect(v, op);
    case Opcode::Max:
      return stripMax(v, op);
    case Opcode::Mul:
      return stripMul(v, op);
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Broadcast:
    case Opcode::Slice:
      return stripMovement(v, op);
    default:
      return stripOpen(v);
    }
  }

  /// A value that all parties compute when a session starts: what it fills with
  /// shows only then, so it is asked.
  Stripped stripOpen(ValueId v) {
    const Op op = m_.op(v);
    if (!op.type.isPublic() || m_.constantOf(v) || !mayFill(v))
      return {v, std::nullopt, std::nullopt};
    Builder build(m_, op.loc);
    const ValueId gone =
        build.binary(Opcode::LessEqual, v, build.scalar(kFill));
    return {build.select(gone, build.scalar(0), v), std::nullopt, gone};
  }
  /// Whether a constant as large as a fill goes into v.
  bool mayFill(ValueId v) {
    if (const ConstData *c = m_.constantOf(v))
      return c->elem == Elem::F32 && llvm::any_of(c->floats, [](float x) {
               return !(std::fabs(x) < -kFill);
             });
    if (auto it = mayFill_.find(v.index); it != mayFill_.end())
      return it->second;
    const bool any =
        llvm::any_of(m_.op(v).operands, [&](ValueId o) { return mayFill(o); });
    return mayFill_[v.index] = any;
  }

  llvm::Expected<Stripped> stripMovement(ValueId v, const Op &op) {
    llvm::Expected<Stripped> s = strip(op.operands[0]);
    if (!s)
      return s.takeError();
    if (!s->any())
      return Stripped{v, std::nullopt, std::nullopt};
    Stripped result{move(op, s->value, Elem::F32), std::nullopt, std::nullopt};
    if (s->fill) {
      llvm::Expected<ConstData> fill = evalOp(m_, op, {&*s->fill});
      if (!fill)
        return fill.takeError();
      result.fill = std::move(*fill);
    }
    if (s->gone)
      result.gone = moveCondition(op, *s->gone);
    return result;
  }

  /// The same movement of another value.
  ValueId move(const Op &op, ValueId x, Elem elem) {
    Type t = op.type;
    t.elem = elem;
    t.vis = m_.type(x).vis;
    const ValueId moved = m_.append(op.opcode, {x}, t, op.loc);
    m_.op(moved).attrs = op.attrs;
    return moved;
  }
  ValueId moveCondition(const Op &op, ValueId c) {
    const Shape from = m_.type(op.operands[0]).shape;
    return move(op, Builder(m_, op.loc).broadcast(c, from), Elem::Bool);
  }

  /// A secret 0 or 1 (or -1) times a fill.
  llvm::Expected<Stripped> stripMul(ValueId v, const Op &op) {
    for (int i : {0, 1}) {
      const std::optional<double> c = m_.uniformConstant(op.operands[i]);
      const ValueId x = op.operands[1 - i];
      if (!c || m_.constantOf(x) || std::fabs(*c) < -kFill ||
          m_.type(x).shape != op.type.shape)
        continue;
      Builder build(m_, op.loc);
      const ValueId gone =
          *c < 0 ? build.binary(Opcode::Less, build.scalar(0.5), x)
                 : build.binary(Opcode::Less, x, build.scalar(-0.5));
      return Stripped{zeros(op.type.shape), std::nullopt, gone};
    }
    return stripOpen(v);
  }
  ValueId zeros(const Shape &shape) {
    ConstData zero{Elem::F32, shape, {}, {}};
    zero.floats.assign(Type::tensor(Elem::F32, Vis::Public, shape).numel(), 0);
    return m_.constant(std::move(zero), Vis::Public);
  }

  /// A secret condition without the fills that it was computed from.
  llvm::Expected<ValueId> condition(ValueId v) {
    const Op op = m_.op(v);
    Builder build(m_, op.loc);
    switch (op.opcode) {
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Broadcast:
    case Opcode::Slice: {
      llvm::Expected<ValueId> c = condition(op.operands[0]);
      if (!c)
        return c.takeError();
      return *c == op.operands[0] ? v : moveCondition(op, *c);
    }
    case Opcode::Cast: { // bool(select(c, fill, x)) is c or bool(x)
      const Op from = m_.op(op.operands[0]);
      if (from.opcode != Opcode::Select)
        return v;
      const std::optional<double> c = m_.uniformConstant(from.operands[1]);
      if (!c || *c > kFill)
        return v;
      llvm::Expected<ValueId> first = condition(from.operands[0]);
      if (!first)
        return first.takeError();
      return build.binary(Opcode::Or, *first,
                          build.cast(from.operands[2], Elem::Bool));
    }
    case Opcode::Equal: // where a fill is added, equality is out of reach
      for (int i : {0, 1}) {
        const std::optional<double> c = m_.uniformConstant(op.operands[i]);
        if (!c || std::fabs(*c) >= -kFill / 2 ||
            m_.type(op.operands[1 - i]).elem != Elem::F32)
          continue;
        llvm::Expected<Stripped> s = strip(op.operands[1 - i]);
        if (!s)
          return s.takeError();
        if (!s->fill || s->gone)
          break;
        ConstData clear{Elem::Bool, s->fill->shape, {}, {}};
        for (float f : s->fill->floats)
          clear.ints.push_back(f > kFill);
        const ValueId same =
            build.binary(Opcode::Equal, s->value, op.operands[i]);
        return build.binary(Opcode::And, same,
                            m_.constant(std::move(clear), Vis::Public));
      }
      return v;
    default:
      return v;
    }
  }

  std::optional<ValueId> either(std::optional<ValueId> a,
                                std::optional<ValueId> b,
                                const std::string &loc) {
    if (!a || !b)
      return a ? a : b;
    return Builder(m_, loc).binary(Opcode::Or, *a, *b);
  }

  llvm::Expected<Stripped> stripAdd(ValueId v, const Op &op) {
    llvm::Expected<Stripped> a = strip(op.operands[0]);
    if (!a)
      return a.takeError();
    llvm::Expected<Stripped> b = strip(op.operands[1]);
    if (!b)
      return b.takeError();
    if (!a->any() && !b->any())
      return stripOpen(v);
    ConstData sum{Elem::F32, op.type.shape, {}, {}};
    sum.floats.assign(op.type.numel(), 0.0f);
    for (const Stripped *s : {&*a, &*b}) {
      if (!s->fill)
        continue;
      const ConstData full = broadcastConstant(*s->fill, op.type.shape);
      for (size_t i = 0; i < sum.floats.size(); ++i)
        sum.floats[i] += full.floats[i]; // float: min + min is -inf
    }
    ValueId value = b->value;
    if (!isZero(a->value) || m_.type(b->value).shape != op.type.shape)
      value = isZero(b->value) && m_.type(a->value).shape == op.type.shape
                  ? a->value
                  : Builder(m_, op.loc).binary(Opcode::Add, a->value, b->value);
    Stripped result{value, std::nullopt, either(a->gone, b->gone, op.loc)};
    if (a->fill || b->fill)
      result.fill = std::move(sum);
    return result;
  }

  bool isZero(ValueId v) const {
    std::optional<double> c = m_.uniformConstant(v);
    return c && *c == 0.0;
  }

  llvm::Expected<Stripped> stripSelect(ValueId v, const Op &op) {
    const ConstData *cond = m_.constantOf(op.operands[0]);
    if (!cond || !m_.type(op.operands[0]).isPublic())
      return stripSecretSelect(v, op);
    for (int side : {1, 2}) { // the side that holds the fill
      std::optional<double> c = m_.uniformConstant(op.operands[side]);
      if (!c || *c > kFill)
        continue;
      const ConstData where = broadcastConstant(*cond, op.type.shape);
      llvm::Expected<Stripped> x = strip(op.operands[3 - side]);
      if (!x)
        return x.takeError();
      ConstData fill{Elem::F32, op.type.shape, {}, {}};
      fill.floats.assign(op.type.numel(), 0.0f);
      if (x->fill) {
        fill = broadcastConstant(*x->fill, op.type.shape);
      }
      for (size_t i = 0; i < fill.floats.size(); ++i)
        if ((where.ints[i] != 0) == (side == 1))
          fill.floats[i] = static_cast<float>(*c);
      ValueId value = x->value;
      if (m_.type(value).shape != op.type.shape)
        value = Builder(m_, op.loc).broadcast(value, op.type.shape);
      return Stripped{value, std::move(fill), x->gone};
    }
    return stripOpen(v);
  }

  llvm::Expected<Stripped> stripSecretSelect(ValueId v, const Op &op) {
    for (int side : {1, 2}) { // the side that is the fill
      const std::optional<double> c = m_.uniformConstant(op.operands[side]);
      if (!c || *c > kFill)
        continue;
      llvm::Expected<Stripped> x = strip(op.operands[3 - side]);
      if (!x)
        return x.takeError();
      llvm::Expected<ValueId> cond = condition(op.operands[0]);
      if (!cond)
        return cond.takeError();
      Builder build(m_, op.loc);
      const ValueId gone = side == 1 ? *cond : build.unary(Opcode::Not, *cond);
      Stripped result{build.broadcast(x->value, op.type.shape), std::nullopt,
                      either(gone, x->gone, op.loc)};
      if (x->fill) {
        result.fill = broadcastConstant(*x->fill, op.type.shape);
      }
      return result;
    }
    return stripOpen(v);
  }

  llvm::Expected<Stripped> stripMax(ValueId v, const Op &op) {
    for (int i : {0, 1}) {
      std::optional<double> c = m_.uniformConstant(op.operands[i]);
      if (!c || *c > kFill)
        continue;
      llvm::Expected<Stripped> x = strip(op.operands[1 - i]);
      if (!x)
        return x.takeError();
      if (m_.type(x->value).shape != op.type.shape)
        break;
      if (x->fill)
        for (float &f : x->fill->floats)
          f = std::max(f, static_cast<float>(*c));
      return std::move(*x);
    }
    return stripOpen(v);
  }

  Module &m_;
  llvm::DenseMap<uint32_t, bool> mayFill_;
};

} // namespace

llvm::Error foldMasks(Module &m, Context &) { return FoldMasks(m).run(); }

} // namespace mpc::passes

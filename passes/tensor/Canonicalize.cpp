//===- passes/tensor/Canonicalize.cpp - one spelling for each computation -===//
//   tensor.div x, sqrt(y)    ==>  tensor.mul x, tensor.rsqrt y
//   tensor.div x, y          ==>  tensor.mul x, tensor.recip y
//   tensor.div x, constant   ==>  tensor.mul x, 1/constant
//   tensor.pow x, 2          ==>  tensor.mul x, x           (also 1, 3, +-1/2,
//   -1)
//   mul(mul(x, c), d)        ==>  mul x, c*d        (scalar constants)
//   max(x, 0)                ==>  relu x
//   x + 0, x * 1, no-op reshape, broadcast, cast, transpose  ==>  x
//   select(public mask, x, y) ==>  x * mask + y * (1 - mask)  (exact, local)
//   concat with public parts ==>  the others spread over zeros, plus a constant
//   or, xor with a public mask ==>  and, not        (local)
// Stage: tensor. Division by a broadcast row value becomes one reciprocal a
// row, because recip has the row's own shape.
// Tests: tests/lit/passes/canonicalize/
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

class Canonicalizer {
public:
  explicit Canonicalizer(Module &m)
      : m_(m), uses_(m.useCounts()), open_(m.numValues(), false) {
    for (ValueId v : m.order()) {
      const Op &op = m.op(v);
      open_[v.index] = op.opcode == Opcode::Input && op.type.isPublic();
      for (ValueId o : op.operands)
        open_[v.index] =
            open_[v.index] || (open_[o.index] && op.type.isPublic());
    }
  }

  /// The value that replaces v, if a rule applies.
  std::optional<ValueId> simplify(ValueId v) {
    const Opcode opcode = m_.op(v).opcode;
    if (open_[v.index]) // computed in float by every party: as it is written
      return isNoOp(v) ? std::optional(operand(v, 0)) : std::nullopt;
    if (opcode == Opcode::Select)
      return simplifySelect(v);
    if (opcode == Opcode::Concat && m_.op(v).operands.size() > 1)
      return simplifyConcat(v);
    if (opcode == Opcode::Or || opcode == Opcode::Xor)
      return simplifyLogic(v);
    if (m_.type(v).elem != Elem::F32)
      return isNoOp(v) ? std::optional(m_.op(v).operands[0]) : std::nullopt;
    switch (opcode) {
    case Opcode::Div:
      return simplifyDiv(v);
    case Opcode::Pow:
      return simplifyPow(v);
    case Opcode::Recip:
      if (m_.op(operand(v, 0)).opcode == Opcode::Sqrt)
        return builder(v).unary(Opcode::Rsqrt, operand(operand(v, 0), 0));
      return std::nullopt;
    case Opcode::Mul:
      return simplifyMul(v);
    case Opcode::Add:
      return simplifyAdd(v);
    case Opcode::Sub:
      return isUniform(operand(v, 1), 0.0) && sameType(v, 0)
                 ? std::optional(operand(v, 0))
                 : std::nullopt;
    case Opcode::Max:
      for (int i : {0, 1})
        if (isUniform(operand(v, i), 0.0) && sameType(v, 1 - i))
          return builder(v).unary(Opcode::Relu, operand(v, 1 - i));
      return std::nullopt;
    default:
      return isNoOp(v) ? std::optional(operand(v, 0)) : std::nullopt;
    }
  }

private:
  Builder builder(ValueId v) { return Builder(m_, m_.op(v).loc); }
  ValueId operand(ValueId v, int i) const { return m_.op(v).operands[i]; }
  bool sameType(ValueId v, int i) const {
    return m_.type(v) == m_.type(operand(v, i));
  }
  /// False for values made in this sweep: the next one knows their uses.
  bool hasOneUse(ValueId v) const {
    return v.index < uses_.size() && uses_[v.index] == 1;
  }
  bool isUniform(ValueId v, double value) const {
    std::optional<double> c = m_.uniformConstant(v);
    return c && *c == value;
  }

  bool isNoOp(ValueId v) const {
    switch (m_.op(v).opcode) {
    case Opcode::Reshape:
    case Opcode::Broadcast:
    case Opcode::Cast:
      return sameType(v, 0);
    case Opcode::Slice: {
      for (int64_t s : m_.op(v).intsAttr("steps"))
        if (s != 1)
          return false;
      return sameType(v, 0);
    }
    case Opcode::Transpose: {
      int64_t i = 0;
      for (int64_t p : m_.op(v).intsAttr("perm"))
        if (p != i++)
          return false;
      return true;
    }
    case Opcode::Concat:
      return m_.op(v).operands.size() == 1;
    default:
      return false;
    }
  }

  std::optional<ValueId> simplifyDiv(ValueId v) {
    const ValueId a = operand(v, 0), b = operand(v, 1);
    Builder build = builder(v);
    if (const ConstData *c = m_.constantOf(b); c && m_.type(b).isPublic()) {
      ConstData inverse = *c;
      for (float &x : inverse.floats)
        x = static_cast<float>(1.0 / static_cast<double>(x));
      return build.binary(Opcode::Mul, a,
                          m_.constant(std::move(inverse), Vis::Public));
    }
    const ValueId inverse = m_.op(b).opcode == Opcode::Sqrt
                                ? build.unary(Opcode::Rsqrt, operand(b, 0))
                                : build.unary(Opcode::Recip, b);
    if (isUniform(a, 1.0) && m_.type(inverse) == m_.type(v))
      return inverse;
    return build.binary(Opcode::Mul, a, inverse);
  }

  std::optional<ValueId> simplifyPow(ValueId v) {
    const ValueId x = operand(v, 0);
    const std::optional<double> p = m_.uniformConstant(operand(v, 1));
    if (!p || !sameType(v, 0))
      return std::nullopt;
    Builder build = builder(v);
    if (*p == 1)
      return x;
    if (*p == 2)
      return build.binary(Opcode::Mul, x, x);
    if (*p == 3)
      return build.binary(Opcode::Mul, build.binary(Opcode::Mul, x, x), x);
    if (*p == 0.5)
      return build.unary(Opcode::Sqrt, x);
    if (*p == -0.5)
      return build.unary(Opcode::Rsqrt, x);
    if (*p == -1)
      return build.unary(Opcode::Recip, x);
    return std::nullopt;
  }

  std::optional<ValueId> simplifyMul(ValueId v) {
    for (int i : {0, 1}) {
      const std::optional<double> c = m_.uniformConstant(operand(v, i));
      const ValueId x = operand(v, 1 - i);
      if (!c)
        continue;
      if (*c == 1.0 && sameType(v, 1 - i))
        return x;
      // mul(mul(x, c), d): one factor, if the inner product dies with it.
      if (m_.op(x).opcode != Opcode::Mul || !hasOneUse(x))
        continue;
      for (int j : {0, 1}) {
        const std::optional<double> d = m_.uniformConstant(operand(x, j));
        const ValueId inner = operand(x, 1 - j);
        if (!d || m_.type(inner).shape != m_.type(v).shape)
          continue;
        Builder build = builder(v);
        return build.binary(Opcode::Mul, inner, build.scalar(*c * *d));
      }
    }
    return std::nullopt;
  }

  std::optional<ValueId> simplifyAdd(ValueId v) {
    for (int i : {0, 1})
      if (isUniform(operand(v, i), 0.0) && sameType(v, 1 - i))
        return operand(v, 1 - i);
    return std::nullopt;
  }

  const ConstData *publicConstant(ValueId v) const {
    return m_.type(v).isPublic() ? m_.constantOf(v) : nullptr;
  }

  /// `side` where the mask is `wanted`, 0 elsewhere. A constant is masked here:
  /// it may be infinite where it does not count.
  ValueId kept(ValueId v, ValueId side, bool wanted) {
    if (!publicConstant(operand(v, 0)))
      return openKept(v, side, wanted);
    const ConstData mask = *m_.constantOf(operand(v, 0));
    Builder build = builder(v);
    const Shape shape = m_.type(v).shape;
    if (const ConstData *c = publicConstant(side)) {
      ConstData data = broadcastConstant(*c, shape);
      const ConstData where = broadcastConstant(mask, shape);
      for (size_t i = 0; i < where.ints.size(); ++i)
        if ((where.ints[i] != 0) != wanted)
          data.floats[i] = 0;
      return m_.constant(std::move(data), Vis::Public);
    }
    ConstData factor{Elem::F32, mask.shape, {}, {}};
    for (int64_t bit : mask.ints)
      factor.floats.push_back((bit != 0) == wanted ? 1.0f : 0.0f);
    return build.binary(Opcode::Mul, side,
                        m_.constant(std::move(factor), Vis::Public));
  }

  /// The same for a mask that only the session knows.
  ValueId openKept(ValueId v, ValueId side, bool wanted) {
    Builder build = builder(v);
    ValueId where = operand(v, 0);
    if (!wanted)
      where = build.unary(Opcode::Not, where);
    return m_.type(side).isPublic()
               ? build.select(where, side, build.scalar(0))
               : build.binary(Opcode::Mul, side, build.cast(where, Elem::F32));
  }

  std::optional<ValueId> simplifySelect(ValueId v) {
    const ConstData *mask = publicConstant(operand(v, 0));
    if (!m_.type(operand(v, 0)).isPublic() || m_.type(v).elem != Elem::F32 ||
        m_.type(v).isPublic())
      return std::nullopt;
    const int64_t set =
        !mask ? -1
              : std::count_if(mask->ints.begin(), mask->ints.end(),
                              [](int64_t b) { return b != 0; });
    if (mask && (set == 0 || set == mask->numel())) {
      const int side = set == 0 ? 2 : 1;
      return builder(v).broadcast(operand(v, side), m_.type(v).shape);
    }
    const Shape shape = m_.type(v).shape; // new ops move the old ones
    const ValueId a = kept(v, operand(v, 1), true);
    const ValueId b = kept(v, operand(v, 2), false);
    return builder(v).broadcast(builder(v).binary(Opcode::Add, a, b), shape);
  }

  std::optional<ValueId> simplifyConcat(ValueId v) {
    const Op op = m_.op(v);
    if (op.type.isPublic() || op.type.elem == Elem::Bool)
      return std::nullopt;
    std::vector<ValueId> others;
    bool open = false; // a public part that only the session knows
    for (ValueId o : op.operands) {
      if (!m_.type(o).isPublic())
        others.push_back(o);
      open |= m_.type(o).isPublic() && !publicConstant(o);
    }
    if (others.size() == op.operands.size())
      return std::nullopt;
    // Flat index of each element among the others' (joined), -1 in the public
    // parts; the public parts themselves, 0 elsewhere.
    int64_t axis = op.intAttr("axis");
    if (axis < 0)
      axis += op.type.rank();
    const Dims dims = op.type.shape;
    const int64_t outer = numelOf(dims.take_front(axis)),
                  inner = numelOf(dims.drop_front(axis + 1));
    int64_t widthOfOthers = 0;
    for (ValueId o : others)
      widthOfOthers += m_.type(o).shape[axis] * inner;
    std::vector<int64_t> indices;
    ConstData known{op.type.elem, op.type.shape, {}, {}};
    for (int64_t i = 0; i < outer; ++i) {
      int64_t next = i * widthOfOthers;
      for (ValueId o : op.operands) {
        const int64_t width = m_.type(o).shape[axis] * inner;
        const ConstData *c = publicConstant(o);
        for (int64_t k = 0; k < width; ++k) {
          indices.push_back(m_.type(o).isPublic() ? -1 : next++);
          const double x = c ? c->at(i * width + k) : 0;
          if (op.type.elem == Elem::F32)
            known.floats.push_back(static_cast<float>(x));
          else
            known.ints.push_back(c ? c->ints[i * width + k] : 0);
        }
      }
    }
    Builder build = builder(v);
    const ValueId joined =
        others.size() == 1 ? others[0] : build.concat(others, axis);
    const ValueId spread =
        build.take(joined, std::move(indices), op.type.shape);
    return build.binary(Opcode::Add, spread,
                        open ? openConcat(build, op, axis)
                             : m_.constant(std::move(known), Vis::Public));
  }

  /// The public parts of a concat, zeros for the others.
  ValueId openConcat(Builder &build, const Op &op, int64_t axis) {
    std::vector<ValueId> parts;
    for (ValueId o : op.operands) {
      if (m_.type(o).isPublic()) {
        parts.push_back(o);
        continue;
      }
      const ValueId zero =
          op.type.elem == Elem::F32 ? build.scalar(0) : build.scalarInt(0);
      parts.push_back(build.broadcast(zero, m_.type(o).shape));
    }
    return build.concat(parts, axis);
  }

  std::optional<ValueId> simplifyLogic(ValueId v) {
    ValueId a = operand(v, 0), b = operand(v, 1);
    if (m_.type(b).isPublic())
      std::swap(a, b);
    if (!m_.type(a).isPublic() || m_.type(b).isPublic())
      return std::nullopt;
    const bool isOr = m_.op(v).opcode == Opcode::Or;
    Builder build = builder(v);
    ValueId notA;
    if (const ConstData *mask = publicConstant(a)) {
      ConstData inverse = *mask;
      for (int64_t &bit : inverse.ints)
        bit = bit == 0;
      notA = m_.constant(std::move(inverse), Vis::Public);
    } else {
      notA = build.unary(Opcode::Not, a);
    }
    const ValueId notB = build.unary(Opcode::Not, b);
    if (isOr)
      return build.unary(Opcode::Not, build.binary(Opcode::And, notB, notA));
    return build.binary(Opcode::Xor, build.binary(Opcode::And, b, notA),
                        build.binary(Opcode::And, notB, a));
  }

  Module &m_;
  std::vector<uint32_t> uses_;
  std::vector<bool> open_; ///< depends on public inputs only
};

} // namespace

llvm::Error canonicalize(Module &m, Context &) {
  // New ops may match again (div -> mul by a constant -> folded factors).
  for (bool changed = true; changed;) {
    Canonicalizer rules(m);
    changed = rewriteEach(m, [&](ValueId v) { return rules.simplify(v); });
  }
  return llvm::Error::success();
}

} // namespace mpc::passes

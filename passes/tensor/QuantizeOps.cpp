//===- passes/tensor/QuantizeOps.cpp - which op is converted how ----------===//
// The table of tensor ops that have a fixed-point form, and the linear ones:
// movement, concatenation, products of matrices, reductions, casts.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

Quantizer::Converter Quantizer::converterOf(Opcode op) {
  using Q = Quantizer;
  using N = const Node;
  using R = Converted;
  static const std::pair<Opcode, Converter> table[] = {
      {Opcode::Constant, [](Q &q, N &n) -> R { return q.constant(n); }},
      {Opcode::Input, [](Q &q, N &n) -> R { return q.input(n); }},
      // Movement
      {Opcode::Reshape, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Transpose, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Slice, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Broadcast, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Pad, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Take, [](Q &q, N &n) -> R { return q.movement(n); }},
      {Opcode::Concat, [](Q &q, N &n) -> R { return q.concat(n); }},
      {Opcode::Gather, [](Q &q, N &n) -> R { return q.gather(n); }},
      // Arithmetic
      {Opcode::Add,
       [](Q &q, N &n) -> R {
         return q.addOrSub(Opcode::FixedAdd, q.number(n, 0), q.number(n, 1),
                           n.shape, n.range);
       }},
      {Opcode::Sub,
       [](Q &q, N &n) -> R {
         return q.addOrSub(Opcode::FixedSub, q.number(n, 0), q.number(n, 1),
                           n.shape, n.range);
       }},
      {Opcode::Neg,
       [](Q &q, N &n) -> R {
         const ValueId x = q.number(n, 0);
         return q.emit(Opcode::FixedNeg, {x}, n.shape, q.fracOf(x), n.range);
       }},
      {Opcode::Mul,
       [](Q &q, N &n) -> R {
         return q.multiply(q.number(n, 0), q.number(n, 1), n.shape, n.range);
       }},
      {Opcode::MatMul, [](Q &q, N &n) -> R { return q.matmul(n); }},
      {Opcode::ReduceSum, [](Q &q, N &n) -> R { return q.reduceSum(n); }},
      {Opcode::ReduceMax,
       [](Q &q, N &n) -> R {
         return q.reduceMax(q.ready(q.number(n, 0)), n, n.range);
       }},
      {Opcode::ReduceMin, [](Q &q, N &n) -> R { return q.reduceMin(n); }},
      {Opcode::Softmax, [](Q &q, N &n) -> R { return q.softmax(n); }},
      // Functions
      {Opcode::Map,
       [](Q &q, N &n) -> R {
         llvm::Expected<Expr> f = Expr::parse(n.op.strAttr("expr"));
         if (!f)
           return f.takeError();
         const ValueId x = q.number(n, 0);
         Precision p{q.nodeFrac_, {}, {}};
         if (n.op.hasAttr("tolerance"))
           p.tolerance = n.op.floatAttr("tolerance");
         if (n.op.hasAttr("relative_tolerance"))
           p.relativeTolerance = n.op.floatAttr("relative_tolerance");
         return q.map(x, *f, q.rangeOf(x), n.range, p);
       }},
      {Opcode::Pow,
       [](Q &q, N &n) -> R {
         return q.power(n, q.number(n, 0), q.number(n, 1));
       }},
      {Opcode::Relu, [](Q &q, N &n) -> R { return q.relu(n); }},
      {Opcode::Abs, [](Q &q, N &n) -> R { return q.absolute(n); }},
      {Opcode::Sign, [](Q &q, N &n) -> R { return q.sign(n); }},
      {Opcode::Max, [](Q &q, N &n) -> R { return q.maxOrMin(n); }},
      {Opcode::Min, [](Q &q, N &n) -> R { return q.maxOrMin(n); }},
      // Integers of reals
      {Opcode::Floor,
       [](Q &q, N &n) -> R { return q.floor(q.number(n, 0)); }},
      {Opcode::Ceil,
       [](Q &q, N &n) -> R {
         return q.negated(q.floor(q.negated(q.number(n, 0))));
       }},
      {Opcode::Round,
       [](Q &q, N &n) -> R { return q.round(q.number(n, 0)); }},
      {Opcode::Div,
       [](Q &q, N &n) -> R {
         if (n.op.type.elem != Elem::I64)
           return nodeError(n.op, "a quotient that canonicalize left");
         return q.integerDivision(q.number(n, 0), q.number(n, 1), n.shape);
       }},
      {Opcode::Mod,
       [](Q &q, N &n) -> R {
         return q.modulo(q.number(n, 0), q.number(n, 1),
                         n.op.hasAttr("fmod") && n.op.intAttr("fmod"),
                         n.op.type.elem == Elem::F32, n.shape);
       }},
      // Comparisons and bits
      {Opcode::Less,
       [](Q &q, N &n) -> R {
         return q.less(q.number(n, 0), q.number(n, 1), n.shape);
       }},
      {Opcode::LessEqual,
       [](Q &q, N &n) -> R {
         return q.logicalNot(q.less(q.number(n, 1), q.number(n, 0), n.shape));
       }},
      {Opcode::Equal,
       [](Q &q, N &n) -> R {
         return q.equal(q.number(n, 0), q.number(n, 1), n.shape);
       }},
      {Opcode::Not,
       [](Q &q, N &n) -> R { return q.logicalNot(q.operand(n, 0)); }},
      {Opcode::And,
       [](Q &q, N &n) -> R {
         return q.logicalAnd(q.operand(n, 0), q.operand(n, 1), n.shape);
       }},
      {Opcode::Or,
       [](Q &q, N &n) -> R {
         return q.logicalOr(q.operand(n, 0), q.operand(n, 1), n.shape);
       }},
      {Opcode::Xor,
       [](Q &q, N &n) -> R {
         return q.logicalXor(q.operand(n, 0), q.operand(n, 1), n.shape);
       }},
      {Opcode::Select,
       [](Q &q, N &n) -> R {
         return q.select(q.operand(n, 0), q.number(n, 1), q.number(n, 2),
                         n.shape, n.range);
       }},
      {Opcode::Cast, [](Q &q, N &n) -> R { return q.cast(n); }},
  };
  for (const auto &[opcode, converter] : table)
    if (opcode == op)
      return converter;
  // A function that fuse-univariate left alone, or did not see.
  if (elementwiseArity(op) == 1)
    return [](Q &q, N &n) -> R {
      const ValueId x = q.number(n, 0);
      return q.map(x, Expr::apply(n.op.opcode, {Expr::variable()}),
                   q.rangeOf(x), n.range);
    };
  return nullptr;
}

ValueId Quantizer::movement(const Node &n) {
  const ValueId bits = operand(n, 0);
  if (out_.type(bits).elem == Elem::Bool && !isConstant(bits)) {
    const ValueId r = emitBool(n.op.opcode, {bits}, n.shape);
    copyAttrs(n.op, r);
    return r;
  }
  ValueId x = number(n, 0);
  if (readInPieces_[n.op.operands[0].index] && !isConstant(x))
    x = ready(x);
  const bool isExp = unnormalized_.count(n.op.operands[0].index) != 0;
  const ValueId r =
      emit(n.op.opcode, {x}, n.shape, fracOf(x), isExp ? rangeOf(x) : n.range);
  copyAttrs(n.op, r);
  return r;
}

void Quantizer::findPieces() {
  constexpr int kFew = 4;
  std::vector<int64_t> pieces(in_.numValues(), 0), elements = pieces;
  for (ValueId v : in_.order()) {
    const Op &op = in_.op(v);
    if (op.opcode != Opcode::Slice && op.opcode != Opcode::Take)
      continue;
    ++pieces[op.operands[0].index];
    elements[op.operands[0].index] += op.type.numel();
  }
  readInPieces_.assign(in_.numValues(), false);
  for (ValueId v : in_.order())
    readInPieces_[v.index] =
        pieces[v.index] > kFew || elements[v.index] > in_.type(v).numel();
}

ValueId Quantizer::concat(const Node &n) {
  if (const ValueId r = unscaledConcat(n); r.valid())
    return r;
  llvm::SmallVector<ValueId, 4> parts;
  bool alike = true;
  for (size_t i = 0; i < n.op.operands.size(); ++i) {
    parts.push_back(scaled(n, i));
    alike &= !isConstant(parts[i]) && fracOf(parts[i]) == fracOf(parts[0]);
  }
  int frac = -64;
  for (ValueId &x : parts) {
    if (!alike && !nodeFrac_ && !isConstant(x))
      x = ready(x);
    frac = std::max(frac, fracOf(x));
  }
  for (ValueId &p : parts)
    p = withFrac(p, frac);
  const ValueId r = emit(n.op.opcode, parts, n.shape, frac, n.range);
  copyAttrs(n.op, r);
  return r;
}

ValueId Quantizer::matmul(const Node &n) {
  ValueId left = n.op.operands[0];
  if (in_.op(left).opcode == Opcode::Take)
    left = in_.op(left).operands[0];
  if (unnormalized_.count(left.index))
    return normalizedProduct(n, number(n, 1));
  const double terms =
      static_cast<double>(in_.type(n.op.operands[0]).shape.back());
  auto side = [&](int i) {
    const ValueId x = operand(n, i);
    return out_.type(x).isPublic() ? publicFactor(x, operand(n, 1 - i), terms)
                                   : ready(toArithmetic(x));
  };
  const ValueId a = side(0), b = side(1);
  return emit(Opcode::FixedMatMul, {a, b}, n.shape, fracOf(a) + fracOf(b),
              n.range);
}

ValueId Quantizer::reduceSum(const Node &n) {
  const ValueId x = number(n, 0);
  const ValueId r =
      emit(Opcode::FixedReduceSum, {x}, n.shape, fracOf(x), n.range);
  copyAttrs(n.op, r);
  return r;
}

ValueId Quantizer::reduceMax(ValueId x, const Node &n, Range range) {
  const ValueId r =
      emit(Opcode::FixedReduceMax, {x}, n.shape, fracOf(x), range);
  out_.op(r).setAttr("axes", n.op.intsAttr("axes").vec());
  out_.op(r).setAttr("keepdims", n.op.intAttr("keepdims"));
  return r;
}

ValueId Quantizer::reduceMin(const Node &n) {
  const ValueId least = reduceMax(negated(ready(number(n, 0))), n,
                                  {-n.range.second, -n.range.first});
  return emit(Opcode::FixedNeg, {least}, n.shape, fracOf(least), n.range);
}

ValueId Quantizer::cast(const Node &n) {
  const ValueId x = value(n.op.operands[0]);
  const Elem from = in_.type(n.op.operands[0]).elem, to = n.op.type.elem;
  if (to == Elem::Bool)
    return from == Elem::Bool ? x : logicalNot(equal(x, scalar(0), n.shape));
  if (from == Elem::F32 && to == Elem::I64)
    return truncateReal(toArithmetic(x), n.shape);
  return toArithmetic(x);
}

} // namespace mpc::passes

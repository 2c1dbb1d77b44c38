//===- passes/tensor/QuantizeScale.cpp - fraction bits of operands --------===//
// Values of the new module, and how two of them come to common fraction bits:
// what every family of ops is built from.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

ValueId Quantizer::emit(Opcode op, llvm::ArrayRef<ValueId> operands,
                        Shape shape, int frac, Range range) {
  // Roundings may take it an ulp or two further.
  const double ulps = std::ldexp(2.0, -frac);
  const Range rounded{range.first - (range.first < 0 ? ulps : 0),
                      range.second + (range.second > 0 ? ulps : 0)};
  const Type t =
      Type::fx(b_.joinOf(operands), 0, frac, intBitsOf(rounded), shape);
  const ValueId v = out_.append(op, operands, t, loc_);
  out_.op(v).range = range;
  return v;
}

ValueId Quantizer::emitBool(Opcode op, llvm::ArrayRef<ValueId> operands,
                            Shape shape) {
  const ValueId v = out_.append(
      op, operands, Type::tensor(Elem::Bool, b_.joinOf(operands), shape), loc_);
  out_.op(v).range = Range{0, 1};
  return v;
}

ValueId Quantizer::moved(ValueId v, ValueId from) {
  out_.op(v).range = out_.op(from).range;
  return v;
}

ValueId Quantizer::publicConstant(ConstData data) {
  Range r{0, 0};
  for (int64_t i = 0; i < data.numel(); ++i)
    r = {std::min(r.first, data.at(i)), std::max(r.second, data.at(i))};
  Type t =
      Type::fx(Vis::Public, 0, ctx_.options.fracBits, intBitsOf(r), data.shape);
  const ValueId v = out_.append(Opcode::Constant, {}, t, loc_);
  out_.op(v).setAttr("value", out_.addConst(std::move(data)));
  out_.op(v).range = r;
  return v;
}

ValueId Quantizer::scalar(double x) {
  return publicConstant({Elem::F32, {}, {static_cast<float>(x)}, {}});
}

int Quantizer::targetOf(ValueId v) const {
  auto it = target_.find(v.index);
  return it == target_.end() ? fracBitsOf(rangeOf(v), ctx_.options)
                             : it->second;
}

void Quantizer::setTarget(ValueId v, const Op &from, llvm::StringRef key) {
  if (!from.hasAttr(key) || !out_.type(v).isFx() || out_.type(v).isPublic())
    return;
  const int frac = static_cast<int>(from.intAttr(key));
  auto [it, fresh] = target_.try_emplace(v.index, frac);
  it->second = std::max(it->second, frac);
}

ValueId Quantizer::withFrac(ValueId v, int frac) {
  if (fracOf(v) == frac)
    return v;
  const Op op = out_.op(v);
  if (op.opcode == Opcode::Encode)
    return encoded(op.operands[0], frac, rangeOf(v));
  if (op.opcode == Opcode::Constant) {
    Type t = op.type;
    t.frac = frac;
    const ValueId c = out_.append(Opcode::Constant, {}, t, op.loc);
    out_.op(c).attrs = op.attrs;
    out_.op(c).range = op.range;
    return c;
  }
  if (frac < fracOf(v))
    return emit(Opcode::FixedRescale, {v}, shapeOf(v), frac, rangeOf(v));
  const ValueId s = emit(Opcode::FixedShl, {v}, shapeOf(v), frac, rangeOf(v));
  out_.op(s).setAttr("bits", static_cast<int64_t>(frac - fracOf(v)));
  return s;
}

ValueId Quantizer::ready(ValueId v) {
  if (auto it = ready_.find(v.index); it != ready_.end())
    return it->second;
  if (isConstant(v))
    return v;
  const int target = targetOf(v);
  const ValueId r = fracOf(v) > target + kSlackBits ? withFrac(v, target) : v;
  ready_[v.index] = ready_[r.index] = r;
  if (target_.count(v.index))
    target_[r.index] = target;
  return r;
}

int Quantizer::exactBits(ValueId v, int frac, int most) const {
  if (out_.op(v).opcode == Opcode::Encode) {
    const bool whole = whole_.contains(out_.op(v).operands[0].index);
    return whole ? frac : std::max(frac, most);
  }
  const ConstData &c = *out_.constantOf(v);
  for (int64_t i = 0; i < c.numel() && frac < most; ++i)
    while (frac < most && std::ldexp(c.at(i), frac) !=
                              std::nearbyint(std::ldexp(c.at(i), frac)))
      ++frac;
  return frac;
}

ValueId Quantizer::publicFactor(ValueId v, ValueId x, double terms) {
  int most =
      static_cast<int>(ctx_.options.fracBits) + 2 - intBitsOf(rangeOf(v));
  if (nodeFrac_)
    most = std::min<int>(most, *nodeFrac_ + intBitsOf(rangeOf(x)) - 2 +
                                   std::lround(std::log2(terms) / 2));
  return withFrac(v, exactBits(v, 0, most));
}

ValueId Quantizer::fineEnoughFor(ValueId c, ValueId x) {
  const int fracBits = static_cast<int>(ctx_.options.fracBits);
  int most = std::min(fracBits, fracBits + 2 - intBitsOf(rangeOf(c)));
  if (nodeFrac_)
    most = std::min(most, *nodeFrac_);
  const int frac = exactBits(c, fracOf(x), most);
  return frac > fracOf(x) ? withFrac(x, frac) : x;
}

bool Quantizer::isUntruncated(ValueId v) const {
  return fracOf(v) > targetOf(v) + kSlackBits;
}

bool Quantizer::fits(Range r, int frac) const {
  return intBitsOf(r) + 1 + frac + 2 <= static_cast<int>(ctx_.options.ringBits);
}

void Quantizer::align(ValueId &a, ValueId &b) {
  if (isConstant(a)) {
    b = fineEnoughFor(a, b);
    a = withFrac(a, fracOf(b));
    return;
  }
  if (isConstant(b)) {
    a = fineEnoughFor(b, a);
    b = withFrac(b, fracOf(a));
    return;
  }
  if (fracOf(a) == fracOf(b))
    return;
  ValueId &wide = fracOf(a) > fracOf(b) ? a : b;
  ValueId &narrow = fracOf(a) > fracOf(b) ? b : a;
  const Range both{std::min(rangeOf(a).first, rangeOf(b).first),
                   std::max(rangeOf(a).second, rangeOf(b).second)};
  if (isUntruncated(wide) && !((isUntruncated(narrow) || isGathered(narrow)) &&
                               fits(both, fracOf(wide)))) {
    const int target = targetOf(wide);
    wide = withFrac(wide, std::max(target, fracOf(narrow)));
  }
  const int frac = std::max(fracOf(wide), fracOf(narrow));
  wide = withFrac(wide, frac);
  narrow = withFrac(narrow, frac);
}

ValueId Quantizer::addOrSub(Opcode op, ValueId a, ValueId b, Shape shape,
                            Range range) {
  align(a, b);
  return emit(op, {a, b}, shape, fracOf(a), range);
}

ValueId Quantizer::difference(ValueId a, ValueId b, Range range) {
  return addOrSub(Opcode::FixedSub, a, b, shapeOf(a), range);
}

ValueId Quantizer::negated(ValueId x) {
  return emit(Opcode::FixedNeg, {x}, shapeOf(x), fracOf(x),
              {-rangeOf(x).second, -rangeOf(x).first});
}

/// A product by a public constant keeps its operand untruncated up to here;
/// beyond, the ring it asks of everything it is added to costs more than the
/// truncation saves.
static constexpr int kLazyProductBits = 48;
/// The same where the operand is much smaller than what it was summed from: its
/// truncation is cheap.
static constexpr int kLazyReductionBits = 24;

bool Quantizer::isReduction(ValueId v) const {
  while (out_.op(v).opcode == Opcode::Reshape)
    v = out_.op(v).operands[0];
  return out_.op(v).opcode == Opcode::FixedReduceSum;
}

bool Quantizer::isGathered(ValueId v) const {
  while (out_.op(v).opcode == Opcode::Reshape ||
         out_.op(v).opcode == Opcode::Transpose ||
         out_.op(v).opcode == Opcode::Slice)
    v = out_.op(v).operands[0];
  return out_.op(v).opcode == Opcode::FixedGather;
}

ValueId Quantizer::multiply(ValueId a, ValueId b, Shape shape, Range range) {
  if (out_.type(a).isPublic())
    std::swap(a, b);
  if (out_.type(b).isPublic()) {
    b = publicFactor(b, a);
    const int lazy = target_.count(a.index) && isReduction(a)
                         ? kLazyReductionBits
                         : kLazyProductBits;
    if (intBitsOf(range) + fracOf(a) + fracOf(b) > lazy)
      a = ready(a);
  } else {
    a = ready(a);
    b = ready(b);
  }
  return emit(Opcode::FixedMul, {a, b}, shape, fracOf(a) + fracOf(b), range);
}

ValueId Quantizer::spread(ValueId x, Shape shape) {
  return emit(Opcode::Broadcast, {x}, shape, fracOf(x), rangeOf(x));
}

} // namespace mpc::passes

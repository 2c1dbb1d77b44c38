//===- passes/tensor/Quantize.cpp - float ops become fixed-point ops ------===//
//   %2 = tensor.matmul %0, %1      %2 = fixed.matmul %0, %1 : fx<_,34,6>
//   %3 = tensor.exp ...       ==>  %3 = fixed.rescale %2    : fx<_,15,6>
// Stage: tensor -> fixed, after calibrate; rings stay open ('_').
// Linear ops keep the fraction bits they are given; a value is rescaled to its
// target (passes/Scale.h) where a product, a map, a comparison or an output
// reads it, so a truncation is paid once per product that needs it and none is
// paid inside sums. Weights and public constants are encoded at whatever
// fraction bits their reader needs.
// Here: the pass, constants and inputs; the ops are in Quantize*.cpp beside.
// Tests: tests/lit/passes/quantize/
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

Quantizer::Quantizer(const Module &in, Context &ctx)
    : in_(in), ctx_(ctx), out_(in.name(), Level::Fixed), b_(out_),
      map_(in.numValues()) {}

llvm::Expected<Module> Quantizer::run() {
  findLeftFactors();
  findPieces();
  findCompared();
  for (ValueId v : in_.order()) {
    b_.setLoc(in_.op(v).loc);
    if (llvm::Error e = convert(v))
      return e;
  }
  for (const Output &o : in_.outputs()) {
    const bool open = in_.type(o.value).isPublic() && !in_.constantOf(o.value);
    ValueId v = open ? raw(o.value) : map_[o.value.index];
    if (!out_.type(v).isPublic() && o.elem == Elem::F32)
      v = ready(v);
    if (!out_.type(v).isPublic() && o.elem == Elem::Bool)
      v = toArithmetic(v);
    out_.outputs().push_back({o.name, v, o.elem});
  }
  out_.removeDead();
  return std::move(out_);
}

void Quantizer::findCompared() {
  const std::vector<ValueId> order = in_.order();
  for (size_t i = order.size(); i-- > 0;) {
    const Op &op = in_.op(order[i]);
    switch (op.opcode) {
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Concat:
    case Opcode::Broadcast:
      if (!compared_.count(order[i].index))
        break;
      [[fallthrough]];
    case Opcode::Less:
    case Opcode::LessEqual:
    case Opcode::Equal:
      for (ValueId o : op.operands)
        compared_.insert(o.index);
      break;
    default:
      break;
    }
  }
}

llvm::Error Quantizer::convert(ValueId v) {
  const Op &op = in_.op(v);
  loc_ = op.loc;
  if (op.type.isPublic() && op.opcode != Opcode::Constant) {
    if (op.opcode == Opcode::Input)
      raw(v);                      // the session has it, used or not
    return llvm::Error::success(); // made where it is read
  }
  nodeFrac_ = op.hasAttr("frac") ? std::optional<int>(op.intAttr("frac"))
                                 : std::nullopt;
  if (!op.range && !op.type.isPublic())
    return nodeError(op, "has no range: calibrate comes before quantize");
  const Converter converter = converterOf(op.opcode);
  if (!converter)
    return nodeError(op,
                     "has no fixed-point form for operands that are secret; it "
                     "can only be used on values known at compile time");
  Converted result =
      converter(*this, {v, op, op.type.shape, op.range.value_or(Range{0, 0})});
  if (!result)
    return result.takeError();
  if (!error_.empty())
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                   error_.c_str());
  map_[v.index] = *result;
  if (result->valid() && !unscaled_.count(v.index)) {
    setTarget(*result, op);
    if ((op.hasAttr("rounds") && op.intAttr("rounds")) ||
        compared_.count(v.index) || ctx_.options.eagerTruncation)
      map_[v.index] = ready(*result);
  }
  return llvm::Error::success();
}

/// Up to four standard deviations: a few outliers (a normalization's gain
/// folded into a matrix) do not cost the other weights their low bits.
static Range typicalRange(const ConstData &data, Range range) {
  double squares = 0;
  for (int64_t i = 0; i < data.numel(); ++i)
    squares += data.at(i) * data.at(i);
  const double count = static_cast<double>(std::max<int64_t>(data.numel(), 1));
  const double m = std::min(magnitude(range), 4 * std::sqrt(squares / count));
  return {-m, m};
}

ValueId Quantizer::constant(const Node &n) {
  ConstData data = in_.constData(n.op.constAttr("value"));
  Type t = Type::fx(n.op.type.vis, 0,
                    nodeFrac_
                        ? *nodeFrac_
                        : fracBitsOf(typicalRange(data, n.range), ctx_.options),
                    intBitsOf(n.range), n.shape);
  if (n.op.type.elem == Elem::Bool)
    t = n.op.type;
  else if (n.op.type.elem == Elem::I64) {
    t.frac = 0;
    data.elem = Elem::F32;
    data.floats.assign(data.ints.begin(), data.ints.end());
    data.ints.clear();
  }
  const ValueId c = out_.append(Opcode::Constant, {}, t, n.op.loc);
  for (const auto &[key, attr] : n.op.attrs)
    if (key != "value" && key != "frac" && key != "rounds")
      out_.op(c).setAttr(key, attr);
  out_.op(c).setAttr("value", out_.addConst(std::move(data)));
  out_.op(c).range = n.range;
  return c;
}

ValueId Quantizer::input(const Node &n) {
  const int frac = n.op.type.elem != Elem::F32 ? 0
                   : nodeFrac_                 ? *nodeFrac_
                               : fracBitsOf(n.range, ctx_.options);
  const ValueId i = emit(Opcode::Input, {}, n.shape, frac, n.range);
  out_.op(i).type.vis = n.op.type.vis;
  out_.op(i).setAttr("name", std::string(n.op.strAttr("name")));
  out_.op(i).setAttr("lo", n.range.first);
  out_.op(i).setAttr("hi", n.range.second);
  if (n.op.type.elem != Elem::Bool)
    return i;
  // The client masks 0 or 1 as a number; one comparison makes it a bit.
  const ValueId bit = less(scalar(0), i, n.shape);
  numbers_[bit.index] = i;
  return bit;
}

ValueId Quantizer::operand(const Node &n, int i) {
  const ValueId x = value(n.op.operands[i]);
  if (in_.type(n.op.operands[i]).elem == Elem::Bool && out_.type(x).isFx())
    return less(scalar(0), x, shapeOf(x));
  return x;
}

ValueId Quantizer::number(const Node &n, int i) {
  return toArithmetic(operand(n, i));
}

void Quantizer::copyAttrs(const Op &from, ValueId to) {
  std::vector<std::pair<std::string, Attr>> attrs = from.attrs;
  llvm::erase_if(attrs, [](const auto &a) {
    return a.first == "frac" || a.first == "rounds";
  });
  for (auto &[key, value] : attrs)
    if (ConstId *c = std::get_if<ConstId>(&value))
      *c = out_.addConst(in_.constData(*c));
  out_.op(to).attrs = std::move(attrs);
}

llvm::Error quantize(Module &m, Context &ctx) {
  llvm::Expected<Module> r = Quantizer(m, ctx).run();
  if (!r)
    return r.takeError();
  m = std::move(*r);
  return llvm::Error::success();
}

} // namespace mpc::passes

//===- backend/EmitPublic.cpp ---------------------------------------------===//
#include "backend/EmitPublic.h"
#include "backend/Movement.h"
#include "ir/NodeError.h"
#include <bit>
#include <cmath>

using namespace mpc::ir;
using mpc::plan::PublicElem;
using mpc::plan::PublicOp;
using mpc::plan::PublicType;

namespace mpc::backend {
namespace {

PublicType typeOf(const Type &t) {
  PublicType r;
  r.elem = t.elem == Elem::F32    ? PublicElem::F32
           : t.elem == Elem::Bool ? PublicElem::Bool
                                  : PublicElem::I64; // fx: encoded
  r.shape = toShape(t.shape);
  return r;
}

/// Ops that are the same in both worlds and take no immediates.
std::optional<PublicOp> sameOp(Opcode op) {
  static const std::pair<Opcode, PublicOp> kSame[] = {
      {Opcode::Neg, PublicOp::Neg},
      {Opcode::Abs, PublicOp::Abs},
      {Opcode::Sign, PublicOp::Sign},
      {Opcode::Relu, PublicOp::Relu},
      {Opcode::Not, PublicOp::Not},
      {Opcode::Floor, PublicOp::Floor},
      {Opcode::Ceil, PublicOp::Ceil},
      {Opcode::Round, PublicOp::Round},
      {Opcode::Exp, PublicOp::Exp},
      {Opcode::Log, PublicOp::Log},
      {Opcode::Sqrt, PublicOp::Sqrt},
      {Opcode::Rsqrt, PublicOp::Rsqrt},
      {Opcode::Recip, PublicOp::Recip},
      {Opcode::Erf, PublicOp::Erf},
      {Opcode::Tanh, PublicOp::Tanh},
      {Opcode::Sigmoid, PublicOp::Sigmoid},
      {Opcode::Sin, PublicOp::Sin},
      {Opcode::Cos, PublicOp::Cos},
      {Opcode::Atan, PublicOp::Atan},
      {Opcode::Add, PublicOp::Add},
      {Opcode::Sub, PublicOp::Sub},
      {Opcode::Mul, PublicOp::Mul},
      {Opcode::Div, PublicOp::Div},
      {Opcode::Pow, PublicOp::Pow},
      {Opcode::Max, PublicOp::Max},
      {Opcode::Min, PublicOp::Min},
      {Opcode::Less, PublicOp::Less},
      {Opcode::LessEqual, PublicOp::LessEqual},
      {Opcode::Equal, PublicOp::Equal},
      {Opcode::And, PublicOp::And},
      {Opcode::Or, PublicOp::Or},
      {Opcode::Xor, PublicOp::Xor},
      {Opcode::Select, PublicOp::Select},
      {Opcode::Cast, PublicOp::Cast},
      {Opcode::MatMul, PublicOp::MatMul}};
  for (const auto &[from, to] : kSame)
    if (from == op)
      return to;
  return std::nullopt;
}

PublicOp reduction(Opcode op) {
  return op == Opcode::ReduceSum   ? PublicOp::ReduceSum
         : op == Opcode::ReduceMax ? PublicOp::ReduceMax
         : op == Opcode::ReduceMin ? PublicOp::ReduceMin
                                   : PublicOp::ReduceProd;
}

} // namespace

uint32_t PublicEmitter::push(PublicOp op, PublicType type,
                             std::vector<uint32_t> in,
                             std::vector<std::vector<int64_t>> imm,
                             const Op &from) {
  p_.open.code.push_back(
      {op, std::move(type), std::move(in), std::move(imm), locOf_(from)});
  return static_cast<uint32_t>(p_.open.code.size() - 1);
}

uint32_t PublicEmitter::literal(const Op &op) {
  const ConstData &d = m_.constData(op.constAttr("value"));
  std::vector<int64_t> values;
  for (int64_t i = 0; i < d.numel(); ++i)
    if (op.type.isFx())
      values.push_back(std::llround(std::ldexp(d.at(i), op.type.frac)));
    else if (d.elem == Elem::F32)
      values.push_back(std::isnan(d.floats[i])
                           ? 0x7fc00000
                           : std::bit_cast<uint32_t>(d.floats[i]));
    else
      values.push_back(d.ints[i]);
  return push(op.type.elem == Elem::F32 ? PublicOp::Real : PublicOp::Constant,
              typeOf(op.type), {}, {std::move(values)}, op);
}

uint32_t PublicEmitter::spread(uint32_t x, Dims shape, const Op &from) {
  PublicType t = p_.open.code[x].type;
  const core::Shape to = toShape(shape);
  if (t.shape == to)
    return x;
  core::Strides strides = core::broadcastStrides(t.shape, to);
  t.shape = to;
  return push(PublicOp::Strided, std::move(t), {x}, {{0}, std::move(strides)},
              from);
}

llvm::Expected<uint32_t> PublicEmitter::value(ValueId v) {
  if (auto it = done_.find(v.index); it != done_.end())
    return it->second;
  llvm::Expected<uint32_t> r = emit(v, m_.op(v));
  if (r)
    done_[v.index] = *r;
  return r;
}

llvm::Expected<uint32_t> PublicEmitter::emit(ValueId v, const Op &op) {
  if (m_.constantOf(v))
    return literal(op);
  PublicType type = typeOf(op.type);
  if (op.opcode == Opcode::Input) {
    plan::PublicInputInfo i;
    i.name = op.strAttr("name").str();
    i.dtype = dtypeOf_(op);
    i.shape = type.shape;
    i.lo = op.hasAttr("lo") ? op.floatAttr("lo") : -INFINITY;
    i.hi = op.hasAttr("hi") ? op.floatAttr("hi") : INFINITY;
    p_.open.inputs.push_back(std::move(i));
    return push(PublicOp::Input, std::move(type), {},
                {{static_cast<int64_t>(p_.open.inputs.size() - 1)}}, op);
  }
  std::vector<uint32_t> in;
  for (ValueId o : op.operands) {
    llvm::Expected<uint32_t> x = value(o);
    if (!x)
      return x;
    in.push_back(*x);
  }
  auto shapeIn = [&](size_t i) {
    return toShape(m_.type(op.operands[i]).shape);
  };
  if (const std::optional<PublicOp> same = sameOp(op.opcode))
    return push(*same, std::move(type), std::move(in), {}, op);
  if (std::optional<Movement> move = movementOf(m_, op)) {
    if (move->isView)
      return push(PublicOp::Strided, std::move(type), std::move(in),
                  {{move->offset}, std::move(move->strides)}, op);
    return push(PublicOp::Take, std::move(type), std::move(in),
                {std::move(move->indices)}, op);
  }
  switch (op.opcode) {
  case Opcode::Concat:
    return push(PublicOp::Concat, std::move(type), std::move(in),
                {{op.intAttr("axis")}}, op);
  case Opcode::Gather:
    return push(PublicOp::Gather, std::move(type), std::move(in),
                {{op.intAttr("axis")}}, op);
  case Opcode::FlatIndex:
    return push(
        PublicOp::FlatIndex, std::move(type), std::move(in),
        {{op.intAttr("outer")}, {op.intAttr("rows")}, {op.intAttr("inner")}},
        op);
  case Opcode::Mod:
    return push(op.hasAttr("fmod") && op.intAttr("fmod") ? PublicOp::FMod
                                                         : PublicOp::Mod,
                std::move(type), std::move(in), {}, op);
  case Opcode::ReduceSum:
  case Opcode::ReduceMax:
  case Opcode::ReduceMin:
  case Opcode::ReduceProd: {
    std::vector<int64_t> axes = op.intsAttr("axes").vec();
    for (int64_t &a : axes)
      a = normalizeAxis(a, static_cast<int64_t>(shapeIn(0).size()));
    llvm::sort(axes);
    return push(reduction(op.opcode), std::move(type), std::move(in),
                {std::move(axes)}, op);
  }
  case Opcode::Softmax:
    return push(PublicOp::Softmax, std::move(type), std::move(in),
                {{normalizeAxis(op.intAttr("axis"), op.type.rank())}}, op);
  case Opcode::Encode: {
    const double limit = std::ldexp(1.0, op.type.intBits);
    type.lo = op.range ? op.range->first : -limit;
    type.hi = op.range ? op.range->second : limit;
    return push(PublicOp::Encode, std::move(type), std::move(in),
                {{op.type.frac}}, op);
  }
  default:
    return nodeError(op, "cannot be computed when a session starts; its "
                         "operands are public inputs only");
  }
}

llvm::Expected<int64_t> PublicEmitter::constant(ValueId v, int sign,
                                                Dims shape) {
  const std::tuple key{v.index, sign, std::vector<int64_t>(shape.vec())};
  if (auto it = consts_.find(key); it != consts_.end())
    return it->second;
  llvm::Expected<uint32_t> x = value(v);
  if (!x)
    return x.takeError();
  const Op &op = m_.op(v);
  uint32_t r = spread(*x, shape, op);
  if (p_.open.code[r].type.elem == PublicElem::Bool) {
    PublicType t = p_.open.code[r].type;
    t.elem = PublicElem::I64;
    r = push(PublicOp::Cast, std::move(t), {r}, {}, op);
  }
  if (sign < 0) {
    PublicType t = p_.open.code[r].type;
    t.lo = -INFINITY;
    t.hi = INFINITY;
    r = push(PublicOp::Neg, std::move(t), {r}, {}, op);
  }
  plan::ConstInfo c;
  c.shape = toShape(shape);
  c.session = true;
  p_.consts.push_back(std::move(c));
  const auto index = static_cast<int64_t>(p_.consts.size() - 1);
  push(PublicOp::Let, {}, {r}, {{index}}, op);
  return consts_[key] = index;
}

llvm::Error PublicEmitter::give(ValueId v, uint32_t index) {
  llvm::Expected<uint32_t> x = value(v);
  if (!x)
    return x.takeError();
  push(PublicOp::Give, {}, {*x}, {{index}}, m_.op(v));
  return llvm::Error::success();
}

} // namespace mpc::backend

//===- backend/Emit.cpp - plan emission -----------------------------------===//
#include "backend/Emit.h"
#include "backend/EmitPublic.h"
#include "backend/PlanWriter.h"
#include "ir/Eval.h"
#include "ir/Guard.h"
#include "ir/NodeError.h"
#include "runtime/core/Ring.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

using namespace mpc::ir;
using mpc::plan::PlanOp;
using mpc::plan::Reg;

namespace mpc::backend {
namespace {

/// Ops whose instruction takes all operands and these attributes.
struct PlainOp {
  Opcode from;
  PlanOp to;
  std::array<const char *, 3> attrs = {}; ///< those that are not null
};
const PlainOp kPlainOps[] = {
    {Opcode::ShareNeg, PlanOp::Neg},
    {Opcode::ShareShl, PlanOp::Shl, {"bits"}},
    {Opcode::ShareDrop, PlanOp::Drop},
    {Opcode::ShareToAdditive, PlanOp::ToAdditive},
    {Opcode::ShareMul, PlanOp::Mul},
    {Opcode::ShareExtend, PlanOp::Extend},
    {Opcode::ShareDigits, PlanOp::Digits, {"window", "drop", "digit"}},
    {Opcode::ShareSign, PlanOp::Sign, {"window", "drop", "digit"}},
    {Opcode::ShareBitXor, PlanOp::BitXor},
    {Opcode::ShareBitNot, PlanOp::BitNot},
    {Opcode::ShareBitAnd, PlanOp::BitAnd},
    {Opcode::ShareBitMux, PlanOp::BitMux},
    {Opcode::ShareBitMul, PlanOp::BitMul},
    {Opcode::ShareFromBits, PlanOp::FromBits},
    {Opcode::ShareOneHot, PlanOp::OneHot, {"window", "rows"}},
    {Opcode::ShareOneHotBits, PlanOp::OneHotBits, {"window", "rows"}},
    {Opcode::ShareSelectWords, PlanOp::SelectWords},
    {Opcode::ShareFromWords, PlanOp::FromWords}};

core::DType defaultType(Elem e) {
  return e == Elem::F32   ? core::DType::F32
         : e == Elem::I64 ? core::DType::I64
                          : core::DType::Bool;
}

int64_t encode(double x, int frac) { return std::llround(std::ldexp(x, frac)); }

class Emitter : PlanWriter {
public:
  Emitter(const Module &m, const Interface &iface)
      : PlanWriter(m), m_(m), iface_(iface), p_(plan()),
        open_(
            m, p_, [this](const Op &op) { return locOf(op); },
            [this](const Op &op) { return dtypeOf(op); }) {
    p_.bound = iface.bound;
  }

  llvm::Expected<Emitted> run() {
    if (m_.level() != Level::Share)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     "a plan is made from share level");
    for (ValueId v : m_.order()) {
      beforeReading(m_.op(v));
      if (llvm::Error e = emit(v))
        return e;
    }
    flush();
    if (llvm::Error e = outputs())
      return e;
    if (!error_.empty())
      return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                     error_.c_str());
    if (Status s = plan::verify(p_); !s)
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(),
          "internal: the emitted plan is not valid: " + s.error().message);
    w_.planHash = p_.hash();
    return Emitted{std::move(p_), std::move(w_)};
  }

private:
  Reg operandReg(const Op &op, int i) const { return reg(op.operands[i]); }
  bool isPublic(ValueId v) const { return m_.type(v).isPublic(); }

  // --- constants ------------------------------------------------------------

  int64_t publicConstant(ValueId v, int sign = 1) {
    if (const ConstData *d = m_.constantOf(v))
      return publicConstant(v, *d, sign);
    return sessionConstant(v, sign, m_.type(v).shape);
  }
  /// Of a value that only the session knows; a failure is kept for run().
  int64_t sessionConstant(ValueId v, int sign, Dims shape) {
    llvm::Expected<int64_t> c = open_.constant(v, sign, shape);
    if (c)
      return *c;
    error_ = llvm::toString(c.takeError());
    return 0;
  }
  int64_t publicConstant(ValueId v, const ConstData &d, int sign = 1) {
    plan::ConstInfo c{toShape(d.shape), {}};
    c.data.reserve(d.numel());
    for (int64_t i = 0; i < d.numel(); ++i)
      c.data.push_back(sign * encode(d.at(i), m_.type(v).frac));
    return constant(std::move(c));
  }

  /// The domain of a table, for whoever checks what enters it.
  void declareDomain(const Op &op) {
    if (!op.hasAttr("lo") || !op.hasAttr("hi"))
      return;
    const int frac = m_.type(op.operands[0]).frac;
    push(PlanOp::Range, plan::kNoReg, {operandReg(op, 0)},
         {{encode(op.floatAttr("lo"), frac)},
          {encode(op.floatAttr("hi"), frac)}},
         op);
  }

  // --- data -----------------------------------------------------------------

  /// What the file of an input holds.
  core::DType dtypeOf(const Op &op) const {
    auto it = iface_.inputTypes.find(op.strAttr("name").str());
    if (it != iface_.inputTypes.end())
      return it->second;
    if (!op.type.isFx())
      return defaultType(op.type.elem);
    return op.type.frac == 0 ? core::DType::I64 : core::DType::F32;
  }

  void input(ValueId v, const Op &op) {
    plan::InputInfo i;
    i.name = op.strAttr("name").str();
    i.dtype = dtypeOf(op);
    i.shape = toShape(op.type.shape);
    i.ring = op.type.ring;
    i.frac = op.type.frac;
    i.lo = op.floatAttr("lo");
    i.hi = op.floatAttr("hi");
    p_.inputs.push_back(std::move(i));
    def(v, PlanOp::Input, {}, {{static_cast<int64_t>(p_.inputs.size() - 1)}});
  }

  void weight(ValueId v, const Op &op) {
    plan::WeightInfo w;
    std::string name = op.hasAttr("name") ? op.strAttr("name").str() : op.loc;
    if (name.empty())
      name = "weight";
    // One initializer may be encoded more than once, at different scales.
    const unsigned copies = ++weightNames_[name];
    if (copies > 1)
      name += "#" + std::to_string(copies);
    w.name = std::move(name);
    w.shape = toShape(op.type.shape);
    w.ring = op.type.ring;
    w.frac = op.type.frac;
    if (op.type.form == Form::Words)
      w.form = plan::Form::Words;
    const ConstData &d = m_.constData(op.constAttr("value"));
    std::vector<uint64_t> data(d.numel());
    for (int64_t i = 0; i < d.numel(); ++i)
      data[i] = core::fromSigned(encode(d.at(i), w.frac), w.ring);
    p_.weights.push_back(std::move(w));
    w_.tensors.push_back(std::move(data));
    def(v, PlanOp::Weight, {}, {{static_cast<int64_t>(p_.weights.size() - 1)}});
  }

  void movement(ValueId v, Movement move) {
    const ValueId x = m_.op(v).operands[0];
    if (move.isView)
      return def(v, PlanOp::Strided, {reg(x)},
                 {{move.offset}, std::move(move.strides)});
    plan::ConstInfo c{{static_cast<int64_t>(move.indices.size())},
                      std::move(move.indices)};
    def(v, PlanOp::Take, {reg(x)}, {{constant(std::move(c))}});
  }

  // --- contraction ----------------------------------------------------------

  /// The operand with its batch dimensions broadcast to `batch`.
  Reg broadcastBatch(ValueId v, Dims batch, const Op &from) {
    const Type &t = m_.type(v);
    Shape full(batch.begin(), batch.end());
    full.append({t.shape[t.shape.size() - 2], t.shape.back()});
    if (full == t.shape)
      return reg(v);
    const core::Strides in = core::rowMajorStrides(toShape(t.shape));
    core::Strides s(full.size(), 0);
    const size_t lead = full.size() - t.shape.size();
    for (size_t i = 0; i < t.shape.size(); ++i)
      s[lead + i] = t.shape[i] == 1 && full[lead + i] != 1 ? 0 : in[i];
    Type ft = t;
    ft.shape = full;
    const Reg r = newReg(ft);
    push(PlanOp::Strided, r, {reg(v)}, {{0}, std::move(s)}, from);
    return r;
  }

  Shape withBatch(ValueId v, Dims batch) const {
    const Dims s = m_.type(v).shape;
    Shape full(batch.begin(), batch.end());
    full.append({s[s.size() - 2], s.back()});
    return full;
  }
  /// A public value, copied to this shape.
  int64_t spreadConstant(ValueId v, const Shape &shape) {
    const ConstData *c = m_.constantOf(v);
    if (!c)
      return sessionConstant(v, 1, shape);
    Op to;
    to.opcode = Opcode::Broadcast;
    to.type = Type::tensor(Elem::F32, Vis::Public, shape);
    return publicConstant(v, llvm::cantFail(evalOp(m_, to, {c})));
  }

  llvm::Error matmul(ValueId v, const Op &op) {
    const Dims a = m_.type(op.operands[0]).shape,
               b = m_.type(op.operands[1]).shape, out = op.type.shape;
    const int64_t k = a.back(), n = b.back();
    int64_t m = a[a.size() - 2];
    const Dims batchA = a.drop_back(2), batchB = b.drop_back(2),
               batchOut = out.drop_back(2);
    int64_t batch = numelOf(batchOut), strideA = m * k, strideB = k * n;
    const bool constant = op.opcode == Opcode::ShareMatMulPublic;
    const int64_t side = constant ? op.intAttr("side") : -1;
    Reg ra = side == 0 ? plan::kNoReg : operandReg(op, 0);
    Reg rb = side == 1 ? plan::kNoReg : operandReg(op, 1);
    std::optional<Shape> spread; // of a public operand, if it must be copied
    if (numelOf(batchB) == 1 && numelOf(batchA) == batch) {
      m *= batch; // one tall product
      batch = 1;
    } else {
      if (numelOf(batchA) == 1)
        strideA = 0;
      else if (numelOf(batchA) != batch) {
        if (side == 0)
          spread = withBatch(op.operands[0], batchOut);
        else
          ra = broadcastBatch(op.operands[0], batchOut, op);
      }
      if (numelOf(batchB) == 1)
        strideB = 0;
      else if (numelOf(batchB) != batch) {
        if (side == 1)
          spread = withBatch(op.operands[1], batchOut);
        else
          rb = broadcastBatch(op.operands[1], batchOut, op);
      }
    }
    const Imms dims = {{batch}, {m}, {k}, {n}, {strideA}, {strideB}};
    if (!constant) {
      def(v, PlanOp::MatMul, {ra, rb}, dims);
      return llvm::Error::success();
    }
    const ValueId c = op.operands[side];
    Imms imm = {{spread ? spreadConstant(c, *spread) : publicConstant(c)},
                {side}};
    imm.insert(imm.end(), dims.begin(), dims.end());
    def(v, PlanOp::MatMulConst, {side == 0 ? rb : ra}, std::move(imm));
    return llvm::Error::success();
  }

  void addOrSub(ValueId v, const Op &op, bool subtract) {
    const ValueId a = op.operands[0], b = op.operands[1];
    if (isPublic(b)) {
      def(v, PlanOp::AddConst, {reg(a)},
          {{publicConstant(b, subtract ? -1 : 1)}});
    } else if (isPublic(a) && subtract) {
      const Reg n = newReg(m_.type(b));
      push(PlanOp::Neg, n, {reg(b)}, {}, op);
      def(v, PlanOp::AddConst, {n}, {{publicConstant(a)}});
    } else if (isPublic(a)) {
      def(v, PlanOp::AddConst, {reg(b)}, {{publicConstant(a)}});
    } else {
      def(v, subtract ? PlanOp::Sub : PlanOp::Add, {reg(a), reg(b)});
    }
  }

  /// Whether the additive operand of a truncation is a dealt product as it
  /// stands: then its shares are uniform and need no zero share.
  bool isDealtProduct(ValueId v) const {
    const Opcode op = m_.op(v).opcode;
    return op == Opcode::ShareMul || op == Opcode::ShareMatMul;
  }

  llvm::Error emit(ValueId v) {
    const Op &op = m_.op(v);
    auto r = [&](int i) { return operandReg(op, i); };
    auto attrs = [&](llvm::ArrayRef<const char *> keys) {
      Imms imm;
      for (const char *key : keys)
        if (key)
          imm.push_back({op.intAttr(key)});
      return imm;
    };
    if (op.type.isPublic()) // made where it is read; the client gives inputs
      return op.opcode == Opcode::Input ? open_.value(v).takeError()
                                        : llvm::Error::success();
    if (std::optional<Movement> move = movementOf(m_, op)) {
      movement(v, std::move(*move));
      return llvm::Error::success();
    }
    for (const PlainOp &plain : kPlainOps)
      if (plain.from == op.opcode) {
        Regs in;
        for (ValueId o : op.operands)
          in.push_back(reg(o));
        def(v, plain.to, std::move(in), attrs(plain.attrs));
        return llvm::Error::success();
      }
    switch (op.opcode) {
    case Opcode::Input:
      input(v, op);
      break;
    case Opcode::Constant:
      weight(v, op);
      break;
    case Opcode::Pick:
      def(v, PlanOp::Take, {r(0)},
          {{sessionConstant(op.operands[1], 1, op.type.shape)}});
      break;
    case Opcode::Concat: {
      std::vector<Reg> parts;
      for (ValueId o : op.operands) {
        if (isPublic(o))
          return nodeError(op, "joins a public constant with a secret value");
        parts.push_back(reg(o));
      }
      def(v, PlanOp::Concat, std::move(parts), {{op.intAttr("axis")}});
      break;
    }
    case Opcode::ShareAdd:
      addOrSub(v, op, false);
      break;
    case Opcode::ShareSub:
      addOrSub(v, op, true);
      break;
    case Opcode::ShareMulPublic:
      def(v, PlanOp::MulConst, {r(0)}, {{publicConstant(op.operands[1])}});
      break;
    case Opcode::ShareMatMulPublic:
    case Opcode::ShareMatMul:
      return matmul(v, op);
    case Opcode::ShareReduceSum: {
      std::vector<int64_t> axes = op.intsAttr("axes").vec();
      for (int64_t &a : axes)
        a = normalizeAxis(a, m_.type(op.operands[0]).rank());
      std::sort(axes.begin(), axes.end());
      def(v, PlanOp::ReduceSum, {r(0)}, {std::move(axes)});
      break;
    }
    case Opcode::ShareTrunc:
      def(v, PlanOp::Trunc, {r(0)},
          {{op.intAttr("bits")}, {isDealtProduct(op.operands[0]) ? 0 : 1}});
      break;
    case Opcode::ShareSpline: {
      declareDomain(op);
      const llvm::ArrayRef<int64_t> coeffs = op.intsAttr("coeffs");
      plan::ConstInfo c{{static_cast<int64_t>(coeffs.size())}, coeffs.vec()};
      Imms imm =
          attrs({"window", "depth", "degree", "payload_frac", "coeff_frac"});
      imm.insert(imm.begin(), {constant(std::move(c))});
      def(v, PlanOp::Spline, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareExp: {
      declareDomain(op);
      Imms imm = attrs({"window", "depth", "table_frac", "public_frac"});
      imm.insert(imm.begin() + 2, {m_.type(op.operands[0]).frac});
      def(v, PlanOp::Exp, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareFourier: {
      declareDomain(op);
      const llvm::ArrayRef<int64_t> coeffs = op.intsAttr("coeffs");
      plan::ConstInfo c{{static_cast<int64_t>(coeffs.size() / 4), 4},
                        coeffs.vec()};
      Imms imm = attrs({"window", "step", "offset", "slope"});
      imm.insert(imm.begin() + 2, {op.type.frac});
      imm.insert(imm.begin(), {constant(std::move(c))});
      def(v, PlanOp::Fourier, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareInRange:
      def(v, PlanOp::InRange, {r(0)},
          {{op.intAttr("lo")}, {op.intAttr("hi")}, op.intsAttr("links").vec()});
      break;
    default:
      return nodeError(op, "is not a share-level op");
    }
    return llvm::Error::success();
  }

  llvm::Error outputs() {
    std::vector<std::pair<ValueId, uint32_t>> given;
    for (const Output &o : m_.outputs()) {
      const Type &t = m_.type(o.value);
      if (o.name == kGuardOutput) {
        push(PlanOp::Guard, plan::kNoReg, {reg(o.value)}, {}, Op());
        continue;
      }
      plan::OutputInfo info;
      info.name = o.name;
      auto it = iface_.outputTypes.find(o.name);
      info.dtype =
          it == iface_.outputTypes.end() ? defaultType(o.elem) : it->second;
      info.shape = toShape(t.shape);
      const uint32_t index = static_cast<uint32_t>(p_.outputs.size());
      if (const ConstData *c = m_.constantOf(o.value); c && t.isPublic()) {
        info.ring = 64;
        info.frac = 0;
        plan::Plan::PublicOutput known{index, {}};
        for (int64_t i = 0; i < c->numel(); ++i)
          known.values.push_back(c->at(i));
        p_.publicOutputs.push_back(std::move(known));
      } else if (t.isPublic()) {
        info.ring = 64;
        info.frac = 0;
        given.emplace_back(o.value, index);
      } else {
        info.ring = t.ring;
        info.frac = t.frac;
        push(PlanOp::Output, plan::kNoReg, {reg(o.value)}, {{index}},
             m_.op(o.value));
      }
      p_.outputs.push_back(std::move(info));
    }
    for (auto [v, index] : given)
      if (llvm::Error e = open_.give(v, index))
        return e;
    return llvm::Error::success();
  }

  const Module &m_;
  const Interface &iface_;
  plan::Plan &p_;
  plan::Weights w_;
  PublicEmitter open_;
  std::string error_; ///< the first of the public section
  std::map<std::string, unsigned> weightNames_;
};

} // namespace

llvm::Expected<Emitted> emitPlan(const Module &m, const Interface &iface) {
  return Emitter(m, iface).run();
}

} // namespace mpc::backend

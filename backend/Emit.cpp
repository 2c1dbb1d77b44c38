//===- backend/Emit.cpp - plan emission -----------------------------------===//
#include "backend/Emit.h"
#include "backend/EmitPublic.h"
#include "ir/Eval.h"
#include "ir/Guard.h"
#include "ir/Infer.h"
#include "runtime/core/Ring.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <optional>

using namespace mpc::ir;
using mpc::plan::Instr;
using mpc::plan::PlanOp;
using mpc::plan::Reg;

namespace mpc::backend {
namespace {

core::Shape toShape(Dims d) { return core::Shape(d.begin(), d.end()); }

std::vector<int64_t> rowMajorStrides(Dims shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

int64_t product(Dims d) {
  int64_t n = 1;
  for (int64_t x : d)
    n *= x;
  return n;
}

class Emitter {
public:
  Emitter(const Module &m, const Interface &iface)
      : m_(m), iface_(iface),
        open_(
            m, p_, [this](const Op &op) { return locOf(op); },
            [this](const Op &op) { return dtypeOf(op); }) {
    p_.name = m.name();
    p_.locations.push_back("");
    p_.bound = iface.bound;
  }

  llvm::Expected<Emitted> run() {
    if (m_.level() != Level::Share)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     "a plan is made from share level");
    regs_.assign(m_.numValues(), plan::kNoReg);
    // schedule-rounds has sorted by round: the first op that reads a result
    // still on its way ends the round.
    for (ValueId v : m_.order()) {
      for (ValueId o : m_.op(v).operands)
        if (pending_.count(o.index))
          flush();
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
  // --- tables
  // -------------------------------------------------------------------

  uint32_t locOf(const Op &op) {
    if (op.loc.empty())
      return 0;
    auto [it, fresh] =
        locs_.try_emplace(op.loc, static_cast<uint32_t>(p_.locations.size()));
    if (fresh)
      p_.locations.push_back(op.loc);
    return it->second;
  }

  Reg newReg(const Type &t) {
    plan::RegInfo r;
    r.shape = toShape(t.shape);
    r.form = t.form == Form::Masked     ? plan::Form::Masked
             : t.form == Form::Additive ? plan::Form::Additive
             : t.form == Form::Words    ? plan::Form::Words
                                        : plan::Form::Bits;
    r.ring = t.ring;
    r.frac = t.frac;
    // Where the range does not fit the ring only the residue means something.
    r.intBits = t.intBits + t.frac + 1 <= t.ring ? t.intBits : t.ring;
    if (r.form == plan::Form::Bits)
      r.ring = 1, r.frac = 0, r.intBits = 1;
    p_.regs.push_back(std::move(r));
    return static_cast<Reg>(p_.regs.size() - 1);
  }

  int64_t constant(plan::ConstInfo c) {
    // Small constants repeat a lot (scales, centers): share them.
    if (c.data.size() <= 64)
      for (size_t i = 0; i < p_.consts.size(); ++i)
        if (p_.consts[i] == c)
          return static_cast<int64_t>(i);
    p_.consts.push_back(std::move(c));
    return static_cast<int64_t>(p_.consts.size() - 1);
  }

  int64_t encode(double x, int frac) const {
    return std::llround(std::ldexp(x, frac));
  }

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

  // --- instructions
  // ---------------------------------------------------------------

  void push(PlanOp op, Reg out, std::vector<Reg> in,
            std::vector<std::vector<int64_t>> imm, const Op &from) {
    p_.code.push_back({op, out, std::move(in), std::move(imm), locOf(from)});
  }
  void def(ValueId v, PlanOp op, std::vector<Reg> in,
           std::vector<std::vector<int64_t>> imm = {}) {
    regs_[v.index] = newReg(m_.type(v));
    // Dropped bits may be the value's own: again only the residue counts,
    // unless the value is known to be smaller.
    const auto &range = m_.op(v).range;
    if (op == PlanOp::Drop &&
        m_.type(m_.op(v).operands[0]).intBits > m_.type(v).intBits &&
        !(range && std::max(std::fabs(range->first), std::fabs(range->second)) <
                       std::ldexp(1.0, m_.type(v).intBits)))
      p_.regs.back().intBits = m_.type(v).ring;
    push(op, regs_[v.index], std::move(in), std::move(imm), m_.op(v));
    if (plan::info(op).exchange)
      pending_.insert(v.index);
    if (isPartial(v)) {
      partial_.insert(v.index);
      if (plan::info(op).exchange)
        undeclared_.push_back(v); // read after the flush
      else
        declareNothing(v);
    }
  }
  void declareNothing(ValueId v) {
    const unsigned ring = m_.type(v).ring;
    push(PlanOp::Range, plan::kNoReg, {reg(v)},
         {{core::ringMin(ring)}, {core::ringMax(ring)}}, m_.op(v));
  }
  /// One of several tables for parts of a domain, or made of nothing else: what
  /// it gives outside its part is not chosen, so nothing is declared of it.
  bool isPartial(ValueId v) const {
    const Op &op = m_.op(v);
    if (op.type.form == Form::Bits)
      return false;
    if (op.hasAttr("partial"))
      return op.intAttr("partial") != 0;
    bool any = false;
    for (ValueId o : op.operands) {
      if (m_.type(o).isPublic() || m_.type(o).form == Form::Bits)
        continue;
      if (!partial_.contains(o.index))
        return false;
      any = true;
    }
    return any;
  }
  void flush() {
    if (pending_.empty())
      return;
    p_.code.push_back({PlanOp::Flush, plan::kNoReg, {}, {}, 0});
    pending_.clear();
    for (ValueId v : undeclared_)
      declareNothing(v);
    undeclared_.clear();
  }
  Reg reg(ValueId v) const { return regs_[v.index]; }
  Reg operandReg(const Op &op, int i) const { return reg(op.operands[i]); }
  bool isPublic(ValueId v) const { return m_.type(v).isPublic(); }

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

  llvm::Error fail(const Op &op, llvm::StringRef what) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                   llvm::formatv("node '{0}' ({1}): {2}",
                                                 op.loc,
                                                 info(op.opcode).mnemonic, what)
                                       .str()
                                       .c_str());
  }

  // --- data
  // -------------------------------------------------------------------------

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

  void strided(ValueId v, int64_t offset, std::vector<int64_t> strides) {
    def(v, PlanOp::Strided, {operandReg(m_.op(v), 0)},
        {{offset}, std::move(strides)});
  }

  void movement(ValueId v, const Op &op) {
    const ValueId x = op.operands[0];
    const std::vector<int64_t> in = rowMajorStrides(m_.type(x).shape);
    switch (op.opcode) {
    case Opcode::Reshape:
      strided(v, 0, rowMajorStrides(op.type.shape));
      break;
    case Opcode::Transpose: {
      std::vector<int64_t> s;
      for (int64_t p : op.intsAttr("perm"))
        s.push_back(in[p]);
      strided(v, 0, std::move(s));
      break;
    }
    case Opcode::Slice: {
      int64_t offset = 0;
      std::vector<int64_t> s;
      for (size_t i = 0; i < in.size(); ++i) {
        offset += op.intsAttr("starts")[i] * in[i];
        s.push_back(op.intsAttr("steps")[i] * in[i]);
      }
      strided(v, offset, std::move(s));
      break;
    }
    case Opcode::Broadcast: {
      const Dims from = m_.type(x).shape;
      std::vector<int64_t> s(op.type.shape.size(), 0);
      const size_t lead = s.size() - from.size();
      for (size_t i = 0; i < from.size(); ++i)
        s[lead + i] = from[i] == 1 ? 0 : in[i];
      strided(v, 0, std::move(s));
      break;
    }
    case Opcode::Pad: {
      // Elements of the result inside the operand, -1 elsewhere.
      const Dims before = op.intsAttr("before"), size = m_.type(x).shape;
      plan::ConstInfo c{{op.type.numel()}, {}};
      std::vector<int64_t> at(size.size(), 0);
      for (int64_t i = 0; i < op.type.numel(); ++i) {
        int64_t flat = 0, rest = i;
        for (size_t a = size.size(); a-- > 0;) {
          const int64_t k = rest % op.type.shape[a] - before[a];
          rest /= op.type.shape[a];
          flat = k < 0 || k >= size[a] || flat < 0 ? -1 : flat + k * in[a];
        }
        c.data.push_back(flat);
      }
      def(v, PlanOp::Take, {reg(x)}, {{constant(std::move(c))}});
      break;
    }
    default:
      llvm_unreachable("not a movement op");
    }
  }

  // --- contraction
  // --------------------------------------------------------------------

  /// The operand with its batch dimensions broadcast to `batch`.
  Reg broadcastBatch(ValueId v, Dims batch, const Op &from) {
    const Type &t = m_.type(v);
    Shape full(batch.begin(), batch.end());
    full.append({t.shape[t.shape.size() - 2], t.shape.back()});
    if (full == t.shape)
      return reg(v);
    const std::vector<int64_t> in = rowMajorStrides(t.shape);
    std::vector<int64_t> s(full.size(), 0);
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
    int64_t batch = product(batchOut), strideA = m * k, strideB = k * n;
    const bool constant = op.opcode == Opcode::ShareMatMulPublic;
    const int64_t side = constant ? op.intAttr("side") : -1;
    Reg ra = side == 0 ? plan::kNoReg : operandReg(op, 0);
    Reg rb = side == 1 ? plan::kNoReg : operandReg(op, 1);
    std::optional<Shape> spread; // of a public operand, if it must be copied
    if (product(batchB) == 1 && product(batchA) == batch) {
      m *= batch; // one tall product
      batch = 1;
    } else {
      if (product(batchA) == 1)
        strideA = 0;
      else if (product(batchA) != batch) {
        if (side == 0)
          spread = withBatch(op.operands[0], batchOut);
        else
          ra = broadcastBatch(op.operands[0], batchOut, op);
      }
      if (product(batchB) == 1)
        strideB = 0;
      else if (product(batchB) != batch) {
        if (side == 1)
          spread = withBatch(op.operands[1], batchOut);
        else
          rb = broadcastBatch(op.operands[1], batchOut, op);
      }
    }
    const std::vector<std::vector<int64_t>> dims = {
        {batch}, {m}, {k}, {n}, {strideA}, {strideB}};
    if (!constant) {
      def(v, PlanOp::MatMul, {ra, rb}, dims);
      return llvm::Error::success();
    }
    const ValueId c = op.operands[side];
    std::vector<std::vector<int64_t>> imm = {
        {spread ? spreadConstant(c, *spread) : publicConstant(c)}, {side}};
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
    auto attrs = [&](std::initializer_list<const char *> keys) {
      std::vector<std::vector<int64_t>> imm;
      for (const char *key : keys)
        imm.push_back({op.intAttr(key)});
      return imm;
    };
    if (op.type.isPublic()) // made where it is read; the client gives inputs
      return op.opcode == Opcode::Input ? open_.value(v).takeError()
                                        : llvm::Error::success();
    switch (op.opcode) {
    case Opcode::Input:
      input(v, op);
      break;
    case Opcode::Constant:
      weight(v, op);
      break;
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Broadcast:
    case Opcode::Pad:
      movement(v, op);
      break;
    case Opcode::Pick:
      def(v, PlanOp::Take, {r(0)},
          {{sessionConstant(op.operands[1], 1, op.type.shape)}});
      break;
    case Opcode::Concat: {
      std::vector<Reg> parts;
      for (ValueId o : op.operands) {
        if (isPublic(o))
          return fail(op, "joins a public constant with a secret value");
        parts.push_back(reg(o));
      }
      def(v, PlanOp::Concat, std::move(parts), {{op.intAttr("axis")}});
      break;
    }
    case Opcode::Take: {
      const ConstData &d = m_.constData(op.constAttr("indices"));
      plan::ConstInfo c{{d.numel()}, d.ints};
      def(v, PlanOp::Take, {r(0)}, {{constant(std::move(c))}});
      break;
    }
    case Opcode::ShareAdd:
      addOrSub(v, op, false);
      break;
    case Opcode::ShareSub:
      addOrSub(v, op, true);
      break;
    case Opcode::ShareNeg:
      def(v, PlanOp::Neg, {r(0)});
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
    case Opcode::ShareShl:
      def(v, PlanOp::Shl, {r(0)}, attrs({"bits"}));
      break;
    case Opcode::ShareDrop:
      def(v, PlanOp::Drop, {r(0)});
      break;
    case Opcode::ShareToAdditive:
      def(v, PlanOp::ToAdditive, {r(0)});
      break;
    case Opcode::ShareMul:
      def(v, PlanOp::Mul, {r(0), r(1)});
      break;
    case Opcode::ShareTrunc:
      def(v, PlanOp::Trunc, {r(0)},
          {{op.intAttr("bits")}, {isDealtProduct(op.operands[0]) ? 0 : 1}});
      break;
    case Opcode::ShareExtend:
      def(v, PlanOp::Extend, {r(0)});
      break;
    case Opcode::ShareSpline: {
      declareDomain(op);
      const llvm::ArrayRef<int64_t> coeffs = op.intsAttr("coeffs");
      plan::ConstInfo c{{static_cast<int64_t>(coeffs.size())}, coeffs.vec()};
      std::vector<std::vector<int64_t>> imm =
          attrs({"window", "depth", "degree", "payload_frac", "coeff_frac"});
      imm.insert(imm.begin(), {constant(std::move(c))});
      def(v, PlanOp::Spline, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareExp: {
      declareDomain(op);
      std::vector<std::vector<int64_t>> imm =
          attrs({"window", "depth", "table_frac", "public_frac"});
      imm.insert(imm.begin() + 2, {m_.type(op.operands[0]).frac});
      def(v, PlanOp::Exp, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareFourier: {
      declareDomain(op);
      const llvm::ArrayRef<int64_t> coeffs = op.intsAttr("coeffs");
      plan::ConstInfo c{{static_cast<int64_t>(coeffs.size() / 4), 4},
                        coeffs.vec()};
      std::vector<std::vector<int64_t>> imm =
          attrs({"window", "step", "offset", "slope"});
      imm.insert(imm.begin() + 2, {op.type.frac});
      imm.insert(imm.begin(), {constant(std::move(c))});
      def(v, PlanOp::Fourier, {r(0)}, std::move(imm));
      break;
    }
    case Opcode::ShareDigits:
      def(v, PlanOp::Digits, {r(0)}, attrs({"window", "drop", "digit"}));
      break;
    case Opcode::ShareSign:
      def(v, PlanOp::Sign, {r(0), r(1)}, attrs({"window", "drop", "digit"}));
      break;
    case Opcode::ShareBitXor:
      def(v, PlanOp::BitXor, {r(0), r(1)});
      break;
    case Opcode::ShareBitNot:
      def(v, PlanOp::BitNot, {r(0)});
      break;
    case Opcode::ShareBitAnd:
      def(v, PlanOp::BitAnd, {r(0), r(1)});
      break;
    case Opcode::ShareBitMux:
      def(v, PlanOp::BitMux, {r(0), r(1), r(2), r(3), r(4), r(5)});
      break;
    case Opcode::ShareFromBits:
      def(v, PlanOp::FromBits, {r(0)});
      break;
    case Opcode::ShareBitMul:
      def(v, PlanOp::BitMul, {r(0), r(1)});
      break;
    case Opcode::ShareInRange:
      def(v, PlanOp::InRange, {r(0)},
          {{op.intAttr("lo")}, {op.intAttr("hi")}, op.intsAttr("links").vec()});
      break;
    case Opcode::ShareOneHot:
      def(v, PlanOp::OneHot, {r(0)}, attrs({"window", "rows"}));
      break;
    case Opcode::ShareOneHotBits:
      def(v, PlanOp::OneHotBits, {r(0)}, attrs({"window", "rows"}));
      break;
    case Opcode::ShareSelectWords:
      def(v, PlanOp::SelectWords, {r(0), r(1)});
      break;
    case Opcode::ShareFromWords:
      def(v, PlanOp::FromWords, {r(0)});
      break;
    default:
      return fail(op, "is not a share-level op");
    }
    return llvm::Error::success();
  }

  static core::DType defaultType(Elem e) {
    return e == Elem::F32   ? core::DType::F32
           : e == Elem::I64 ? core::DType::I64
                            : core::DType::Bool;
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
  plan::Plan p_;
  plan::Weights w_;
  PublicEmitter open_;
  std::string error_; ///< the first of the public section
  std::vector<Reg> regs_;
  llvm::StringMap<uint32_t> locs_;
  std::map<std::string, unsigned> weightNames_;
  llvm::DenseSet<uint32_t> partial_; ///< see isPartial()
  std::vector<ValueId> undeclared_;  ///< partial ones of the exchange to come
  llvm::DenseSet<uint32_t> pending_; ///< values of exchanges before the flush
};

} // namespace

llvm::Expected<Emitted> emitPlan(const Module &m, const Interface &iface) {
  return Emitter(m, iface).run();
}

} // namespace mpc::backend

//===- passes/fixed/AssignRings.cpp - the ring of every value -------------===//
//   %2 = fixed.trunc %1 {bits = 15} : fx<_,15,6>   fx<23,15,6>
//   %3 = fixed.mul %2, %2           : fx<_,30,9>   %e = fixed.extend %2 :
//   fx<41,15,6>
//                                                  %3 = fixed.mul %e, %e :
//                                                  fx<41,30,9>
// Stage: fixed, after place-truncations. Backwards over the program every value
// learns the widest ring its readers need; a truncation either carries the
// missing bits through its exchange (its operand's ring grows) or stops at the
// bits its own value needs and an extension makes up the difference, whichever
// is cheaper in exchanged bits and rounds by a local estimate. Smaller rings
// are reached by dropping top bits, which is free.
// Tests: tests/lit/passes/assign-rings/
#include "passes/Pass.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

class RingAssigner {
public:
  RingAssigner(Module &m, Context &ctx)
      : m_(m), cap_(static_cast<int>(ctx.options.ringBits)),
        roundBytes_(ctx.options.profile.roundBytes()), need_(m.numValues(), 0),
        ring_(m.numValues(), 0) {}

  llvm::Error run() {
    const std::vector<ValueId> order = m_.order();
    for (const Output &o : m_.outputs())
      demand(o.value, own(o.value));
    for (size_t i = order.size(); i-- > 0;)
      if (llvm::Error e = decide(order[i]))
        return e;
    insertExtensions();
    return llvm::Error::success();
  }

private:
  /// Ring that the value itself needs: sign, range, one bit to spare, so that
  /// it can be truncated and extended.
  int own(ValueId v) const {
    const Type &t = m_.type(v);
    return t.isFx() ? std::max(t.frac + t.intBits + 2, 2) : 0;
  }
  void demand(ValueId v, int ring) {
    if (m_.type(v).isFx())
      need_[v.index] = std::max(need_[v.index], ring);
  }

  llvm::Error decide(ValueId v) {
    const Op &op = m_.op(v);
    const int wanted = std::max(own(v), need_[v.index]);
    if (wanted > cap_)
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(), "%s",
          llvm::formatv("node '{0}' ({1}): the value needs {2} bits ({3} "
                        "fraction, {4} integer), rings have at most {5}; lower "
                        "--frac-bits or calibrate on typical inputs",
                        op.loc, info(op.opcode).mnemonic, wanted, op.type.frac,
                        op.type.intBits, cap_)
              .str()
              .c_str());
    ring_[v.index] = wanted;
    if (op.opcode == Opcode::FixedTrunc && wanted > own(v) &&
        !carries(v, wanted, static_cast<int>(op.intAttr("bits"))))
      ring_[v.index] = own(v);
    // A known range is read from the operand's ring; more bits are an
    // extension.
    if (op.opcode == Opcode::FixedAssume && wanted > own(op.operands[0]))
      ring_[v.index] = own(v);
    if (op.opcode == Opcode::FixedReduceMax)
      ring_[v.index] = std::max(wanted, own(op.operands[0]) + 1);
    for (size_t i = 0; i < op.operands.size(); ++i)
      demand(op.operands[i], operandRing(v, i));
    return llvm::Error::success();
  }

  /// Ring in which v reads its operand i, once v's own ring is decided.
  int operandRing(ValueId v, size_t i) const {
    const Op &op = m_.op(v);
    switch (op.opcode) {
    case Opcode::FixedTrunc:
      return ring_[v.index] + static_cast<int>(op.intAttr("bits"));
    case Opcode::FixedSpline:
    case Opcode::FixedExp:
      return static_cast<int>(op.intAttr("window"));
    case Opcode::FixedFourier: {
      // The linear term is local: slope x needs this much of x.
      const auto slope = static_cast<uint64_t>(op.intAttr("slope"));
      const int linear =
          slope ? ring_[v.index] - static_cast<int>(llvm::countr_zero(slope))
                : 0;
      return std::max(linear, static_cast<int>(op.intAttr("window")));
    }
    case Opcode::FixedGather:
      // The index is masked in Z_{2^v}, 2^v >= rows.
      return i == 0 ? ring_[v.index]
                    : std::max<int>(own(op.operands[1]),
                                    llvm::Log2_64_Ceil(op.intAttr("rows")));
    case Opcode::FixedInRange:
    case Opcode::FixedAssume:
      return own(op.operands[0]);
    case Opcode::FixedLess:
    case Opcode::FixedEqual:
      return 1 + std::max(own(op.operands[0]), own(op.operands[1]));
    default:
      return ring_[v.index];
    }
  }

  /// Whether the truncation v takes the bits between own(v) and `wanted`
  /// through its exchange.
  bool carries(ValueId v, int wanted, int bits) const {
    if (wanted + bits > cap_)
      return false;
    const double extra = wanted - own(v);
    const double n = static_cast<double>(m_.type(v).numel());
    const double extend = n * extra * 4 / 8 + roundBytes_;
    const double carry =
        n * extra * 2 / 8 + upstream(m_.op(v).operands[0]) * extra / 8;
    return carry <= extend;
  }

  /// Bits that one more ring bit at v costs where v comes from.
  double upstream(ValueId v, int depth = 0) const {
    const Op &op = m_.op(v);
    const double n = static_cast<double>(op.type.numel());
    if (op.type.isPublic() || depth > 8)
      return 0;
    switch (op.opcode) {
    case Opcode::Input:
    case Opcode::Constant:
      return 0;
    case Opcode::FixedSpline:
      return 2 * n * (static_cast<double>(op.intAttr("degree")) + 1);
    case Opcode::FixedExp:
      return n * std::ldexp(1.0, static_cast<int>(op.intAttr("depth")));
    case Opcode::FixedFourier:
      return n * static_cast<double>(op.intsAttr("coeffs").size()) / 2 +
             (op.intAttr("slope") ? upstream(op.operands[0], depth + 1) : 0);
    case Opcode::FixedTrunc:
    case Opcode::FixedReduceMax:
    case Opcode::FixedSelect:
      return 4 * n;
    default: {
      double sum =
          op.opcode == Opcode::FixedMul || op.opcode == Opcode::FixedMatMul ? n
                                                                            : 0;
      for (ValueId o : op.operands)
        sum += upstream(o, depth + 1);
      return sum;
    }
    }
  }

  void insertExtensions() {
    for (ValueId v : m_.order())
      if (m_.type(v).isFx())
        m_.op(v).type.ring = static_cast<uint8_t>(ring_[v.index]);
    // An op reads the extension of an operand only where it needs the bits,
    // and a narrower ring by dropping some.
    std::vector<ValueId> extended(m_.numValues());
    const std::vector<ValueId> order = m_.order();
    m_.setOrder({});
    for (ValueId v : order) {
      for (size_t i = 0; i < m_.op(v).operands.size(); ++i)
        if (const ValueId o = m_.op(v).operands[i]; m_.type(o).isFx())
          m_.op(v).operands[i] = inRing(o, v, i, extended);
      m_.place(v);
      if (m_.type(v).isFx() && need_[v.index] > ring_[v.index])
        extended[v.index] = convert(Opcode::FixedExtend, v, need_[v.index]);
    }
  }

  /// Operand i of v, which is o, in the ring in which v reads it.
  ValueId inRing(ValueId o, ValueId v, size_t i,
                 const std::vector<ValueId> &extended) {
    const int ring = operandRing(v, i);
    const int available = ring_[o.index];
    if (ring > available)
      o = extended[o.index];
    const Opcode reader = m_.op(v).opcode;
    const bool readsLowBits = reader == Opcode::FixedSpline ||
                              reader == Opcode::FixedExp ||
                              reader == Opcode::FixedFourier ||
                              (reader == Opcode::FixedGather && i == 1);
    if (readsLowBits || m_.type(o).isPublic() || m_.type(o).ring == ring)
      return o;
    auto [it, fresh] = dropped_.try_emplace({o.index, ring}, ValueId{});
    if (fresh)
      it->second = convert(Opcode::FixedDrop, o, ring);
    return it->second;
  }

  ValueId convert(Opcode op, ValueId v, int ring) {
    Type t = m_.type(v);
    t.ring = static_cast<uint8_t>(ring);
    t.intBits = std::min<int>(t.intBits, ring - t.frac - 1);
    const std::string loc = m_.op(v).loc;
    const auto range = m_.op(v).range;
    const ValueId e = m_.append(op, {v}, t, loc);
    m_.op(e).range = range;
    return e;
  }

  Module &m_;
  const int cap_;
  const double roundBytes_; ///< what a round is worth
  std::vector<int> need_, ring_;
  std::map<std::pair<uint32_t, int>, ValueId> dropped_;
};

} // namespace

llvm::Error assignRings(Module &m, Context &ctx) {
  return RingAssigner(m, ctx).run();
}

} // namespace mpc::passes

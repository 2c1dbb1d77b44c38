//===- passes/fixed/AssignRings.cpp - the ring of every value -------------===//
//   %2 = fixed.trunc %1 {bits = 15} : fx<_,15,6>   fx<23,15,6>
//   %3 = fixed.mul %2, %2           : fx<_,30,9>   %e = fixed.extend %2 :
//   fx<41,15,6>
//                                                  %3 = fixed.mul %e, %e :
//                                                  fx<41,30,9>
// Stage: fixed, after place-truncations. Minimizes, exactly, the predicted
// seconds of passes/RingModel.h: bits exchanged and dealt, rounds on the
// longest path, words of more than 32 bits. What is decided: the ring in which
// every value is produced, at least what its range needs. Readers that need
// more make it carry the bits (a truncation exchanges them, a product deals
// them) or share an extension; readers that need less drop top bits, free. And
// where a value that products left additive is masked for those who need that.
// A module whose rings are all assigned stays as it is.
// Refuses: a value that no ring holds. Tests: tests/lit/passes/assign-rings/,
// tests/unit/passes/RingSearchTest.cpp (exhaustive search); docs/rings.md
#include "ir/NodeError.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include "passes/RingSearch.h"
#include <map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

class RingAssigner {
public:
  RingAssigner(Module &m, Context &ctx) : m_(m), ctx_(ctx) {}

  llvm::Error run() {
    if (allAssigned())
      return llvm::Error::success();
    forgetConversions();
    const RingProblem problem = ringProblem(m_, ctx_.options);
    if (llvm::Error e = checkCap(problem))
      return e;
    const RingSolution solution = solveRings(problem);
    assert(!solution.choices.empty() && "extensions everywhere are a solution");
    ctx_.rings = {solution.cost.seconds, solution.least, solution.localSeconds,
                  solution.exact};
    collectRings(problem, solution);
    insertConversions();
    return llvm::Error::success();
  }

private:
  struct Read {
    int ring;
    bool masked;
  };
  struct Value {
    int ring = 0; ///< produced in
    bool additive = false;
    int widest = 0;                   ///< that a reader asks
    int widestMasked = 0;             ///< ... in masked form, up to `ring`
    llvm::SmallVector<Read, 2> reads; ///< how it reads its operands
    ValueId masked, extended;
  };

  bool shared(ValueId v) const {
    return m_.type(v).isFx() && !m_.type(v).isPublic();
  }
  bool allAssigned() const {
    return llvm::all_of(m_.order(), [&](ValueId v) {
      return !shared(v) || m_.type(v).ring != 0;
    });
  }
  /// Extensions and drops follow from the rings.
  void forgetConversions() {
    rewriteEach(m_, [&](ValueId v) -> std::optional<ValueId> {
      const Op &op = m_.op(v);
      if (op.opcode == Opcode::FixedExtend || op.opcode == Opcode::FixedDrop ||
          op.opcode == Opcode::FixedMask)
        return op.operands[0];
      return std::nullopt;
    });
  }

  int own(ValueId v) const {
    const Type &t = m_.type(v);
    return t.isFx() ? std::max(t.frac + t.intBits + 2, 2) : 0;
  }

  void ask(ValueId v, Read read) {
    Value &value = values_[v.index];
    value.widest = std::max(value.widest, read.ring);
    if (read.masked && read.ring <= value.ring)
      value.widestMasked = std::max(value.widestMasked, read.ring);
  }

  llvm::Error fail(ValueId v, int wanted) const {
    const Op &op = m_.op(v);
    return nodeError(
        op, llvm::formatv("the value needs {0} bits ({1} fraction, {2} "
                          "integer), rings have at most {3}; lower "
                          "--frac-bits or calibrate on typical inputs",
                          wanted, op.type.frac, op.type.intBits,
                          ctx_.options.ringBits));
  }

  /// With an extension wherever one helps, no value needs a ring beyond the
  /// widest.
  llvm::Error checkCap(const RingProblem &p) const {
    std::vector<int> wanted(p.nodes.size(), 0);
    for (size_t i = p.nodes.size(); i-- > 0;) {
      const RingNode &node = p.nodes[i];
      wanted[i] = std::max<int>(wanted[i], node.own);
      if (wanted[i] > p.cap)
        return fail(node.value, wanted[i]);
      for (const RingUse &u : node.uses)
        wanted[u.node] = std::max(wanted[u.node], u.ring(node.own));
    }
    for (ValueId v : m_.order())
      if (m_.type(v).isPublic() && own(v) > p.cap)
        return fail(v, own(v));
    return llvm::Error::success();
  }

  void collectRings(const RingProblem &p, const RingSolution &solution) {
    values_.resize(m_.numValues());
    for (size_t i = 0; i < p.nodes.size(); ++i) {
      const RingNode &node = p.nodes[i];
      const RingChoice &choice = solution.choices[i];
      Value &value = values_[node.value.index];
      value.ring = choice.ring;
      value.additive =
          node.producer == RingNode::Producer::Additive ||
          (node.producer == RingNode::Producer::Linear && !choice.masked);
      const RingUse *u = node.uses.begin();
      for (ValueId o : m_.op(node.value).operands) {
        const bool isPublic = m_.type(o).isPublic();
        const Read read =
            isPublic ? Read{choice.ring, false}
                     : Read{u->ring(choice.ring), usedMasked(node, *u, choice)};
        u += !isPublic;
        value.reads.push_back(read);
        ask(o, read);
      }
    }
    for (const Output &o : m_.outputs())
      ask(o.value, {own(o.value), true});
    for (ValueId v : m_.order()) {
      Value &value = values_[v.index];
      if (m_.type(v).isPublic())
        value.ring = std::min<int>(std::max(value.widest, own(v)),
                                   ctx_.options.ringBits);
      if (value.widest > value.ring)
        value.widestMasked = value.ring;
    }
  }

  void insertConversions() {
    const std::vector<ValueId> order = m_.order();
    for (ValueId v : order)
      if (m_.type(v).isFx())
        m_.op(v).type.ring = static_cast<uint8_t>(values_[v.index].ring);
    // An op reads the extension of an operand only where it needs the bits,
    // and a narrower ring by dropping some.
    m_.setOrder({});
    for (ValueId v : order) {
      for (size_t i = 0; i < values_[v.index].reads.size(); ++i)
        if (const ValueId o = m_.op(v).operands[i]; shared(o))
          m_.op(v).operands[i] = converted(o, values_[v.index].reads[i], v, i);
      m_.place(v);
      if (shared(v))
        convertFor(v);
    }
    for (Output &o : m_.outputs())
      if (shared(o.value))
        if (const ValueId masked = values_[o.value.index].masked;
            masked.valid() && m_.type(masked).ring >= own(o.value))
          o.value = masked;
  }

  /// Masks and extends v, as its readers ask.
  void convertFor(ValueId v) {
    const Value value = values_[v.index];
    ValueId masked = v;
    if (value.additive && value.widestMasked)
      masked = convert(Opcode::FixedMask, inRing(v, value.widestMasked),
                       value.widestMasked);
    ValueId extended;
    if (value.widest > value.ring)
      extended = convert(Opcode::FixedExtend, masked, value.widest);
    values_[v.index].masked = masked;
    values_[v.index].extended = extended;
  }

  /// Operand i of v, which is o, as v reads it.
  ValueId converted(ValueId o, Read read, ValueId v, size_t i) {
    const Value &value = values_[o.index];
    // A table looks at the low bits itself.
    const Opcode reader = m_.op(v).opcode;
    const bool readsLowBits = reader == Opcode::FixedSpline ||
                              reader == Opcode::FixedExp ||
                              reader == Opcode::FixedFourier ||
                              (reader == Opcode::FixedGather && i == 1);
    const ValueId from = read.ring > value.ring ? value.extended
                         : read.masked          ? value.masked
                                                : o;
    return readsLowBits ? from : inRing(from, read.ring);
  }

  ValueId inRing(ValueId v, int ring) {
    if (m_.type(v).ring == ring)
      return v;
    auto [it, fresh] = dropped_.try_emplace({v.index, ring}, ValueId{});
    if (fresh)
      it->second = convert(Opcode::FixedDrop, v, ring);
    return it->second;
  }

  ValueId convert(Opcode op, ValueId v, int ring) {
    Type t = m_.type(v);
    t.ring = static_cast<uint8_t>(ring);
    t.intBits = std::min<int>(t.intBits, ring - t.frac - 1);
    const std::string loc = m_.op(v).loc;
    // Elements that are not chosen later may leave the range.
    const auto range =
        m_.op(v).hasAttr("partial") ? std::nullopt : m_.op(v).range;
    const ValueId e = m_.append(op, {v}, t, loc);
    m_.op(e).range = range;
    return e;
  }

  Module &m_;
  Context &ctx_;
  std::vector<Value> values_; ///< by value
  std::map<std::pair<uint32_t, int>, ValueId> dropped_;
};

} // namespace

llvm::Error assignRings(Module &m, Context &ctx) {
  return RingAssigner(m, ctx).run();
}

} // namespace mpc::passes

//===- passes/tensor/PrecisionModel.cpp -----------------------------------===//
#include "passes/tensor/PrecisionModel.h"
#include "passes/Scale.h"
#include "passes/tensor/Roundings.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Variance of a truncation, of rounding to nearest, and of a function's table
/// (then a truncation), in squared units.
constexpr double kTruncated = 1.0 / 6, kEncoded = 1.0 / 12, kTable = 0.3;
/// A dealt bit costs half an exchanged one.
constexpr double kDealt = 0.5;
/// A function's table has about so many dealt words an element.
constexpr double kTableWords = 6;
/// An exp of more fraction bits has a table wider than any ring.
constexpr int kFinestTable = 20;
/// Fraction bits a value of size 1 has at least.
constexpr int kLinearBits = 6;

class PrecisionModel {
public:
  PrecisionModel(const Module &m, const Sensitivity &s, int ringBits)
      : m_(m), s_(s), ringBits_(ringBits), where_(m) {
    p_.root.assign(m.numValues(), kNone);
    p_.isRounded.resize(m.numValues());
    for (uint32_t i = 0; i < m.numValues(); ++i)
      p_.isRounded[i] = where_.isRounded(ValueId{i});
  }

  PrecisionProblem run() {
    for (ValueId v : m_.order())
      addSources(v);
    addCosts();
    return std::move(p_);
  }

private:
  static constexpr size_t kNone = PrecisionProblem::kNone;
  using Source = PrecisionSource;

  bool isWeight(ValueId v) const { return m_.type(v).vis == Vis::Weight; }
  double numel(ValueId v) const {
    return static_cast<double>(m_.type(v).numel());
  }
  Range rangeOf(ValueId v) const {
    return m_.op(v).range.value_or(Range{0, 0});
  }

  // --- sources --------------------------------------------------------------

  size_t addSource(ValueId v, const char *key, double white, double noise) {
    p_.sources.push_back({v, key, white * noise});
    Source &s = p_.sources.back();
    const Range r = rangeOf(v);
    s.most = std::min(40, ringBits_ - 4 - intBitsOf(r));
    s.least = std::min(s.most, 2 - intBitsOf(r));
    keepLinear(s, s_.size[v.index]);
    s.counted = s.weight > 0;
    return p_.sources.size() - 1;
  }

  /// The error model is of first order: no rounding may be coarse beside what
  /// it rounds, however little the outputs seem to mind.
  static void keepLinear(Source &s, double size) {
    if (size > 0 && std::isfinite(size))
      s.least = std::min(
          s.most, std::max(s.least, kLinearBits - static_cast<int>(std::floor(
                                                      std::log2(size)))));
  }

  void addSources(ValueId v) {
    const Op &op = m_.op(v);
    const double white = s_.white[v.index];
    if (!where_.isReal(v) || s_.opaque[v.index] || !(white > 0) ||
        !std::isfinite(white))
      return;
    if (where_.isLinear(op) && !where_.isRaw(v) && !where_.isRounded(v)) {
      // As precise as what it is made of.
      for (ValueId o : op.operands)
        if (const size_t r = p_.root[o.index];
            r != kNone && (where_.isRounded(o) || p_.sources[r].counted) &&
            (p_.root[v.index] == kNone ||
             numel(o) > numel(p_.sources[p_.root[v.index]].value)))
          p_.root[v.index] = r;
      if (p_.root[v.index] != kNone) {
        for (ValueId o : op.operands)
          join(o, p_.root[v.index]);
        return;
      }
    }
    const bool table = op.opcode == Opcode::Map || op.opcode == Opcode::Softmax;
    const bool encoded = isWeight(v) || op.opcode == Opcode::Input;
    const size_t i = addSource(v, "frac", white,
                               table     ? kTable
                               : encoded ? kEncoded
                                         : kTruncated);
    p_.root[v.index] = i;
    p_.sources[i].counted =
        where_.isRounded(v) || encoded ||
        (table && (op.opcode == Opcode::Map || where_.isNormalized(v)));
    if (op.opcode == Opcode::MatMul) {
      // exp(x) * B, which a row's reciprocal scales (see quantize).
      const ValueId p = where_.softmaxOf(op.operands[0]);
      if (p.valid() && exp_.count(p.index) && !where_.isNormalized(p)) {
        scaled_[v.index] =
            addSource(v, "product_frac",
                      white * s_.exp[p.index] / s_.white[p.index], kTruncated);
        p_.sources.back().least = 2 - intBitsOf(rangeOf(v));
        keepLinear(p_.sources.back(),
                   s_.size[v.index] / s_.inverseSize[p.index]);
      }
    }
    if (op.opcode == Opcode::Softmax) {
      // Not rounded itself where a product follows.
      exp_[v.index] = addSource(v, "exp_frac", s_.exp[v.index], kTable);
      inverse_[v.index] =
          addSource(v, "inverse_frac", s_.inverse[v.index], kTable);
      for (size_t k : {exp_[v.index], inverse_[v.index]})
        p_.sources[k].least = 4, p_.sources[k].most = kFinestTable;
      // exp is p over the reciprocal of the row sum.
      keepLinear(p_.sources[exp_[v.index]],
                 s_.size[v.index] / s_.inverseSize[v.index]);
      keepLinear(p_.sources[inverse_[v.index]], s_.inverseSize[v.index]);
    }
  }

  /// A mean and what it is taken from have as many fraction bits: more on one
  /// side would be one more rounding of the difference.
  void join(ValueId o, size_t source) {
    const size_t mine = p_.root[o.index];
    if (!where_.isRounded(o) || !where_.isScaled(m_.op(o)) || mine == source ||
        mine == kNone)
      return;
    p_.sources[source].weight += p_.sources[mine].weight;
    p_.sources[mine].weight = 0;
    p_.sources[mine].counted = false;
    p_.root[o.index] = source;
  }

  // --- costs ----------------------------------------------------------------

  void addCosts() {
    for (Source &s : p_.sources)
      s.cost = isWeight(s.value) ? 0 : 2 * numel(s.value);
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      const double n = numel(v);
      if (op.opcode == Opcode::MatMul || op.opcode == Opcode::Mul)
        addProduct(v, op);
      if (op.opcode == Opcode::Gather)
        charge(p_.root[op.operands[0].index], 2 * n);
      if (op.opcode == Opcode::Map) {
        charge(p_.root[op.operands[0].index], kDealt * n);
        charge(p_.root[v.index], kTableWords * kDealt * n);
      }
      if (op.opcode == Opcode::Softmax && exp_.count(v.index)) {
        charge(exp_[v.index], 2 * kTableWords * kDealt * n);
        p_.sources[inverse_[v.index]].cost = kTableWords;
      }
    }
    // A fraction bit of a summand is one of the sum.
    for (ValueId v : llvm::reverse(m_.order())) {
      const Op &op = m_.op(v);
      if (p_.root[v.index] == kNone || !where_.isLinear(op))
        continue;
      for (ValueId o : op.operands)
        if (const size_t s = p_.root[o.index];
            s != kNone && !p_.sources[s].counted)
          p_.sources[s].cost =
              std::max(p_.sources[s].cost, p_.sources[p_.root[v.index]].cost);
    }
    for (Source &s : p_.sources)
      s.cost = std::exp2(std::round(std::log2(std::max(s.cost, 1.0))));
  }
  void charge(size_t source, double bits) {
    if (source != kNone)
      p_.sources[source].cost += bits;
  }

  void addProduct(ValueId v, const Op &op) {
    const ValueId x = op.operands[0], y = op.operands[1];
    if (!where_.isReal(x) || !where_.isReal(y))
      return;
    const bool matrices = op.opcode == Opcode::MatMul;
    size_t a = p_.root[x.index], b = p_.root[y.index];
    const ValueId p = where_.softmaxOf(x);
    int intBits = where_.intBitsOfSum(v);
    if (matrices && p.valid() && exp_.count(p.index) &&
        !where_.isNormalized(p)) {
      // Sums of as many exps as there are lanes (see quantize).
      intBits = intBitsOf(rangeOf(v)) +
                static_cast<int>(std::ceil(std::log2(m_.type(x).shape.back())));
      a = exp_[p.index];
      charge(inverse_[p.index], 2 * numel(v));
      if (auto it = scaled_.find(v.index); it != scaled_.end())
        charge(it->second, 2 * numel(v));
    }
    if (a == kNone || b == kNone)
      return;
    const double dealt = kDealt * numel(v);
    // The other operand's ring grows, by an extension that is dealt as much as
    // exchanged; several products may share it.
    auto widens = [&](ValueId other) {
      return isWeight(other)
                 ? 0
                 : (2 + 2 * kDealt) * numel(other) /
                       std::max<uint32_t>(where_.productsOf(other), 1);
    };
    charge(a, dealt + (isWeight(x) || a != b ? widens(y) : 0));
    if (a != b)
      charge(b, dealt + widens(x));
    p_.products.push_back(
        {a, b, intBits, where_.sum(v),
         matrices ? numel(v) * static_cast<double>(m_.type(x).shape.back())
                  : 0});
  }

  const Module &m_;
  const Sensitivity &s_;
  const int ringBits_;
  const Roundings where_;
  PrecisionProblem p_;
  std::map<uint32_t, size_t> exp_, inverse_, scaled_; ///< sources, by value
};

} // namespace

double PrecisionProblem::totalError() const {
  double sum = 0;
  for (const PrecisionSource &s : sources)
    sum += s.counted ? s.error(s.frac) : 0;
  return sum;
}

PrecisionProblem precisionProblem(const Module &m, const Sensitivity &s,
                                  int ringBits) {
  return PrecisionModel(m, s, ringBits).run();
}

} // namespace mpc::passes

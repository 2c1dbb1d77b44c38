//===- passes/RingModel.cpp - the problem of a module ---------------------===//
#include "passes/RingModel.h"
#include "passes/Comparison.h"
#include "passes/OwnersTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <optional>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

constexpr uint32_t kNoNode = ~0u;

class ModelBuilder {
public:
  ModelBuilder(const Module &m, const Options &o)
      : m_(m), profile_(o.profile), nodeOf_(m.numValues(), kNoNode),
        wideMac_(profile_.workSeconds(
            profile_.machine.macU64 - profile_.machine.macU32, 2)) {
    p_.round = profile_.roundSeconds();
    p_.cap = static_cast<int>(o.ringBits);
  }

  RingProblem run() {
    for (ValueId v : m_.order())
      if (!m_.type(v).isPublic())
        add(v);
    for (const Output &o : m_.outputs())
      if (nodeOf_[o.value.index] != kNoNode)
        p_.outputs.push_back(nodeOf_[o.value.index]);
    return std::move(p_);
  }

private:
  using Producer = RingNode::Producer;

  int own(ValueId v) const {
    const Type &t = m_.type(v);
    return t.isFx() ? std::max(t.frac + t.intBits + 2, 2) : 0;
  }
  bool isPublic(ValueId v) const { return m_.type(v).isPublic(); }
  double elements(ValueId v) const {
    return static_cast<double>(m_.type(v).numel());
  }
  double exchanged(double bits) const {
    return bits / 8 * profile_.exchangedByteSeconds();
  }
  double dealt(double bits) const {
    return bits / 8 * profile_.dealtByteSeconds();
  }
  double dealtToBoth(double bits) const {
    return bits / 8 * profile_.dealtToBothByteSeconds();
  }
  /// Four more bytes an element, written once and read once.
  double widerWords(double n) const {
    return profile_.workSeconds(8 * n * profile_.machine.elementByte, 2);
  }

  RingUse *use(RingNode &node, ValueId operand, bool masked) {
    if (isPublic(operand))
      return nullptr;
    RingUse u;
    u.node = nodeOf_[operand.index];
    u.masked = masked && m_.type(operand).isFx();
    u.ringFollows = m_.type(operand).isFx();
    node.uses.push_back(u);
    return &node.uses.back();
  }
  /// Reads at least `ring` bits, whatever the result's ring.
  void useOfWidth(RingNode &node, ValueId operand, int ring) {
    if (RingUse *u = use(node, operand, true)) {
      u->ringFollows = false;
      u->least = static_cast<int16_t>(ring);
    }
  }
  /// Reads what it gives: the same ring.
  void follow(RingNode &node, ValueId operand) { use(node, operand, false); }

  void add(ValueId v) {
    const Op &op = m_.op(v);
    RingNode node;
    node.value = v;
    node.own = static_cast<int16_t>(own(v));
    const double n = elements(v);
    node.exchangeBit = exchanged(n);
    node.extendBit = exchanged(n) + dealt(2 * n);
    node.wide = node.convertWide = node.own ? widerWords(n) : 0;
    describe(v, op, node);
    if (!node.own) {
      node.perBit = node.wide = 0;
      node.producer = Producer::Masked;
    }
    nodeOf_[v.index] = static_cast<uint32_t>(p_.nodes.size());
    p_.nodes.push_back(std::move(node));
  }

  void describe(ValueId v, const Op &op, RingNode &node) {
    const double n = elements(v);
    auto operand = [&](int i) { return op.operands[i]; };
    auto table = [&](double seconds) { // of one value that is looked up
      node.producer = Producer::Additive;
      node.perBit = seconds;
    };
    switch (op.opcode) {
    case Opcode::Input:
      node.producer = Producer::Source;
      node.perBit = 2 * exchanged(n); // mask words and masked words
      break;
    case Opcode::Constant:
      node.producer = Producer::Source;
      break;
    case Opcode::FixedTrunc:
      node.producer = Producer::Masked;
      node.isTrunc = true;
      node.rounds = 1;
      node.perBit = exchanged(n);
      if (RingUse *u = use(node, operand(0), false))
        u->offset = static_cast<int16_t>(op.intAttr("bits"));
      break;
    case Opcode::FixedMul:
    case Opcode::FixedMatMul:
      product(op, node, n);
      break;
    case Opcode::FixedSpline:
      table(dealtToBoth((static_cast<double>(op.intAttr("degree")) + 1) * n));
      useOfWidth(node, operand(0), op.intAttr("window"));
      break;
    case Opcode::FixedExp:
      table(dealt(std::ldexp(n, static_cast<int>(op.intAttr("depth")))));
      useOfWidth(node, operand(0), op.intAttr("window"));
      break;
    case Opcode::FixedFourier: {
      table(dealt(n * static_cast<double>(op.intsAttr("coeffs").size()) / 2));
      // The linear term is local: slope x needs this much of x.
      const auto slope = static_cast<uint64_t>(op.intAttr("slope"));
      useOfWidth(node, operand(0), op.intAttr("window"));
      if (slope && !node.uses.empty()) {
        node.uses.back().ringFollows = true;
        node.uses.back().offset =
            static_cast<int16_t>(-llvm::countr_zero(slope));
      }
      break;
    }
    case Opcode::FixedReduceMax:
      reduceMax(op, node);
      break;
    case Opcode::FixedLess:
    case Opcode::FixedEqual:
      // A difference has one more bit.
      for (ValueId o : op.operands)
        useOfWidth(node, o, 1 + std::max(own(operand(0)), own(operand(1))));
      node.rounds = 2;
      break;
    case Opcode::FixedInRange:
      useOfWidth(node, operand(0), own(operand(0)));
      node.rounds = 1;
      break;
    case Opcode::FixedAssume:
      // What lies between its range and the operand's is known to be sign: at
      // least a bit of that is dropped, which is where the range is declared.
      node.producer = Producer::Masked;
      node.ceiling =
          static_cast<int16_t>(std::max(own(operand(0)) - 1, own(v)));
      useOfWidth(node, operand(0), own(operand(0)));
      break;
    case Opcode::FixedAnd:
      use(node, operand(0), true);
      use(node, operand(1), true);
      node.rounds = node.uses.size() == 2 ? 1 : 0;
      break;
    case Opcode::FixedSelect:
      node.producer = Producer::Additive;
      node.perBit =
          dealt(isPublic(operand(1)) && isPublic(operand(2)) ? n : 2 * n);
      for (ValueId o : op.operands)
        use(node, o, true);
      break;
    case Opcode::FixedFromBool:
      node.producer = Producer::Additive;
      node.perBit = dealt(n);
      use(node, operand(0), true);
      break;
    case Opcode::FixedGather:
      gather(op, node, n);
      break;
    default: // linear, movement, bits
      for (ValueId o : op.operands)
        follow(node, o);
    }
  }

  void product(const Op &op, RingNode &node, double n) {
    const ValueId a = op.operands[0], b = op.operands[1];
    double macs = 0;
    if (op.opcode == Opcode::FixedMatMul)
      macs = n * static_cast<double>(m_.type(a).shape.back());
    if (isPublic(a) || isPublic(b)) {
      node.wide += 2 * macs * wideMac_;
      follow(node, isPublic(a) ? b : a);
      return;
    }
    const bool weight = m_.op(a).opcode == Opcode::Constant ||
                        m_.op(b).opcode == Opcode::Constant;
    node.producer = Producer::Additive;
    node.perBit = dealt(n);
    node.wide += (weight ? 2 : 3.5) * macs * wideMac_;
    use(node, a, true);
    use(node, b, true);
  }

  /// A tree of comparisons, of two or four at a time (lower-to-shares): each
  /// of its selections deals two values an element and masks the result.
  void reduceMax(const Op &op, RingNode &node) {
    const ValueId x = op.operands[0];
    node.producer = Producer::Masked;
    node.own = static_cast<int16_t>(std::max(own(node.value), own(x) + 1));
    const int slack = op.hasAttr("slack")
                          ? static_cast<int>(op.intAttr("slack"))
                          : m_.type(x).frac;
    const int window = node.own - std::max(0, m_.type(x).frac - slack);
    const Shape shape = m_.type(x).shape;
    double selections = 0, others = elements(x);
    // One level of trees over so many places each. Segments fill up fours.
    const bool fill = op.hasAttr("segments");
    auto level = [&](std::vector<int64_t> &sizes) {
      int64_t places = 0, fours = 0, twos = 0;
      for (int64_t n : sizes)
        places += n;
      const bool inFours = fourAtOnce(static_cast<int64_t>(others) * places / 4,
                                      window, profile_);
      for (int64_t &n : sizes) {
        const bool four = inFours && n > (fill ? 2 : 3);
        const int64_t groups = fill ? (n + 2) / 4 : n / 4;
        fours += four ? groups : 0;
        twos += four ? 0 : n / 2;
        n = !four  ? n / 2 + n % 2
            : fill ? groups + (n % 4 == 1)
                   : groups + n % 4;
      }
      selections += others * static_cast<double>(3 * fours + twos);
      node.rounds += fours ? 4 : 3;
    };
    auto tree = [&](int64_t axis, std::vector<int64_t> sizes) {
      others /= static_cast<double>(shape[axis]);
      while (llvm::any_of(sizes, [](int64_t n) { return n > 1; }))
        level(sizes);
    };
    if (fill)
      tree(m_.type(x).rank() - 1, op.intsAttr("segments").vec());
    else
      for (int64_t axis : op.intsAttr("axes"))
        tree(axis, {shape[axis]});
    node.perBit = exchanged(selections) + dealt(2 * selections);
    use(node, x, true);
  }

  /// A one-hot row for every index, times the table; of a large table of the
  /// owner, a row over Z_2 and its words.
  void gather(const Op &op, RingNode &node, double n) {
    const ValueId table = op.operands[0], index = op.operands[1];
    const int64_t rows = op.intAttr("rows"), lookups = m_.type(index).numel();
    const int64_t width = m_.type(table).numel() / rows;
    const double selected = static_cast<double>(lookups * rows);
    node.producer = Producer::Additive;
    if (const std::optional<ValueId> owners = ownersTable(m_, table);
        owners && wordsAreCheaper(lookups, rows, width,
                                  ownersWordBits(m_, *owners, p_.cap),
                                  own(node.value), profile_)) {
      node.rounds = 2;
      node.perBit = dealt(n * ownersWordBits(m_, *owners, p_.cap));
    } else {
      node.perBit = dealtToBoth(static_cast<double>(lookups));
      node.wide += 2 * selected * static_cast<double>(width) * wideMac_;
      if (!isPublic(table)) { // the row is masked first
        node.rounds = 1;
        node.perBit += exchanged(selected) + dealt(n);
      }
    }
    use(node, table, true);
    // The index is masked in Z_{2^v}, 2^v >= rows.
    useOfWidth(node, index,
               std::max<int>(own(index), llvm::Log2_64_Ceil(rows)));
  }

  const Module &m_;
  const plan::Profile &profile_;
  std::vector<uint32_t> nodeOf_;
  const double wideMac_; ///< what a multiply-add takes more in a wide word
  RingProblem p_;
};

} // namespace

RingProblem ringProblem(const Module &m, const Options &options) {
  return ModelBuilder(m, options).run();
}

} // namespace mpc::passes

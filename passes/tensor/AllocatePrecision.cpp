//===- passes/tensor/AllocatePrecision.cpp - bits where they matter
//--------===//
//   %2 = tensor.matmul %0, %1  ==>  %2 = tensor.matmul %0, %1 {frac = 11}
// Stage: tensor, between calibrate and quantize. Every real value gets the
// fraction bits to which it may be rounded, so that the root mean square error
// of each output stays within --target-error (as a fraction of its standard
// deviation below 1, absolute up to 16, of a sixteenth of it above).
//   minimize    sum over roundings v of cost[v] * frac[v]
//   subject to  sum over v of noise[v] * white[v] * 4^-frac[v] <= 1
// white (Sensitivity.h) is what a unit of noise does to the outputs, noise the
// variance of one rounding in squared units of the last place, cost the bits
// that one fraction bit puts on wires: those of the value's own exchanges, of
// the other operand of every product that reads it (their fractions add), and,
// at half price, dealt ones. The optimum (reverse water-filling) gives each
// rounding a share of the error in proportion to its cost: frac = log2(noise *
// white / (lambda cost)) / 2 for one lambda, found by bisection over whole
// bits. Then products of matrices that need little more than 32 bits are held
// to 32 while the others can make up for it.
// Does nothing with --frac-bits (Options::uniform). Refuses a target that the
// widest ring cannot meet. docs/precision.md has more.
// Tests: tests/lit/passes/allocate-precision/
#include "passes/GeneratedInputs.h"
#include "passes/Movement.h"
#include "passes/Scale.h"
#include "passes/tensor/Sensitivity.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Variance of a truncation, of rounding to nearest, and of a function's table
/// (then a truncation), in squared units.
constexpr double kTruncated = 1.0 / 6, kEncoded = 1.0 / 12, kTable = 0.3;
/// A table errs by 2^-kTableBits units at most. Its error is the same wherever
/// its argument is, so it adds up more than noise does.
constexpr int kTableBits = 2;
/// A dealt bit costs half an exchanged one.
constexpr double kDealt = 0.5;
/// A function's table has about so many dealt words an element.
constexpr double kTableWords = 6;
/// Kernels for rings of 32 bits are twice as fast.
constexpr int kNarrow = 32;
/// An exp of more fraction bits has a table wider than any ring.
constexpr int kFinestTable = 20;
/// Of the allowed error, at most one of these is spent on staying narrow. More
/// buys no time in whole plans and costs bytes (docs/performance-log.md).
constexpr double kNarrowShares[] = {0, 0.25};
/// Fraction bits a value of size 1 has at least.
constexpr int kLinearBits = 6;

struct Source {
  ValueId value;
  const char *key;   ///< attribute: frac, exp_frac, inverse_frac
  double weight = 0; ///< noise variance times sensitivity
  double cost = 0;
  int least = -32, most = 40;
  bool counted = false;
  int frac = 0;

  double error(int f) const { return weight * std::ldexp(1.0, -2 * f); }
};

struct Product {
  size_t a, b;  ///< sources
  int intBits;  ///< of the sum it ends up in
  uint32_t sum; ///< summands agree on their fraction bits
  double work;  ///< multiplications of matrices
};

class Allocator {
public:
  Allocator(Module &m, Context &ctx, const Sensitivity &s)
      : m_(m), ctx_(ctx), s_(s), root_(m.numValues(), kNone),
        raw_(m.numValues(), false), rounds_(m.numValues(), false),
        intBits_(m.numValues(), -64), readers_(m.numValues(), 0),
        productsOf_(m.numValues(), 0), sum_(m.numValues()) {
    for (uint32_t i = 0; i < sum_.size(); ++i)
      sum_[i] = i;
  }

  llvm::Error run() {
    findRoundings();
    addCosts();
    solve();
    // Extensions need one bit more than a product.
    hold(static_cast<int>(ctx_.options.ringBits) - 1, INFINITY);
    if (totalError() > 1)
      return tooTight();
    stayNarrow();
    spendRest();
    write();
    return llvm::Error::success();
  }

private:
  static constexpr size_t kNone = ~size_t{0};

  bool isReal(ValueId v) const {
    return m_.type(v).elem == Elem::F32 && !m_.type(v).isPublic();
  }
  bool isWeight(ValueId v) const { return m_.type(v).vis == Vis::Weight; }
  double numel(ValueId v) const {
    return static_cast<double>(m_.type(v).numel());
  }
  Range rangeOf(ValueId v) const {
    return m_.op(v).range.value_or(Range{0, 0});
  }

  /// The values that v is added to, directly or not, have one number.
  uint32_t sum(uint32_t v) {
    while (sum_[v] != v)
      v = sum_[v] = sum_[sum_[v]];
    return v;
  }
  /// Whether the op's result is linear in its operands, all but one public: it
  /// takes them as they are.
  bool isLinear(const Op &op) const {
    switch (op.opcode) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Neg:
    case Opcode::ReduceSum:
    case Opcode::Concat:
      return true;
    case Opcode::Mul:
      return !isReal(op.operands[0]) || !isReal(op.operands[1]);
    default:
      return isMovement(op.opcode);
    }
  }
  bool isProduct(const Op &op) const {
    return (op.opcode == Opcode::Mul || op.opcode == Opcode::MatMul) &&
           !isLinear(op);
  }
  /// A sum's mean: fraction bits come with the factor.
  bool isScaled(const Op &op) const {
    if (op.opcode != Opcode::Mul || !isLinear(op))
      return false;
    for (ValueId o : op.operands)
      if (std::optional<double> c = m_.uniformConstant(o))
        return std::exp2(std::round(std::log2(std::fabs(*c)))) != std::fabs(*c);
    return true;
  }

  size_t addSource(ValueId v, const char *key, double white, double noise) {
    sources_.push_back({v, key, white * noise});
    Source &s = sources_.back();
    const Range r = rangeOf(v);
    s.most = std::min(40, static_cast<int>(ctx_.options.ringBits) - 4 -
                              intBitsOf(r));
    s.least = std::min(s.most, 2 - intBitsOf(r));
    keepLinear(s, s_.size[v.index]);
    s.counted = s.weight > 0;
    return sources_.size() - 1;
  }

  /// The error model is of first order: no rounding may be coarse beside what
  /// it rounds, however little the outputs seem to mind.
  static void keepLinear(Source &s, double size) {
    if (size > 0 && std::isfinite(size))
      s.least = std::min(
          s.most, std::max(s.least, kLinearBits - static_cast<int>(std::floor(
                                                      std::log2(size)))));
  }

  /// Where quantize rounds: a product, or a sum of some, that something but a
  /// sum reads; one that is summed up and read besides; and what is much
  /// smaller than the sum it goes into.
  void findRoundings() {
    std::vector<bool> read(m_.numValues(), false), summed = read;
    std::vector<int64_t> pieces(m_.numValues(), 0), taken = pieces;
    for (const Output &o : m_.outputs())
      read[o.value.index] = true;
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      for (ValueId o : op.operands) {
        ++readers_[o.index];
        productsOf_[o.index] += isProduct(op);
        if (!isLinear(op))
          read[o.index] = true;
        else if (op.opcode == Opcode::ReduceSum)
          summed[o.index] = true;
        else if (isScaled(m_.op(o)) && numel(o) * 8 <= numel(v))
          read[o.index] = true;
        if (op.opcode == Opcode::Slice || op.opcode == Opcode::Take) {
          ++pieces[o.index];
          taken[o.index] += op.type.numel();
        }
      }
    }
    for (ValueId v : m_.order()) // as quantize has it
      if (pieces[v.index] > 4 || taken[v.index] > m_.type(v).numel())
        read[v.index] = true;
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      bool raw = isProduct(op) || isScaled(op);
      if (isLinear(op))
        for (ValueId o : op.operands)
          raw |= raw_[o.index];
      const bool here =
          raw && (read[v.index] || (summed[v.index] && readers_[v.index] > 1));
      raw_[v.index] = raw && !here;
      rounds_[v.index] = here;
      if (isLinear(op) && raw)
        for (ValueId o : op.operands)
          if (raw_[o.index])
            sum_[sum(o.index)] = sum(v.index);
    }
    for (ValueId v : m_.order())
      if (isReal(v))
        intBits_[sum(v.index)] =
            std::max(intBits_[sum(v.index)], intBitsOf(rangeOf(v)));
    findNormalized();
    for (ValueId v : m_.order())
      addSources(v);
  }

  /// The softmax that v is, or takes rows from.
  ValueId softmaxOf(ValueId v) const {
    if (m_.op(v).opcode == Opcode::Take)
      v = m_.op(v).operands[0];
    return m_.op(v).opcode == Opcode::Softmax ? v : ValueId{};
  }
  /// Softmaxes that nothing but products of matrices read, as left operands:
  /// quantize divides the products.
  void findNormalized() {
    normalized_.assign(m_.numValues(), false);
    auto read = [&](ValueId o) {
      if (const ValueId s = softmaxOf(o); s.valid())
        normalized_[s.index] = true;
    };
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      for (size_t i = 0; i < op.operands.size(); ++i)
        if (!(op.opcode == Opcode::Take && softmaxOf(v).valid()) &&
            !(op.opcode == Opcode::MatMul && i == 0))
          read(op.operands[i]);
    }
    for (const Output &o : m_.outputs())
      read(o.value);
  }

  void addSources(ValueId v) {
    const Op &op = m_.op(v);
    const double white = s_.white[v.index];
    if (!isReal(v) || s_.opaque[v.index] || !(white > 0) ||
        !std::isfinite(white))
      return;
    if (isLinear(op) && !raw_[v.index] && !rounds_[v.index]) {
      // As precise as what it is made of.
      for (ValueId o : op.operands)
        if (const size_t r = root_[o.index];
            r != kNone && (rounds_[o.index] || sources_[r].counted) &&
            (root_[v.index] == kNone ||
             numel(o) > numel(sources_[root_[v.index]].value)))
          root_[v.index] = r;
      if (root_[v.index] != kNone) {
        for (ValueId o : op.operands)
          join(o, root_[v.index]);
        return;
      }
    }
    const bool table = op.opcode == Opcode::Map || op.opcode == Opcode::Softmax;
    const bool encoded = isWeight(v) || op.opcode == Opcode::Input;
    const size_t i = addSource(v, "frac", white,
                               table     ? kTable
                               : encoded ? kEncoded
                                         : kTruncated);
    root_[v.index] = i;
    sources_[i].counted =
        rounds_[v.index] || encoded ||
        (table && (op.opcode == Opcode::Map || normalized_[v.index]));
    if (op.opcode == Opcode::MatMul) {
      // exp(x) * B, which a row's reciprocal scales (see quantize).
      const ValueId p = softmaxOf(op.operands[0]);
      if (p.valid() && exp_.count(p.index) && !normalized_[p.index]) {
        scaled_[v.index] =
            addSource(v, "product_frac",
                      white * s_.exp[p.index] / s_.white[p.index], kTruncated);
        sources_.back().least = 2 - intBitsOf(rangeOf(v));
        keepLinear(sources_.back(), s_.size[v.index] / s_.inverseSize[p.index]);
      }
    }
    if (op.opcode == Opcode::Softmax) {
      // Not rounded itself where a product follows.
      exp_[v.index] = addSource(v, "exp_frac", s_.exp[v.index], kTable);
      inverse_[v.index] =
          addSource(v, "inverse_frac", s_.inverse[v.index], kTable);
      for (size_t k : {exp_[v.index], inverse_[v.index]})
        sources_[k].least = 4, sources_[k].most = kFinestTable;
      // exp is p over the reciprocal of the row sum.
      keepLinear(sources_[exp_[v.index]],
                 s_.size[v.index] / s_.inverseSize[v.index]);
      keepLinear(sources_[inverse_[v.index]], s_.inverseSize[v.index]);
    }
  }

  /// A mean and what it is taken from have as many fraction bits: more on one
  /// side would be one more rounding of the difference.
  void join(ValueId o, size_t source) {
    const size_t mine = root_[o.index];
    if (!rounds_[o.index] || !isScaled(m_.op(o)) || mine == source ||
        mine == kNone)
      return;
    sources_[source].weight += sources_[mine].weight;
    sources_[mine].weight = 0;
    sources_[mine].counted = false;
    root_[o.index] = source;
  }

  void addCosts() {
    for (Source &s : sources_)
      s.cost = isWeight(s.value) ? 0 : 2 * numel(s.value);
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      const double n = numel(v);
      if (op.opcode == Opcode::MatMul || op.opcode == Opcode::Mul)
        addProduct(v, op);
      if (op.opcode == Opcode::Gather)
        charge(root_[op.operands[0].index], 2 * n);
      if (op.opcode == Opcode::Map) {
        charge(root_[op.operands[0].index], kDealt * n);
        charge(root_[v.index], kTableWords * kDealt * n);
      }
      if (op.opcode == Opcode::Softmax && exp_.count(v.index)) {
        charge(exp_[v.index], 2 * kTableWords * kDealt * n);
        sources_[inverse_[v.index]].cost = kTableWords;
      }
    }
    // A fraction bit of a summand is one of the sum.
    for (ValueId v : llvm::reverse(m_.order())) {
      const Op &op = m_.op(v);
      if (root_[v.index] == kNone || !isLinear(op))
        continue;
      for (ValueId o : op.operands)
        if (const size_t s = root_[o.index]; s != kNone && !sources_[s].counted)
          sources_[s].cost =
              std::max(sources_[s].cost, sources_[root_[v.index]].cost);
    }
    for (Source &s : sources_)
      s.cost = std::exp2(std::round(std::log2(std::max(s.cost, 1.0))));
  }
  void charge(size_t source, double bits) {
    if (source != kNone)
      sources_[source].cost += bits;
  }

  void addProduct(ValueId v, const Op &op) {
    const ValueId x = op.operands[0], y = op.operands[1];
    if (!isReal(x) || !isReal(y))
      return;
    const bool matrices = op.opcode == Opcode::MatMul;
    size_t a = root_[x.index], b = root_[y.index];
    const ValueId p = softmaxOf(x);
    int intBits = intBits_[sum(v.index)];
    if (matrices && p.valid() && exp_.count(p.index) && !normalized_[p.index]) {
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
                       std::max<uint32_t>(productsOf_[other.index], 1);
    };
    charge(a, dealt + (isWeight(x) || a != b ? widens(y) : 0));
    if (a != b)
      charge(b, dealt + widens(x));
    products_.push_back(
        {a, b, intBits, sum(v.index),
         matrices ? numel(v) * static_cast<double>(m_.type(x).shape.back())
                  : 0});
  }

  int ringOf(const Product &p) const {
    return sources_[p.a].frac + sources_[p.b].frac + p.intBits + 2;
  }

  double totalError() const {
    double sum = 0;
    for (const Source &s : sources_)
      sum += s.counted ? s.error(s.frac) : 0;
    return sum;
  }

  void setFracs(double logLambda) {
    for (Source &s : sources_) {
      const double f =
          s.weight > 0
              ? (std::log2(s.weight) - std::log2(s.cost) - logLambda) / 2
              : s.least;
      s.frac =
          std::min(std::max(static_cast<int>(std::ceil(f)), s.least), s.most);
    }
  }

  /// The coarsest fractions whose errors add up to at most 1; the finest if
  /// none do.
  void solve() {
    int lo = -400, hi = 400; // quarters of log2 lambda: fine to coarse
    while (lo < hi) {
      const int middle = lo + (hi - lo + 1) / 2;
      setFracs(middle / 4.0);
      if (totalError() <= 1)
        lo = middle;
      else
        hi = middle - 1;
    }
    setFracs(lo / 4.0);
  }

  /// Holds products of matrices to narrow rings, as many as are worth the bits
  /// that other values then need: the least predicted seconds.
  void stayNarrow() {
    const std::vector<Source> wide = sources_;
    std::vector<Source> best = wide;
    double least = INFINITY;
    for (double share : kNarrowShares) {
      sources_ = wide;
      hold(kNarrow, share);
      if (const double s = seconds(); totalError() <= 1 && s < least) {
        least = s;
        best = sources_;
      }
    }
    sources_ = std::move(best);
  }

  /// What fraction bits and wide products take under the profile.
  double seconds() const {
    const plan::Profile &p = ctx_.options.profile;
    double bits = 0, wide = 0;
    for (const Source &s : sources_)
      bits += s.cost * s.frac;
    for (const Product &q : products_)
      wide += ringOf(q) > kNarrow ? 2 * q.work : 0; // online and offline
    return bits / 16 * p.exchangedByteSeconds() +   // a byte each way
           p.workSeconds(wide * (p.machine.macU64 - p.machine.macU32), 2);
  }

  /// Holds sums of products to rings of `limit` bits: those with products of
  /// matrices, by what it adds to the error for each multiplication that
  /// becomes cheaper, while that is at most `share` of the allowance and the
  /// others can make up for it; all of them if the share is infinite.
  void hold(int limit, double share) {
    const bool must = std::isinf(share);
    std::map<uint32_t, std::vector<const Product *>> sums;
    for (const Product &p : products_)
      sums[p.sum].push_back(&p);
    struct Choice {
      double price;
      const std::vector<const Product *> *products;
    };
    std::vector<Choice> choices;
    for (const auto &[sum, products] : sums) {
      double work = must ? 1 : 0;
      for (const Product *p : products)
        work += p->work;
      if (work > 0 && llvm::any_of(products, [&](const Product *p) {
            return ringOf(*p) > limit;
          }))
        choices.push_back({narrow(products, limit, false) / work, &products});
    }
    if (choices.empty())
      return;
    llvm::stable_sort(choices, [](const Choice &x, const Choice &y) {
      return x.price < y.price;
    });
    double spent = 0;
    for (const Choice &c : choices) {
      const double more = narrow(*c.products, limit, false);
      if (!must && !(spent + more <= share))
        continue;
      spent += more;
      narrow(*c.products, limit, true);
    }
    solve();
  }

  /// Takes fraction bits off the operands of these products where that costs
  /// least error, until they fit; returns the error it adds, infinite if they
  /// cannot. With `keep` that is how they stay.
  double narrow(const std::vector<const Product *> &products, int limit,
                bool keep) {
    std::map<size_t, int> before;
    double more = 0;
    for (const Product *p : products)
      while (ringOf(*p) > limit && std::isfinite(more)) {
        Source &a = sources_[p->a], &b = sources_[p->b];
        const bool first = a.error(a.frac) <= b.error(b.frac)
                               ? a.frac > a.least
                               : b.frac <= b.least;
        Source &x = first ? a : b;
        before.try_emplace(first ? p->a : p->b, x.frac);
        more +=
            x.frac > x.least ? x.error(x.frac - 1) - x.error(x.frac) : INFINITY;
        --x.frac;
      }
    for (auto [s, frac] : before)
      if (keep)
        sources_[s].most = std::min(sources_[s].most, sources_[s].frac);
      else
        sources_[s].frac = frac;
    return more;
  }

  /// Whole bits leave some of the allowance over: the costliest values first.
  void spendRest() {
    std::vector<Source *> byCost;
    for (Source &s : sources_)
      if (s.counted)
        byCost.push_back(&s);
    llvm::stable_sort(byCost, [](const Source *x, const Source *y) {
      return x->cost > y->cost;
    });
    double total = totalError();
    for (Source *s : byCost) {
      const double more = s->error(s->frac - 1) - s->error(s->frac);
      if (s->frac > s->least && total + more <= 1) {
        --s->frac;
        total += more;
      }
    }
  }

  llvm::Error tooTight() {
    const Source *worst = nullptr;
    for (const Source &s : sources_)
      if (s.counted && (!worst || s.error(s.frac) > worst->error(worst->frac)))
        worst = &s;
    return llvm::createStringError(
        llvm::inconvertibleErrorCode(), "%s",
        llvm::formatv(
            "node '{0}' ({1}): a target error of {2} cannot be met: rings of "
            "{3} bits leave {4} here at most, an error of about {5}; raise "
            "--target-error or --ring-bits",
            m_.op(worst->value).loc, info(m_.op(worst->value).opcode).mnemonic,
            shortNumber(ctx_.options.targetError), ctx_.options.ringBits,
            llvm::formatv("{0} fraction bits", worst->frac).str(),
            shortNumber(ctx_.options.targetError * std::sqrt(totalError())))
            .str()
            .c_str());
  }

  void write() {
    for (const Source &s : sources_)
      m_.op(s.value).setAttr(s.key, int64_t{s.frac});
    for (ValueId v : m_.order()) {
      Op &op = m_.op(v);
      if (root_[v.index] == kNone)
        continue;
      const Source &s = sources_[root_[v.index]];
      op.setAttr("frac", int64_t{s.frac});
      if (rounds_[v.index])
        op.setAttr("rounds", int64_t{1});
      if (op.opcode != Opcode::Map || ctx_.options.fixedTolerance)
        continue;
      // The same error absolute and relative to what the samples show.
      const double absolute = std::ldexp(1.0, -s.frac - kTableBits);
      const double ratio = s_.relative[v.index] / s_.white[v.index];
      op.setAttr("tolerance", absolute);
      op.setAttr("relative_tolerance",
                 ratio > 0 ? std::exp2(std::floor(
                                 std::log2(absolute / std::sqrt(ratio))))
                           : absolute);
    }
  }

  Module &m_;
  Context &ctx_;
  const Sensitivity &s_;
  std::vector<Source> sources_;
  std::vector<Product> products_;
  std::vector<size_t> root_; ///< source of every value
  std::map<uint32_t, size_t> exp_, inverse_, scaled_;
  std::vector<bool> raw_, rounds_; ///< not rounded yet; rounded here
  std::vector<bool> normalized_;   ///< softmaxes that are multiplied out
  std::vector<int> intBits_;       ///< of the sums that a value goes into
  std::vector<uint32_t> readers_, productsOf_; ///< number of each
  std::vector<uint32_t> sum_; ///< union of the values that are added up
};

} // namespace

llvm::Error allocatePrecision(Module &m, Context &ctx) {
  if (ctx.options.uniform)
    return llvm::Error::success();
  const double target = ctx.options.targetError;
  const std::vector<InputMap> generated = ctx.options.samples.empty()
                                              ? generatedInputs(m)
                                              : std::vector<InputMap>();
  const std::vector<InputMap> &samples =
      generated.empty() ? ctx.options.samples : generated;
  if (samples.empty())
    return llvm::Error::success();
  llvm::Expected<Sensitivity> s =
      measureSensitivity(m, samples.front(), [&](double deviation) {
        // Absolute for deviations of 1 to 16; to a power of two: the plan is
        // public.
        const double size =
            deviation > 0 ? std::exp2(std::floor(std::log2(deviation))) : 1.0;
        return target * (size < 1 ? size : std::max(1.0, size / 16));
      });
  if (!s)
    return s.takeError();
  return Allocator(m, ctx, *s).run();
}

} // namespace mpc::passes

//===- passes/fixed/Guard.cpp - values outside their ranges ---------------===//
//   %2 = fixed.matmul %0, %1           %2 = fixed.matmul ... : wider
//   %3 = fixed.mul %2, %2     ==>      %g = fixed.in_range %2
//                                      %a = fixed.assume %2
//                                      %3 = fixed.mul %a, %a
// Stage: fixed, after quantize. Calibrated ranges hold for inputs like the
// samples. With Options::guard every value gets the range that interval
// arithmetic proves from the ranges of its operands; where the calibrated one
// is much narrower and a product, a maximum or a function reads the value, it
// is checked, and assumed from there on. So the first value in program order
// that leaves its range has operands in range, hence fits its ring and is seen
// as it is: its check fails for certain. The checks' conjunction is one more
// output, which becomes the client's guard.
// With Options::clipMaps a function's argument, as wide as the same arithmetic
// has it, is moved to the nearest end of the domain by comparisons: f
// saturates; factors of products are assumed to be in range, unless there is a
// guard. Without either option nothing changes. Tests: tests/lit/passes/guard/,
// tests/unit/backend/GuardTest.cpp
#include "ir/Guard.h"
#include "ir/NodeError.h"
#include "passes/Interval.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include "passes/Scale.h"
#include "runtime/plan/RangeLinks.h"
#include "llvm/ADT/STLExtras.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Bits beyond the calibrated range that a product may take along.
constexpr int kCarriedBits = 1;
/// Rounding noise at the end of a range, in ulps.
constexpr double kNoise = 8;

class Guarding {
public:
  Guarding(Module &m, Context &ctx)
      : m_(m), rw_(m), guard_(ctx.options.guard), clip_(ctx.options.clipMaps),
        tolerance_(ctx.options.tolerance) {}

  llvm::Error run() {
    findReaders();
    for (ValueId v : rw_.oldOrder()) {
      rw_.remapOperands(v);
      if (m_.op(v).opcode == Opcode::FixedMap)
        if (llvm::Error e = domain(v))
          return e;
      const std::optional<Range> declared = m_.op(v).range;
      if (widen(v))
        if (llvm::Error e = finite(v))
          return e;
      rw_.keep(v);
      if (m_.type(v).isFx() && m_.type(v).vis == Vis::Secret && declared &&
          bounded_[v.index] &&
          intBitsOf(*m_.op(v).range) > intBitsOf(*declared) + kCarriedBits)
        rw_.replace(v, bound(v, *declared));
    }
    conclude();
    rw_.finish();
    return llvm::Error::success();
  }

private:
  /// Values that a product or a maximum reads.
  void findReaders() {
    bounded_.assign(m_.numValues(), false);
    for (ValueId v : rw_.oldOrder()) {
      const Op &op = m_.op(v);
      const bool product =
          op.opcode == Opcode::FixedMul || op.opcode == Opcode::FixedMatMul;
      for (size_t i = 0; i < op.operands.size(); ++i)
        if (op.opcode == Opcode::FixedReduceMax ||
            (product && !m_.type(op.operands[1 - i]).isPublic()))
          bounded_[op.operands[i].index] = true;
    }
  }

  void setRange(ValueId v, Range r) {
    Op &op = m_.op(v);
    op.range = r;
    op.type.intBits = static_cast<int16_t>(intBitsOf(r));
  }

  /// The proved range instead of the calibrated one; whether there is one.
  bool widen(ValueId v) {
    const Op &op = m_.op(v);
    if (!op.type.isFx() || op.operands.empty() || op.type.isPublic())
      return false;
    setRange(v, intervalOf(m_, op, tolerance_));
    return true;
  }

  llvm::Error finite(ValueId v) const {
    const Op &op = m_.op(v);
    if (std::isfinite(magnitude(*op.range)) && magnitude(*op.range) < 1e15)
      return llvm::Error::success();
    return nodeError(op, llvm::formatv("no range that fits a ring can be "
                                       "proved of this value: [{0}, {1}]",
                                       shortNumber(op.range->first),
                                       shortNumber(op.range->second)));
  }

  ValueId append(Opcode opcode, llvm::ArrayRef<ValueId> operands, Type type,
                 Range range, const std::string &loc) {
    if (type.isFx())
      type.intBits = static_cast<int16_t>(intBitsOf(range));
    const ValueId v = m_.append(opcode, operands, type, loc);
    m_.op(v).range = range;
    return v;
  }

  /// v, known to lie in `r`.
  ValueId assume(ValueId v, Range r) {
    const Type type = m_.type(v);
    const std::string loc = m_.op(v).loc;
    return append(Opcode::FixedAssume, {v}, type, r, loc);
  }

  /// v within what its calibrated type holds, checked if there is a guard.
  ValueId bound(ValueId v, Range declared) {
    const double ulp = std::ldexp(1.0, -m_.type(v).frac);
    const double top = std::ldexp(1.0, intBitsOf(declared)) - ulp;
    const double most = top * 7 / 8;
    if (guard_)
      check(v,
            {std::max(declared.first - kNoise * ulp, -most),
             std::min(declared.second + kNoise * ulp, most)},
            {-top, top}, 6, std::string(m_.op(v).loc));
    return assume(v, {-top, top});
  }

  /// Adds the check of v; false if no table of `maxBits` can tell.
  bool check(ValueId v, Range must, Range sound, unsigned maxBits,
             const std::string &loc) {
    const Type type = m_.type(v);
    const Range known = *m_.op(v).range;
    const auto down = [&](double x) {
      return static_cast<int64_t>(std::floor(std::ldexp(x, type.frac)));
    };
    const auto up = [&](double x) {
      return static_cast<int64_t>(std::ceil(std::ldexp(x, type.frac)));
    };
    // Whole numbers are exact.
    const int64_t noise = type.frac == 0 ? 0 : static_cast<int64_t>(kNoise);
    const plan::RangeRequest request{
        up(must.first),
        down(must.second),
        up(sound.first),
        down(sound.second),
        down(known.first) - noise,
        up(known.second) + noise,
        static_cast<unsigned>(type.frac + type.intBits + 2),
        maxBits};
    const auto links = plan::rangeLinks(request);
    if (!links)
      return false;
    if (links->empty())
      return true;
    Type bits = Type::tensor(Elem::Bool, type.vis, {kGuardBits});
    const ValueId c = append(Opcode::FixedInRange, {v}, bits, {0, 1}, loc);
    m_.op(c).setAttr("frac", int64_t{type.frac});
    m_.op(c).setAttr("lo", request.lo);
    m_.op(c).setAttr("hi", request.hi);
    m_.op(c).setAttr("links", plan::linksToImm(*links));
    checks_.push_back(c);
    return true;
  }

  ValueId constant(double c, int frac, const std::string &loc) {
    const ValueId v =
        append(Opcode::Constant, {}, Type::fx(Vis::Public, 0, frac, 0, {}),
               {c, c}, loc);
    m_.op(v).setAttr("value",
                     m_.addConst({Elem::F32, {}, {static_cast<float>(c)}, {}}));
    return v;
  }
  ValueId less(ValueId a, ValueId b, ValueId like, const std::string &loc) {
    const Type bit =
        Type::tensor(Elem::Bool, m_.type(like).vis, m_.type(like).shape);
    return append(Opcode::FixedLess, {a, b}, bit, {0, 1}, loc);
  }

  /// The argument of the function v stays in its domain.
  llvm::Error domain(ValueId v) {
    const Op map = m_.op(v);
    const Range domain{map.floatAttr("lo"), map.floatAttr("hi")};
    const int64_t proved = map.hasAttr("proved") ? map.intAttr("proved") : 0;
    ValueId x = map.operands[0];
    const Type type = m_.type(x);
    const double ulp = std::ldexp(1.0, -type.frac);
    Range known = m_.op(x).range.value_or(domain);
    if (proved & 1)
      known.first = std::max(known.first, domain.first);
    if (proved & 2)
      known.second = std::min(known.second, domain.second);
    const bool below =
        known.first<domain.first - kNoise * ulp, above = known.second> domain
            .second +
        kNoise * ulp;
    if (type.vis != Vis::Secret || (!below && !above))
      return llvm::Error::success();
    if (clip_)
      x = clipped(x, domain, below, above, map.loc);
    else if (guard_)
      x = guarded(x, domain, below, above, map.loc);
    m_.op(v).operands[0] = x;
    return llvm::Error::success();
  }

  ValueId clipped(ValueId x, Range domain, bool below, bool above,
                  const std::string &loc) {
    const Type type = m_.type(x);
    const Range known = *m_.op(x).range;
    ValueId y = x;
    const auto pick = [&](bool low) {
      const double end = low ? domain.first : domain.second;
      const ValueId c = constant(end, type.frac, loc);
      const ValueId out = low ? less(x, c, x, loc) : less(c, x, x, loc);
      const Range r{low ? end : m_.op(y).range->first,
                    low ? known.second : end};
      y = append(Opcode::FixedSelect, {out, c, y}, type, r, loc);
    };
    if (below)
      pick(true);
    if (above)
      pick(false);
    return y;
  }

  ValueId guarded(ValueId x, Range domain, bool below, bool above,
                  const std::string &loc) {
    const Type type = m_.type(x);
    // A quarter of what the margin has added at each end may be refused.
    const double width = domain.second - domain.first;
    Range must{domain.first + width / 8, domain.second - width / 8};
    if (domain.first > 0)
      must.first = std::min(2 * domain.first, must.first);
    if (domain.second < 0)
      must.second = std::max(2 * domain.second, must.second);
    Range known = *m_.op(x).range, sound = domain;
    if (!below)
      sound.first = std::min(known.first, must.first) - width;
    if (!above)
      sound.second = std::max(known.second, must.second) + width;
    const int64_t n = type.numel();
    const unsigned bits = n <= 1 << 13 ? 12 : n <= 1 << 16 ? 9 : 6;
    if (!check(x, must, sound, bits, loc)) {
      // The end near zero by a comparison, the other by a table.
      const bool low = domain.first > 0;
      const double end = low ? domain.first : domain.second;
      const ValueId c = constant(end, type.frac, loc);
      const ValueId out = low ? less(x, c, x, loc) : less(c, x, x, loc);
      const ValueId number =
          append(Opcode::FixedFromBool, {out},
                 Type::fx(type.vis, 0, 0, 1, type.shape), {0, 1}, loc);
      check(number, {0, 0}, {-1, 0}, 6, loc);
      (low ? sound.first : sound.second) = (low ? -1 : 1) * 2 * width;
      (low ? must.first : must.second) = 0;
      check(x, must, sound, bits, loc);
    }
    return assume(x, {below ? domain.first : known.first,
                      above ? domain.second : known.second});
  }

  /// All checks hold: the sum of their bits over GF(2) is zero.
  void conclude() {
    if (checks_.empty())
      return;
    ValueId all = checks_[0];
    for (size_t i = 1; i < checks_.size(); ++i) {
      const Type bits = m_.type(all);
      all = append(Opcode::FixedXor, {all, checks_[i]}, bits, {0, 1}, "");
    }
    m_.outputs().push_back({kGuardOutput, all, Elem::Bool});
  }

  Module &m_;
  Rewriter rw_;
  const bool guard_, clip_;
  const double tolerance_;
  std::vector<bool> bounded_; ///< by value
  std::vector<ValueId> checks_;
};

} // namespace

llvm::Error guard(Module &m, Context &ctx) {
  if (!ctx.options.guard && !ctx.options.clipMaps)
    return llvm::Error::success();
  return Guarding(m, ctx).run();
}

} // namespace mpc::passes

//===- passes/tensor/Calibrate.cpp - a range for every value --------------===//
//   %3 = tensor.rsqrt %2 : ...  ==>  %3 = tensor.rsqrt %2 : ... range(0.1, 8.0)
// Stage: tensor, the last pass before quantize. Sound interval analysis,
// tightened by what the samples show: an observed [lo, hi] is widened away
// from zero and towards it by 2^marginBits (a bound keeps its sign), rounded
// outward to just below whole bits (the plan is public), then intersected with
// the sound interval. Without samples generated inputs are
// observed (ids uniform over the declared range, reals normal) and a warning
// says so.
// Tests: tests/lit/passes/calibrate/
#include "ir/Expr.h"
#include "ir/NodeError.h"
#include "passes/GeneratedInputs.h"
#include "passes/Pass.h"
#include "passes/Scale.h"
#include "llvm/ADT/DenseSet.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Whole numbers up to here take their sound range.
constexpr double kSmallIntegers = 16;
/// What lies this little below a power of two is within its bits, rounding
/// errors included.
constexpr double kBelow = 1 - 1.0 / 1024;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr Range kAnything{-kInf, kInf};

Range hull(Range a, Range b) {
  return {std::min(a.first, b.first), std::max(a.second, b.second)};
}

Range ofConstant(const ConstData &c) {
  Range r{kInf, -kInf};
  for (int64_t i = 0; i < c.numel(); ++i)
    r = hull(r, {c.at(i), c.at(i)});
  return c.numel() ? r : Range{0, 0};
}

double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

Range multiply(Range a, Range b) {
  const double p[] = {product(a.first, b.first), product(a.first, b.second),
                      product(a.second, b.first), product(a.second, b.second)};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

class Calibration {
public:
  Calibration(Module &m, Context &ctx) : m_(m), ctx_(ctx) {}

  llvm::Error run() {
    observed_.assign(m_.numValues(), {kInf, -kInf});
    quadratic_.assign(m_.numValues(), false);
    std::vector<InputMap> samples = ctx_.options.samples;
    if (samples.empty()) {
      samples = generatedInputs(m_);
      if (!samples.empty())
        ctx_.diagnostics.warn(
            "no calibration samples: ranges come from generated inputs; give "
            "real ones with --calibrate DIR");
    }
    for (const InputMap &sample : samples) {
      auto outputs = evaluate(m_, sample, [&](ValueId v, const ConstData &c) {
        observed_[v.index] = hull(observed_[v.index], ofConstant(c));
        for (float x : c.floats)
          if (std::isnan(x)) {
            nan_.insert(v.index);
            break;
          }
      });
      if (!outputs)
        return outputs.takeError();
    }
    for (ValueId v : m_.order())
      if (llvm::Error e = assign(v))
        return e;
    return llvm::Error::success();
  }

private:
  /// Whether v grows with the square of what it is computed from: its margin is
  /// that of two factors (a normalization's sum of squares bounds a reciprocal
  /// root, which is steepest just below what the samples show).
  bool isQuadratic(const Op &op) const {
    auto of = [&](size_t i) { return quadratic_[op.operands[i].index]; };
    switch (op.opcode) {
    case Opcode::Mul:
      return op.operands[0] == op.operands[1] ||
             (of(0) && m_.uniformConstant(op.operands[1])) ||
             (of(1) && m_.uniformConstant(op.operands[0]));
    case Opcode::Add:
      return (of(0) && m_.uniformConstant(op.operands[1])) ||
             (of(1) && m_.uniformConstant(op.operands[0]));
    case Opcode::ReduceSum:
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Broadcast:
      return of(0);
    default:
      return false;
    }
  }

  Range widened(Range seen, bool quadratic) const {
    const double factor =
        std::ldexp(1.0, (quadratic ? 2 : 1) * ctx_.options.marginBits);
    const double lo = seen.first, hi = seen.second;
    const Range r = wholeBits({lo < 0 ? lo * factor : lo / factor,
                               hi > 0 ? hi * factor : hi / factor});
    // A power of two itself would take one more bit.
    return {r.first < 0 ? r.first * kBelow : r.first,
            r.second > 0 ? r.second * kBelow : r.second};
  }

  /// Bounds moved outward to powers of two. What samples and weights tell goes
  /// into the public plan in this form only: table domains, fills and fraction
  /// bits derive from it.
  static Range wholeBits(Range r) {
    auto up = [](double x) { // |x| to the next power of two
      int e = 0;
      const double m = std::frexp(x, &e);
      return m == 0.5 ? x : std::ldexp(1.0, e);
    };
    auto down = [](double x) {
      return x == 0 ? 0 : std::ldexp(1.0, std::ilogb(x));
    };
    if (!std::isfinite(r.first) || !std::isfinite(r.second))
      return r;
    const double lo = r.first, hi = r.second;
    return {lo < 0 ? -up(-lo) : down(lo), hi > 0 ? up(hi) : -down(-hi)};
  }

  static double magnitudeOf(Range r) {
    return std::max(std::fabs(r.first), std::fabs(r.second));
  }

  /// Small whole numbers: masks and what is computed from them.
  bool isInteger(const Op &op) const {
    if (op.type.elem != Elem::F32)
      return true;
    auto whole = [&](ValueId o) {
      if (o.index < integer_.size() && integer_[o.index])
        return true;
      const std::optional<double> c = m_.uniformConstant(o);
      return c && *c == std::nearbyint(*c);
    };
    switch (op.opcode) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Neg:
    case Opcode::Cast:
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Broadcast:
      return std::all_of(op.operands.begin(), op.operands.end(), whole);
    default:
      return false;
    }
  }

  llvm::Error assign(ValueId v) {
    Op &op = m_.op(v);
    if (nan_.contains(v.index) && !op.type.isPublic())
      return nodeError(op,
                       llvm::formatv("a {0} makes this value NaN",
                                     ctx_.options.samples.empty()
                                         ? "generated input (give samples with "
                                           "--calibrate)"
                                         : "calibration sample"));
    const Range sound = soundRange(op);
    Range seen = observed_[v.index];
    Range r = sound;
    if (op.opcode == Opcode::Input && std::isfinite(sound.first) &&
        std::isfinite(sound.second)) {
      r = sound; // declared: the client checks it
    } else if (op.opcode != Opcode::Constant && seen.first <= seen.second) {
      quadratic_[v.index] = isQuadratic(op);
      const Range wide = widened(seen, quadratic_[v.index]);
      r = {std::max(sound.first, wide.first),
           std::min(sound.second, wide.second)};
      if (r.first > r.second) // rounding at a sound bound
        r = wide;
      // A sample without padding must not rule padding out.
      if (op.opcode == Opcode::Input && op.type.elem == Elem::I64)
        r = {std::min(std::floor(r.first), 0.0),
             std::max(std::ceil(r.second), 1.0)};
    }
    if (integer_.size() <= v.index)
      integer_.resize(m_.numValues(), false);
    integer_[v.index] = isInteger(op);
    if (integer_[v.index] && op.opcode != Opcode::Input &&
        magnitudeOf(sound) <= kSmallIntegers)
      r = sound; // nothing to gain from samples, and masks to lose
    if (!op.type.isPublic() &&
        (!std::isfinite(r.first) || !std::isfinite(r.second)))
      return nodeError(op, llvm::formatv("no finite range for this value: "
                                         "calibration gives [{0}, {1}]",
                                         shortNumber(r.first),
                                         shortNumber(r.second)));
    op.range = r;
    return llvm::Error::success();
  }

  Range operandRange(const Op &op, int i) const {
    return m_.op(op.operands[i]).range.value_or(kAnything);
  }

  /// What holds for every input, given the operands' ranges.
  Range soundRange(const Op &op) const {
    auto in = [&](int i) { return operandRange(op, i); };
    switch (op.opcode) {
    case Opcode::Input:
      return declaredRange(op);
    case Opcode::Constant:
      return op.type.isPublic()
                 ? ofConstant(m_.constData(op.constAttr("value")))
                 : wholeBits(ofConstant(m_.constData(op.constAttr("value"))));
    case Opcode::Add:
      return {in(0).first + in(1).first, in(0).second + in(1).second};
    case Opcode::Sub:
      return {in(0).first - in(1).second, in(0).second - in(1).first};
    case Opcode::Mul: {
      Range r = multiply(in(0), in(1));
      if (op.operands[0] == op.operands[1])
        r.first = std::max(r.first, 0.0);
      return r;
    }
    case Opcode::Neg:
      return {-in(0).second, -in(0).first};
    case Opcode::Relu:
      return {std::max(in(0).first, 0.0), std::max(in(0).second, 0.0)};
    case Opcode::Abs:
      return {0, std::max(std::fabs(in(0).first), std::fabs(in(0).second))};
    case Opcode::Max:
      return {std::max(in(0).first, in(1).first),
              std::max(in(0).second, in(1).second)};
    case Opcode::Min:
      return {std::min(in(0).first, in(1).first),
              std::min(in(0).second, in(1).second)};
    case Opcode::Select:
      return hull(in(1), in(2));
    case Opcode::Concat: {
      Range r = in(0);
      for (size_t i = 1; i < op.operands.size(); ++i)
        r = hull(r, in(i));
      return r;
    }
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Broadcast:
    case Opcode::Gather:
    case Opcode::ReduceMax:
    case Opcode::ReduceMin:
      return in(0);
    case Opcode::Pad:
    case Opcode::Take:
      return hull(in(0), {0, 0});
    case Opcode::ReduceSum: {
      const double n = static_cast<double>(m_.type(op.operands[0]).numel()) /
                       std::max<int64_t>(op.type.numel(), 1);
      return {in(0).first * n, in(0).second * n};
    }
    case Opcode::MatMul: {
      const double n =
          static_cast<double>(m_.type(op.operands[0]).shape.back());
      const Range r = multiply(in(0), in(1));
      return {r.first * n, r.second * n};
    }
    case Opcode::Softmax:
    case Opcode::Less:
    case Opcode::LessEqual:
    case Opcode::Equal:
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Not:
      return {0, 1};
    case Opcode::Map: {
      llvm::Expected<Expr> e = Expr::parse(op.strAttr("expr"));
      if (!e) {
        llvm::consumeError(e.takeError());
        return kAnything;
      }
      Range r = boundedRange(*e, in(0));
      // The function will be approximated.
      r.first -= r.first < 0 ? ctx_.options.tolerance : 0;
      r.second += r.second > 0 ? ctx_.options.tolerance : 0;
      return r;
    }
    case Opcode::Cast:
      return op.type.elem == Elem::Bool ? Range{0, 1} : in(0);
    default:
      if (op.operands.size() == 1 && isElementwise(op.opcode))
        return boundedRange(Expr::apply(op.opcode, {Expr::variable()}), in(0));
      return kAnything;
    }
  }

  static Range boundedRange(const Expr &e, Range x) {
    if (!std::isfinite(x.first) || !std::isfinite(x.second))
      return kAnything;
    Range r = e.range(x.first, x.second);
    return std::isnan(r.first) || std::isnan(r.second) ? kAnything : r;
  }

  Module &m_;
  Context &ctx_;
  std::vector<Range> observed_;
  std::vector<bool> integer_; ///< whole-numbered values
  std::vector<bool> quadratic_;
  llvm::DenseSet<uint32_t> nan_; ///< values seen to be NaN
};

} // namespace

llvm::Error calibrate(Module &m, Context &ctx) {
  return Calibration(m, ctx).run();
}

} // namespace mpc::passes

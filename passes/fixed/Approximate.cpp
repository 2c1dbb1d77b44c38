//===- passes/fixed/Approximate.cpp - maps become tables, by cost ---------===//
//   %2 = fixed.map %1 {expr = "..."}  ==>  %2 = fixed.spline (%1 - center)
//   %2 = fixed.map %1 {expr = "..."}  ==>  %2 = fixed.fourier %1
//   %2 = fixed.map %1 {expr = "exp(x)"}, x <= 0  ==>  %2 = fixed.exp %1
// Stage: fixed, after quantize. For every fixed.map the cheapest of the
// piecewise polynomials and trigonometric sums that meet the tolerance on the
// declared domain; e^x below zero needs neither. A domain too wide for one
// table (a reciprocal root over many octaves) is cut into parts that
// comparisons choose among. Nothing is chosen by name: any univariate function
// is fitted. Outside the domain, but inside the table's window, a piecewise
// result is that of the nearest end, a sum's is arbitrary but of the declared
// size. Tests: tests/lit/passes/approximate/
#include "ir/Builder.h"
#include "ir/Expr.h"
#include "passes/Comparison.h"
#include "passes/FourierFit.h"
#include "passes/PiecewiseFit.h"
#include "passes/Rewriter.h"
#include "passes/Scale.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

struct ExpTable {
  int window, depth, tableFrac, publicFrac;
  int resultFrac() const { return tableFrac + publicFrac; }
};

/// e^x for x in [lo, 0]: segments of width w, 2^depth table entries of
/// tableFrac + publicFrac + 2 bits for P2 alone (PROTOCOLS: rank one).
std::optional<ExpTable> chooseExp(double lo, int inFrac, double tolerance,
                                  const Options &o) {
  std::optional<ExpTable> best;
  double bestBits = 0;
  const int accuracy = static_cast<int>(std::ceil(-std::log2(tolerance))) + 1;
  for (int logWidth = 1; logWidth <= 4; ++logWidth) {
    const double width = std::ldexp(1.0, logWidth);
    const int h = inFrac + logWidth;
    int depth = 1;
    while ((std::ldexp(1.0, depth) - 1) * width <=
           -lo + std::ldexp(8.0, -inFrac))
      ++depth;
    ExpTable t{h + depth, depth,
               accuracy + static_cast<int>(std::ceil(1.4427 * width)),
               accuracy};
    const int ring = t.resultFrac() + 3; // as assign-rings has it
    if (h < 1 || depth > 8 || t.window > 40 ||
        ring > static_cast<int>(o.ringBits))
      continue;
    const double bits = std::ldexp(ring - 1, depth);
    if (!best || bits < bestBits) {
      best = t;
      bestBits = bits;
    }
  }
  return best;
}

/// Held to a relative error: a function that keeps its sign and spans few
/// octaves (a reciprocal of a sum, a scale factor), where the small values
/// matter as much as the large ones. More octaves on a small tensor, where it
/// costs little.
bool wantsRelative(const Expr &f, double lo, double hi, int64_t numel) {
  const int octaves = numel <= 1 << 14 ? 13 : 10;
  constexpr int kSteps = 256;
  double least = INFINITY, most = 0;
  bool positive = false, negative = false;
  for (int i = 0; i <= kSteps; ++i) {
    const double y = f.eval(lo + (hi - lo) * i / kSteps);
    (y < 0 ? negative : positive) = true;
    least = std::min(least, std::fabs(y));
    most = std::max(most, std::fabs(y));
  }
  return positive != negative && least >= std::ldexp(1.0, -14) &&
         most <= std::ldexp(least, octaves);
}

/// A domain is halved at most this often: up to eight tables.
constexpr int kMaxHalvings = 3;

class Approximator {
public:
  Approximator(Module &m, Context &ctx) : m_(m), ctx_(ctx), rw_(m) {}

  llvm::Error run() {
    for (ValueId v : rw_.oldOrder()) {
      rw_.remapOperands(v);
      if (m_.op(v).opcode != Opcode::FixedMap) {
        rw_.keep(v);
        continue;
      }
      llvm::Expected<ValueId> r = lower(v);
      if (!r)
        return r.takeError();
      rw_.replace(v, *r);
    }
    rw_.finish();
    return llvm::Error::success();
  }

private:
  llvm::Expected<ValueId> lower(ValueId v) {
    const Op op = m_.op(v);
    llvm::Expected<Expr> f = Expr::parse(op.strAttr("expr"));
    if (!f)
      return f.takeError();
    const double lo = op.floatAttr("lo"), hi = op.floatAttr("hi");
    const int inFrac = m_.type(op.operands[0]).frac;
    const double standard = ctx_.options.tolerance;
    auto wanted = [&](const char *key) {
      return op.hasAttr(key) ? op.floatAttr(key) : standard;
    };
    tolerance_ = wanted("tolerance");
    relativeTolerance_ = wanted("relative_tolerance");
    if (f->str() == "exp(x)" && hi <= 0)
      if (std::optional<ExpTable> t =
              chooseExp(lo, inFrac, tolerance_, ctx_.options))
        return emitExp(op, *t);

    FitRequest request;
    request.f = [&](double x) { return f->eval(x); };
    request.inFrac = inFrac;
    request.outIntBits = std::max<int>(op.type.intBits, -8);
    request.relative = wantsRelative(*f, lo, hi, op.type.numel());
    request.maxRing = ctx_.options.ringBits;
    request.prices = FitPrices::of(ctx_.options.profile);
    auto fit = [&] {
      std::optional<Division> d = divideAtBreaks(op, request, *f, lo, hi);
      if (!d && request.relative) {
        request.relative = false;
        d = divideAtBreaks(op, request, *f, lo, hi);
      }
      return d;
    };
    const bool relative = request.relative;
    std::optional<Division> done = fit();
    if (!done && std::min(tolerance_, relativeTolerance_) < standard) {
      // Finer than any table: as good as can be had.
      tolerance_ = std::max(tolerance_, standard);
      relativeTolerance_ = std::max(relativeTolerance_, standard);
      request.relative = relative;
      done = fit();
    }
    if (!done)
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(), "%s",
          llvm::formatv(
              "node '{0}': no piecewise polynomial or trigonometric sum "
              "meets the tolerance {1} for {2} on [{3}, {4}]; raise "
              "--approx-tolerance or calibrate on typical inputs",
              op.loc, shortNumber(tolerance_), op.strAttr("expr"),
              shortNumber(lo), shortNumber(hi))
              .str()
              .c_str());
    return done->parts.size() == 1 ? emit(op, done->parts[0])
                                   : emitParts(op, done->parts);
  }

  /// One table: for x below `hi`, and from the part before it on.
  struct Part {
    double hi;
    std::optional<Fit> spline;
    std::optional<FourierFit> fourier;
  };

  /// Tables for neighbouring parts of a domain, and what they cost a tensor.
  struct Division {
    std::vector<Part> parts;
    double seconds = 0;
    void append(Division &&next) {
      for (Part &p : next.parts)
        parts.push_back(std::move(p));
      seconds += next.seconds;
    }
  };

  /// Tables for [lo, hi]. A function that is defined by pieces (a user's, which
  /// may jump) is cut where they meet, unless one table will do.
  std::optional<Division> divideAtBreaks(const Op &op, FitRequest &request,
                                         const Expr &f, double lo,
                                         double hi) const {
    std::vector<double> ends;
    for (double b : f.breaks())
      if (lo < b && b < hi)
        ends.push_back(b);
    if (ends.empty())
      return divide(op, request, lo, hi, kMaxHalvings);
    if (std::optional<Division> whole = divide(op, request, lo, hi, 0))
      return whole;
    Division all;
    ends.push_back(hi);
    for (double end : ends) {
      const Expr piece = f.branchAt((lo + end) / 2);
      FitRequest own = request;
      own.f = [&](double x) { return piece.eval(x); };
      std::optional<Division> d = divide(op, own, lo, end, kMaxHalvings);
      if (!d)
        return std::nullopt;
      all.append(std::move(*d));
      lo = end;
    }
    return all;
  }

  /// Tables for [lo, hi], in parts where no single one will do or several are
  /// cheaper; nothing if `halvings` do not suffice. A domain that keeps its
  /// sign is halved in octaves.
  std::optional<Division> divide(const Op &op, FitRequest &request, double lo,
                                 double hi, int halvings) const {
    std::optional<Division> best;
    if (std::optional<Part> one = choose(op, request, lo, hi)) {
      const double cost = one->fourier ? one->fourier->cost : one->spline->cost;
      best.emplace();
      best->parts.push_back(std::move(*one));
      best->seconds = cost * static_cast<double>(op.type.numel());
    }
    const double border = borderSeconds(op);
    if (halvings == 0 || hi <= lo || (best && best->seconds <= border))
      return best;
    double middle = lo > 0   ? std::sqrt(lo * hi)
                    : hi < 0 ? -std::sqrt(lo * hi)
                             : (lo + hi) / 2;
    // Few enough bits for a float32 constant to hold.
    const int scale = 20 - std::ilogb(middle == 0 ? 1 : middle);
    middle = std::ldexp(std::nearbyint(std::ldexp(middle, scale)), -scale);
    std::optional<Division> left =
        divide(op, request, lo, middle, halvings - 1);
    if (!left || (best && best->seconds <= left->seconds + border))
      return best;
    std::optional<Division> right =
        divide(op, request, middle, hi, halvings - 1);
    if (!right)
      return best;
    left->append(std::move(*right));
    left->seconds += border;
    return best && best->seconds <= left->seconds ? best : left;
  }

  /// What it costs to choose between two tables for each element: a comparison
  /// beside the tables, then a product by its bit.
  double borderSeconds(const Op &op) const {
    const plan::Profile &p = ctx_.options.profile;
    const Type &in = m_.type(op.operands[0]);
    const int window = in.frac + in.intBits + 2;
    const double bytes = (op.type.frac + op.type.intBits + 2) / 8.0;
    return 2 * p.roundSeconds() +
           static_cast<double>(in.numel()) *
               (comparisonSeconds(window, cheapestDigit(window, p), p) +
                bytes * (2 * p.dealtByteSeconds() + p.exchangedByteSeconds()));
  }

  /// The cheaper of both kinds on [lo, hi], at a quarter of the relative
  /// tolerance if there is one, else at all of it.
  std::optional<Part> choose(const Op &op, FitRequest &request, double lo,
                             double hi) const {
    const Type &in = m_.type(op.operands[0]);
    const int inputBits = in.frac + in.intBits + 2; // as assign-rings has it
    // More may take an exchange of its own.
    const double widening =
        request.prices.round /
        static_cast<double>(std::max<int64_t>(in.numel(), 1));
    request.lo = lo;
    request.hi = hi;
    for (double share : {1.0, 4.0}) {
      request.tolerance =
          share * (request.relative ? relativeTolerance_ : tolerance_);
      Part part{hi, fitPiecewise(request), std::nullopt};
      double limit = INFINITY;
      if (part.spline)
        limit = part.spline->cost +
                (static_cast<int>(part.spline->table.inputBits) > inputBits
                     ? widening
                     : 0);
      part.fourier = fitFourier(request, inputBits, widening, limit);
      if (part.spline || part.fourier)
        return part;
      if (!request.relative)
        break;
    }
    return std::nullopt;
  }

  ValueId emit(const Op &op, const Part &part) {
    return part.fourier ? emitFourier(op, *part.fourier)
                        : emitSpline(op, *part.spline);
  }

  /// y_last + sum over i of [x < hi_i] (y_i - y_(i+1)): all tables and all
  /// comparisons at once, then one round. A table outside its part gives some
  /// value, which is not chosen ("partial": nobody checks its range).
  ValueId emitParts(const Op &op, const std::vector<Part> &parts) {
    const ValueId x = op.operands[0];
    const Type in = m_.type(x);
    const Range range = op.range.value_or(Range{0, 0});
    std::vector<ValueId> y;
    for (const Part &p : parts) {
      const ValueId table = emit(op, p);
      m_.op(table).setAttr("partial", int64_t{1});
      y.push_back(
          append(Opcode::FixedRescale, {table}, op.type, range, op.loc));
    }
    ValueId sum = y.back();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const double border = std::nearbyint(std::ldexp(parts[i].hi, in.frac));
      const Type bit = Type::tensor(Elem::Bool, in.vis, in.shape);
      const ValueId below =
          append(Opcode::FixedLess,
                 {x, constant(std::ldexp(border, -in.frac), in.frac, op.loc)},
                 bit, {0, 1}, op.loc);
      const double span = range.second - range.first;
      Type t = op.type;
      t.intBits = intBitsOf({-span, span});
      const ValueId step =
          append(Opcode::FixedSub, {y[i], y[i + 1]}, t, {-span, span}, op.loc);
      const ValueId chosen = append(
          Opcode::FixedSelect, {below, step, constant(0, op.type.frac, op.loc)},
          t, {-span, span}, op.loc);
      sum = append(Opcode::FixedAdd, {sum, chosen}, op.type, range, op.loc);
    }
    if (parts.size() > 1) // the whole domain
      m_.op(sum).setAttr("partial", int64_t{0});
    return sum;
  }

  ValueId append(Opcode opcode, llvm::ArrayRef<ValueId> operands,
                 const Type &type, Range range, const std::string &loc) {
    const ValueId v = m_.append(opcode, operands, type, loc);
    m_.op(v).range = range;
    return v;
  }
  ValueId constant(double c, int frac, const std::string &loc) {
    const ValueId v =
        m_.append(Opcode::Constant, {},
                  Type::fx(Vis::Public, 0, frac, intBitsOf({c, c}), {}), loc);
    m_.op(v).setAttr("value",
                     m_.addConst({Elem::F32, {}, {static_cast<float>(c)}, {}}));
    m_.op(v).range = Range{c, c};
    return v;
  }

  ValueId emitExp(const Op &op, const ExpTable &t) {
    const Type type =
        Type::fx(op.type.vis, 0, t.resultFrac(), 1, op.type.shape);
    const ValueId e = m_.append(Opcode::FixedExp, op.operands, type, op.loc);
    Op &o = m_.op(e);
    o.setAttr("window", int64_t{t.window});
    o.setAttr("depth", int64_t{t.depth});
    o.setAttr("table_frac", int64_t{t.tableFrac});
    o.setAttr("public_frac", int64_t{t.publicFrac});
    o.setAttr("lo", op.floatAttr("lo"));
    o.setAttr("hi", op.floatAttr("hi"));
    o.range = Range{0, 1};
    return e;
  }

  ValueId emitSpline(const Op &op, const Fit &fit) {
    const kernels::SplineTable &t = fit.table;
    ValueId x = op.operands[0];
    double c = 0;
    if (fit.center != 0) {
      const Type in = m_.type(x);
      c = std::ldexp(static_cast<double>(fit.center), -in.frac);
      const Range r = m_.op(x).range.value_or(Range{0, 0});
      const Range shifted{r.first - c, r.second - c};
      const ValueId center = constant(c, in.frac, op.loc);
      Type st = in;
      st.intBits = intBitsOf(shifted);
      x = m_.append(Opcode::FixedSub, {x, center}, st, op.loc);
      m_.op(x).range = shifted;
    }
    const Type type = Type::fx(op.type.vis, 0, t.resultFrac(), op.type.intBits,
                               op.type.shape);
    const ValueId s = m_.append(Opcode::FixedSpline, {x}, type, op.loc);
    Op &o = m_.op(s);
    o.setAttr("window", static_cast<int64_t>(t.inputBits));
    o.setAttr("depth", static_cast<int64_t>(t.segmentBits));
    o.setAttr("degree", static_cast<int64_t>(t.degree));
    o.setAttr("payload_frac", static_cast<int64_t>(t.payloadFrac));
    o.setAttr("coeff_frac", static_cast<int64_t>(t.coeffFrac));
    o.setAttr("coeffs", t.coeffs);
    o.setAttr("lo", op.floatAttr("lo") - c);
    o.setAttr("hi", op.floatAttr("hi") - c);
    o.range = op.range;
    return s;
  }

  ValueId emitFourier(const Op &op, const FourierFit &fit) {
    const kernels::FourierTable &t = fit.table;
    const Type type = Type::fx(op.type.vis, 0, static_cast<int>(t.resultFrac),
                               fit.outIntBits, op.type.shape);
    const ValueId s =
        m_.append(Opcode::FixedFourier, op.operands, type, op.loc);
    Op &o = m_.op(s);
    o.setAttr("window", static_cast<int64_t>(t.window));
    o.setAttr("step", static_cast<int64_t>(t.step));
    o.setAttr("offset", t.offset);
    o.setAttr("slope", t.slope);
    o.setAttr("coeffs", kernels::fourierCoeffs(t.harmonics));
    o.setAttr("lo", op.floatAttr("lo"));
    o.setAttr("hi", op.floatAttr("hi"));
    o.range = op.range;
    return s;
  }

  Module &m_;
  Context &ctx_;
  Rewriter rw_;
  double tolerance_ = 0, relativeTolerance_ = 0; ///< of the map in work
};

} // namespace

llvm::Error approximate(Module &m, Context &ctx) {
  return Approximator(m, ctx).run();
}

} // namespace mpc::passes

//===- passes/tensor/QuantizeMap.cpp - functions of one variable ----------===//
// fixed.map, over the domain that calibration found, and powers. `approximate`
// turns maps into polynomials later.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

/// Calibration widens ranges beyond where a function is defined (log, asin):
/// no value lies there.
static Range whereFinite(const Expr &f, Range d) {
  const double middle = (d.first + d.second) / 2;
  if (!std::isfinite(f.eval(middle)))
    return d;
  auto last = [&](double inside, double end) {
    if (std::isfinite(f.eval(end)))
      return end;
    for (int i = 0; i < 60; ++i) {
      const double m = (inside + end) / 2;
      (std::isfinite(f.eval(m)) ? inside : end) = m;
    }
    return inside;
  };
  return {last(middle, d.first), last(middle, d.second)};
}

/// How many octaves f spans where it keeps its sign: its small values get so
/// many more fraction bits (a reciprocal of a sum scales a whole row).
static int octaves(const Expr &f, Range domain) {
  const double a = std::fabs(f.eval(domain.first)),
               b = std::fabs(f.eval(domain.second));
  const double least = std::min(a, b), most = std::max(a, b);
  if (!(least > 0) || !std::isfinite(most) || most > 1024 * least)
    return 0;
  return std::min(7, std::ilogb(most / least));
}

ValueId Quantizer::map(ValueId x, const Expr &f, Range domain, Range range,
                       const Precision &p, int64_t proved) {
  domain = whereFinite(f, domain);
  x = withoutTails(x, f, domain, p.tolerance.value_or(ctx_.options.tolerance));
  ValueId in;
  if (p.frac && target_.count(x.index)) {
    in = ready(x);
  } else {
    const int frac = fracForMap(f, domain);
    in = fracOf(x) > frac + kSlackBits || fracOf(x) < frac ? withFrac(x, frac)
                                                           : x;
  }
  const int target =
      p.frac ? *p.frac : fracBitsOf(range, ctx_.options) + octaves(f, domain);
  const ValueId m = emit(Opcode::FixedMap, {in}, shapeOf(x), target, range);
  out_.op(m).setAttr("expr", f.str());
  out_.op(m).setAttr("lo", domain.first);
  out_.op(m).setAttr("hi", domain.second);
  if (p.tolerance)
    out_.op(m).setAttr("tolerance", *p.tolerance);
  if (p.relativeTolerance)
    out_.op(m).setAttr("relative_tolerance", *p.relativeTolerance);
  if (proved)
    out_.op(m).setAttr("proved", proved);
  const ValueId r = emit(Opcode::FixedRescale, {m}, shapeOf(x), target, range);
  ready_[r.index] = r;
  return r;
}

ValueId Quantizer::withoutTails(ValueId x, const Expr &f, Range &domain,
                                double tolerance) {
  constexpr double kWide = 256;
  constexpr int kSteps = 8192;
  const double width = domain.second - domain.first;
  if (!(width > kWide))
    return x;
  auto flatUpTo = [&](double from, double to) {
    const double y = f.eval(from);
    double end = from;
    for (int i = 1; i <= kSteps; ++i) {
      const double at = from + (to - from) * i / kSteps;
      if (!(std::fabs(f.eval(at) - y) <= tolerance / 4))
        break;
      end = at;
    }
    return end;
  };
  const double lo = flatUpTo(domain.first, domain.second);
  if (lo - domain.first > width / 2) {
    x = ready(x);
    domain.first = lo;
    x = select(less(x, scalar(lo), shapeOf(x)), scalar(lo), x, shapeOf(x),
               domain);
  }
  const double hi = flatUpTo(domain.second, domain.first);
  if (domain.second - hi > width / 2) {
    x = ready(x);
    domain.second = hi;
    x = select(less(scalar(hi), x, shapeOf(x)), scalar(hi), x, shapeOf(x),
               domain);
  }
  return x;
}

int Quantizer::fracForMap(const Expr &f, Range domain) const {
  constexpr int kSteps = 512;
  double steepest = 0;
  for (int i = 0; i < kSteps; ++i) {
    const double w = (domain.second - domain.first) / kSteps;
    const double x = domain.first + i * w;
    const double slope = std::fabs(f.eval(x + w) - f.eval(x)) / w;
    if (std::isfinite(slope))
      steepest = std::max(steepest, slope);
  }
  const double needed =
      std::ceil(std::log2(std::max(steepest, 1e-6) / ctx_.options.tolerance));
  const int most = 30 - intBitsOf(domain);
  return std::clamp(static_cast<int>(needed) + 1, std::min(6, most), most);
}

ValueId Quantizer::wholePower(const Node &n, ValueId x, ValueId y) {
  if (shapeOf(x) != n.shape)
    x = spread(x, n.shape);
  const Range rx = rangeOf(x);
  const double most = std::max(magnitude(n.range), 1.0);
  const Range r{rx.first < 0 ? -most : 0, most};
  ValueId result;
  for (int k = 1; k <= static_cast<int>(rangeOf(y).second); ++k) {
    const ValueId more = logicalNot(less(y, scalar(k), n.shape));
    const ValueId factor =
        select(more, x, scalar(1), n.shape,
               {std::min(rx.first, 1.0), std::max(rx.second, 1.0)});
    result =
        result.valid() ? ready(multiply(result, factor, n.shape, r)) : factor;
  }
  if (!result.valid()) { // the exponent is always 0
    ConstData ones{Elem::F32, n.shape, {}, {}};
    ones.floats.assign(n.op.type.numel(), 1.0f);
    result = publicConstant(std::move(ones));
  }
  return result;
}

Quantizer::Converted Quantizer::power(const Node &n, ValueId x, ValueId y) {
  constexpr int kMostFactors = 16;
  const Range ry = rangeOf(y), rx = rangeOf(x);
  if (!isConstant(y) && fracOf(y) == 0 && ry.first >= 0 &&
      ry.second <= kMostFactors)
    return wholePower(n, x, y);
  if (n.op.type.elem != Elem::F32)
    return nodeError(n.op, "an integer power needs a secret whole exponent in "
                           "[0, 16]; the rounding of others is not defined");
  if (rx.first <= 0)
    return nodeError(n.op,
                     llvm::formatv("a power with a secret exponent and a base "
                                   "in [{0}, {1}]; only positive bases are "
                                   "supported",
                                   rx.first, rx.second));
  const Expr variable = Expr::variable();
  ValueId log;
  if (isOpen(x)) {
    log = encoded(b_.unary(Opcode::Log, out_.op(x).operands[0]),
                  ctx_.options.fracBits,
                  {std::log(rx.first), std::log(rx.second)});
  } else if (isConstant(x)) {
    ConstData c = *out_.constantOf(x);
    for (float &f : c.floats)
      f = std::log(f);
    log = publicConstant(std::move(c));
  } else {
    log = map(x, Expr::apply(Opcode::Log, {variable}), rx,
              {std::log(rx.first), std::log(rx.second)});
  }
  const Range r{std::log(std::max(n.range.first, 1e-9)),
                std::log(std::max(n.range.second, 1e-8))};
  const ValueId product = multiply(log, y, n.shape, r);
  return map(product, Expr::apply(Opcode::Exp, {variable}), r, n.range);
}

} // namespace mpc::passes

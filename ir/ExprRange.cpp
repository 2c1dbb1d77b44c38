//===- ir/ExprRange.cpp - sound bounds of a univariate function -----------===//
//
// Interval arithmetic over kPieces equal pieces of the domain; the union of
// the pieces' enclosures is the answer. Sound up to rounding of doubles.
//
//===----------------------------------------------------------------------===//
#include "ir/Expr.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace mpc::ir {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int kPieces = 4096;

struct Interval {
  double lo, hi;
  bool contains(double v) const { return lo <= v && v <= hi; }
  bool isPoint() const { return lo == hi; }
};

const Interval kAll{-kInf, kInf};

Interval hull(Interval a, Interval b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}

/// Bounds that are no numbers (inf - inf, log of a negative) say nothing.
Interval checked(double lo, double hi) {
  return std::isnan(lo) || std::isnan(hi) ? kAll : Interval{lo, hi};
}

Interval monotone(Opcode op, Interval a) {
  return checked(applyScalar(op, {a.lo}), applyScalar(op, {a.hi}));
}

/// 0 * inf is 0 here: the bound inf is never attained.
double product(double x, double y) { return x == 0 || y == 0 ? 0 : x * y; }

Interval mul(Interval a, Interval b) {
  double c[4] = {product(a.lo, b.lo), product(a.lo, b.hi), product(a.hi, b.lo),
                 product(a.hi, b.hi)};
  auto [lo, hi] = std::minmax_element(c, c + 4);
  return checked(*lo, *hi);
}

Interval recip(Interval a) {
  if (a.lo > 0 || a.hi < 0)
    return {1 / a.hi, 1 / a.lo};
  if (a.lo == 0 && a.hi > 0)
    return {1 / a.hi, kInf};
  if (a.hi == 0 && a.lo < 0)
    return {-kInf, 1 / a.lo};
  return kAll;
}

/// sin over [lo, hi] shifted by `quarter` quarter turns (1: cos).
Interval sine(Interval a, int quarter) {
  if (!(a.hi - a.lo < 2 * M_PI))
    return {-1, 1};
  auto value = [&](double x) { return quarter ? std::cos(x) : std::sin(x); };
  double lo = std::min(value(a.lo), value(a.hi));
  double hi = std::max(value(a.lo), value(a.hi));
  // Maxima at (1/4 - quarter/4 + n) turns, minima half a turn later.
  auto crosses = [&](double phase) {
    double from = a.lo / (2 * M_PI) - phase, to = a.hi / (2 * M_PI) - phase;
    return std::floor(to) > std::floor(from) || from == std::floor(from);
  };
  double peak = quarter ? 0.0 : 0.25;
  return {crosses(peak + 0.5) ? -1 : lo, crosses(peak) ? 1 : hi};
}

Interval abs(Interval a) {
  double hi = std::max(std::fabs(a.lo), std::fabs(a.hi));
  return {a.contains(0) ? 0 : std::min(std::fabs(a.lo), std::fabs(a.hi)), hi};
}

Interval power(Interval a, Interval b) {
  if (b.isPoint() && b.lo == std::floor(b.lo) && std::fabs(b.lo) < 1e9) {
    double n = b.lo;
    if (n < 0)
      return recip(power(a, {-n, -n}));
    if (std::fmod(n, 2) == 0)
      a = abs(a);
    return checked(std::pow(a.lo, n), std::pow(a.hi, n));
  }
  if (a.lo < 0)
    return kAll;
  // For a base >= 0, x^y is monotone in each argument on each side of 1 and 0.
  Interval out{kInf, -kInf};
  for (double x : {a.lo, a.hi, std::clamp(1.0, a.lo, a.hi)})
    for (double y : {b.lo, b.hi, std::clamp(0.0, b.lo, b.hi)}) {
      double v = std::pow(x, y);
      if (std::isnan(v))
        return kAll;
      out = hull(out, {v, v});
    }
  return out;
}

Interval modulo(Interval a, Interval b) {
  if (b.isPoint() && b.lo > 0 &&
      std::floor(a.lo / b.lo) == std::floor(a.hi / b.lo))
    return checked(applyScalar(Opcode::Mod, {a.lo, b.lo}),
                   applyScalar(Opcode::Mod, {a.hi, b.lo}));
  return b.contains(0) ? kAll : hull({0, 0}, b); // between 0 and the divisor
}

Interval truth(bool canBeFalse, bool canBeTrue) {
  return {canBeFalse ? 0.0 : 1.0, canBeTrue ? 1.0 : 0.0};
}
bool canBeTrue(Interval a) { return a.lo != 0 || a.hi != 0; }

Interval bound(Opcode op, llvm::ArrayRef<Interval> args) {
  Interval a = args[0], b = args.size() > 1 ? args[1] : a;
  switch (op) {
  case Opcode::Add:
    return checked(a.lo + b.lo, a.hi + b.hi);
  case Opcode::Sub:
    return checked(a.lo - b.hi, a.hi - b.lo);
  case Opcode::Mul:
    return mul(a, b);
  case Opcode::Div:
    return mul(a, recip(b));
  case Opcode::Mod:
    return modulo(a, b);
  case Opcode::Pow:
    return power(a, b);
  case Opcode::Max:
    return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
  case Opcode::Min:
    return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
  case Opcode::Neg:
    return {-a.hi, -a.lo};
  case Opcode::Abs:
    return abs(a);
  case Opcode::Log:
  case Opcode::Sqrt: // defined from 0 on; below it says nothing
    return a.lo < 0 ? kAll : monotone(op, a);
  case Opcode::Rsqrt:
    return a.lo < 0 ? kAll : recip(monotone(Opcode::Sqrt, a));
  case Opcode::Recip:
    return recip(a);
  case Opcode::Sin:
    return sine(a, 0);
  case Opcode::Cos:
    return sine(a, 1);
  case Opcode::Less:
    return truth(a.hi >= b.lo, a.lo < b.hi);
  case Opcode::LessEqual:
    return truth(a.hi > b.lo, a.lo <= b.hi);
  case Opcode::Equal:
    return truth(!(a.isPoint() && b.isPoint() && a.lo == b.lo),
                 a.lo <= b.hi && b.lo <= a.hi);
  case Opcode::And:
    return truth(a.contains(0) || b.contains(0), canBeTrue(a) && canBeTrue(b));
  case Opcode::Or:
    return truth(a.contains(0) && b.contains(0), canBeTrue(a) || canBeTrue(b));
  case Opcode::Xor:
    return truth(
        (a.contains(0) && b.contains(0)) || (canBeTrue(a) && canBeTrue(b)),
        (a.contains(0) && canBeTrue(b)) || (canBeTrue(a) && b.contains(0)));
  case Opcode::Not:
    return truth(canBeTrue(a), a.contains(0));
  case Opcode::Select:
    if (!a.contains(0))
      return b;
    return canBeTrue(a) ? hull(b, args[2]) : args[2];
  default: // sign floor ceil round exp erf tanh sigmoid relu
    return monotone(op, a);
  }
}

} // namespace

std::pair<double, double> Expr::range(double lo, double hi) const {
  assert(lo <= hi);
  bool finite = std::isfinite(lo) && std::isfinite(hi);
  int pieces = finite && lo < hi ? kPieces : 1;
  double width = pieces > 1 ? (hi / pieces - lo / pieces) : 0;
  std::vector<Interval> v(nodes_.size());
  Interval out{kInf, -kInf};
  for (int p = 0; p < pieces; ++p) {
    Interval x{lo + p * width, p + 1 == pieces ? hi : lo + (p + 1) * width};
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Node &n = nodes_[i];
      if (n.kind == Node::Apply) {
        Interval args[3];
        for (size_t k = 0; k < n.args.size(); ++k)
          args[k] = v[n.args[k]];
        v[i] = bound(n.op, {args, n.args.size()});
      } else {
        v[i] = n.kind == Node::Var ? x : checked(n.value, n.value);
      }
    }
    out = hull(out, v.back());
  }
  return {out.lo, out.hi};
}

} // namespace mpc::ir

//===- passes/Interval.cpp ------------------------------------------------===//
#include "passes/Interval.h"
#include "ir/Expr.h"
#include "passes/Scale.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

Range hull(Range a, Range b) {
  return {std::min(a.first, b.first), std::max(a.second, b.second)};
}

double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

Range multiply(Range a, Range b) {
  const double p[] = {times(a.first, b.first), times(a.first, b.second),
                      times(a.second, b.first), times(a.second, b.second)};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

/// Most that the magnitudes along the contracted axis add up to, over all rows
/// (side 0) or columns (side 1): a power of two.
double contracted(const ConstData &c, int side) {
  const int64_t rank = static_cast<int64_t>(c.shape.size());
  const int64_t rows = c.shape[rank - 2], cols = c.shape[rank - 1];
  const int64_t kept = side == 0 ? rows : cols;
  double most = 0;
  std::vector<double> sums(kept);
  for (int64_t b = 0; rows * cols > 0 && b < c.numel(); b += rows * cols) {
    std::fill(sums.begin(), sums.end(), 0);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < cols; ++k)
        sums[side == 0 ? r : k] += std::fabs(c.at(b + r * cols + k));
    most = std::max(most, *std::max_element(sums.begin(), sums.end()));
  }
  return most == 0 ? 0 : std::ldexp(1.0, std::ilogb(most) + 1);
}

Range matmul(const Module &m, const Op &op, Range a, Range b) {
  const double lanes = static_cast<double>(m.type(op.operands[0]).shape.back());
  const Range r = multiply(a, b);
  Range bound{std::min(r.first * lanes, 0.0), std::max(r.second * lanes, 0.0)};
  for (int side : {0, 1})
    if (const ConstData *c = m.constantOf(op.operands[side])) {
      const double most = contracted(*c, side) * magnitude(side ? a : b);
      bound = {std::max(bound.first, -most), std::min(bound.second, most)};
    }
  return bound;
}

Range ofMap(const Op &op, double tolerance) {
  const Range own = op.range.value_or(Range{0, 0});
  llvm::Expected<Expr> e = Expr::parse(op.strAttr("expr"));
  if (!e) {
    llvm::consumeError(e.takeError());
    return own;
  }
  Range r = e->range(op.floatAttr("lo"), op.floatAttr("hi"));
  if (!std::isfinite(r.first) || !std::isfinite(r.second))
    return own;
  if (op.hasAttr("tolerance"))
    tolerance = std::max(tolerance, op.floatAttr("tolerance"));
  double relative = tolerance;
  if (op.hasAttr("relative_tolerance"))
    relative = std::max(relative, op.floatAttr("relative_tolerance"));
  const double error = 4 * std::max(tolerance, relative * magnitude(r));
  return {r.first - error, r.second + error};
}

} // namespace

Range intervalOf(const Module &m, const Op &op, double tolerance) {
  const auto in = [&](int i) {
    return m.op(op.operands[i]).range.value_or(Range{0, 1});
  };
  switch (op.opcode) {
  case Opcode::FixedAdd:
    return {in(0).first + in(1).first, in(0).second + in(1).second};
  case Opcode::FixedSub:
    return {in(0).first - in(1).second, in(0).second - in(1).first};
  case Opcode::FixedNeg:
    return {-in(0).second, -in(0).first};
  case Opcode::FixedMul: {
    Range r = multiply(in(0), in(1));
    if (op.operands[0] == op.operands[1])
      r.first = std::max(r.first, 0.0);
    return r;
  }
  case Opcode::FixedMatMul:
    return matmul(m, op, in(0), in(1));
  case Opcode::FixedReduceSum: {
    const double n = static_cast<double>(m.type(op.operands[0]).numel()) /
                     static_cast<double>(std::max<int64_t>(op.type.numel(), 1));
    return {in(0).first * n, in(0).second * n};
  }
  case Opcode::FixedRescale:
  case Opcode::FixedTrunc: {
    const double ulp = std::ldexp(1.0, -op.type.frac);
    return op.type.frac < m.type(op.operands[0]).frac
               ? Range{in(0).first - ulp, in(0).second + ulp}
               : in(0);
  }
  case Opcode::FixedShl:
  case Opcode::FixedReduceMax:
  case Opcode::FixedGather:
  case Opcode::Reshape:
  case Opcode::Transpose:
  case Opcode::Slice:
  case Opcode::Broadcast:
    return in(0);
  case Opcode::Pad:
  case Opcode::Take:
    return hull(in(0), {0, 0});
  case Opcode::Concat: {
    Range r = in(0);
    for (size_t i = 1; i < op.operands.size(); ++i)
      r = hull(r, in(static_cast<int>(i)));
    return r;
  }
  case Opcode::FixedSelect:
    return hull(in(1), in(2));
  case Opcode::FixedFromBool:
    return {0, 1};
  case Opcode::FixedMap:
    return ofMap(op, tolerance);
  default:
    return op.range.value_or(Range{0, 1});
  }
}

} // namespace mpc::passes

//===- passes/tensor/QuantizeSoftmax.cpp - max, exp, sum, reciprocal ------===//
//   %1 = tensor.softmax %0   ==>   %1 = exp(%0 - max) * recip(sum of exp)
// Masked lanes are taken out before exp. Where only products of matrices read
// the result, the row's reciprocal is applied to theirs (rows x head instead of
// rows x lanes), and is computed while the product is.
#include "passes/BroadcastConstant.h"
#include "passes/MaxTree.h"
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

/// Absolute slack of the maximum, as fraction bits kept for comparing.
static constexpr int kMaxSlackBits = 3;
/// A lane that a secret mask takes out of a softmax scores this much less than
/// the least score: e^-16 is 1e-7.
static constexpr double kVanishes = 16;

/// Each level of the tree of maxima may lose one unit of the compared bits
/// (a comparison that is off by the dropped low bits picks the lesser).
static double maxSlack(int64_t lanes) {
  const int levels = maxTreeLevels(lanes);
  return (levels + 1) * std::ldexp(1.0, -kMaxSlackBits);
}

ValueId Quantizer::scores(const Node &n) {
  ValueId x = ready(value(n.op.operands[0]));
  if (n.op.operands.size() != 3)
    return x;
  const Range full = rangeOf(x);
  const double fill = full.first - kVanishes;
  ValueId keep = value(n.op.operands[2]);
  if (out_.type(keep).isFx())
    keep = less(scalar(0), keep, shapeOf(keep));
  return ready(select(keep, x, scalar(fill), n.shape, {fill, full.second}));
}

ValueId Quantizer::rowTops(ValueId x, const ConstData *mask, Shape rows,
                           int64_t axis) {
  const Shape shape = shapeOf(x);
  const Range r = rangeOf(x);
  if (mask) {
    // Masked lanes take the lower bound of the scores: never above the max.
    ConstData keep{Elem::F32, mask->shape, {}, {}}, fill = keep;
    for (int64_t bit : mask->ints) {
      keep.floats.push_back(bit ? 1 : 0);
      fill.floats.push_back(bit ? 0 : static_cast<float>(r.first));
    }
    const Range filled{std::min(r.first, 0.0), std::max(r.second, 0.0)};
    const ValueId kept =
        multiply(x, publicConstant(std::move(keep)), shape, filled);
    x = addOrSub(Opcode::FixedAdd, kept, publicConstant(std::move(fill)), shape,
                 r);
  }
  const ValueId top = emit(Opcode::FixedReduceMax, {x}, rows, fracOf(x), r);
  out_.op(top).setAttr("axes", std::vector<int64_t>{axis});
  out_.op(top).setAttr("keepdims", int64_t{1});
  out_.op(top).setAttr("slack", int64_t{kMaxSlackBits});
  const double slack = maxSlack(shape[axis]);
  return addOrSub(Opcode::FixedAdd, top, scalar(slack), rows,
                  {r.first + slack, r.second + slack});
}

ValueId Quantizer::expOfLanes(ValueId x, const ConstData *mask, Range range) {
  const Shape shape = shapeOf(x);
  std::vector<int64_t> kept, back;
  if (mask) {
    const std::vector<int64_t> full = broadcastConstant(*mask, shape).ints;
    for (size_t i = 0; i < full.size(); ++i) {
      back.push_back(full[i] ? static_cast<int64_t>(kept.size()) : -1);
      if (full[i])
        kept.push_back(static_cast<int64_t>(i));
    }
    x = moved(b_.take(x, kept, {static_cast<int64_t>(kept.size())}), x);
  }
  const ValueId e =
      map(x, Expr::apply(Opcode::Exp, {Expr::variable()}), range, {0, 1});
  return mask ? moved(b_.take(e, back, shape), e) : e;
}

ValueId Quantizer::softmax(const Node &n) {
  const ConstData *mask =
      n.op.operands.size() >= 2 ? in_.constantOf(n.op.operands[1]) : nullptr;
  if (mask && llvm::all_of(mask->ints, [](int64_t bit) { return bit != 0; }))
    mask = nullptr;
  const int64_t rank = n.shape.size();
  const int64_t axis =
      n.op.intAttr("axis") + (n.op.intAttr("axis") < 0 ? rank : 0);
  Shape rows = n.shape;
  rows[axis] = 1;

  const ValueId x = scores(n);
  const Range r = rangeOf(x);
  const ValueId top = rowTops(x, mask, rows, axis);
  const double slack = maxSlack(n.shape[axis]);
  const Range shifted{r.first - r.second - slack, 0};
  const ValueId e = expOfLanes(
      addOrSub(Opcode::FixedSub, x, top, n.shape, shifted), mask, shifted);

  const double most = static_cast<double>(n.shape[axis]);
  const double least = std::exp(-slack) / 1.05;
  const ValueId sum =
      emit(Opcode::FixedReduceSum, {e}, rows, fracOf(e), {0, most});
  out_.op(sum).setAttr("axes", std::vector<int64_t>{axis});
  out_.op(sum).setAttr("keepdims", int64_t{1});
  const ValueId inverse =
      map(sum, Expr::apply(Opcode::Recip, {Expr::variable()}),
          {least, most * 1.02}, {0, 1 / least});
  if (axis + 1 == rank && onlyLeftFactor_[n.id.index]) {
    unnormalized_[n.id.index] = {e, inverse};
    return {};
  }
  return multiply(e, inverse, n.shape, {0, 1});
}

ValueId Quantizer::normalizedProduct(const Node &n, ValueId b) {
  const auto [e, inverse] = unnormalized_.at(n.op.operands[0].index);
  const double lanes = static_cast<double>(shapeOf(e).back());
  b = out_.type(b).isPublic() ? publicFactor(b) : ready(b);
  const Range r = rangeOf(b);
  const ValueId a = ready(e);
  const ValueId product =
      emit(Opcode::FixedMatMul, {a, b}, n.shape, fracOf(a) + fracOf(b),
           {r.first * lanes, r.second * lanes});
  return multiply(product, inverse, n.shape, n.range);
}

void Quantizer::findLeftFactors() {
  onlyLeftFactor_.assign(in_.numValues(), true);
  for (ValueId v : in_.order())
    for (size_t i = 0; i < in_.op(v).operands.size(); ++i)
      if (in_.op(v).opcode != Opcode::MatMul || i != 0)
        onlyLeftFactor_[in_.op(v).operands[i].index] = false;
  for (const Output &o : in_.outputs())
    onlyLeftFactor_[o.value.index] = false;
}

} // namespace mpc::passes

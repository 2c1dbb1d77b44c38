//===- passes/tensor/QuantizeSoftmax.cpp - max, exp, sum, reciprocal ------===//
//   %1 = tensor.softmax %0   ==>   %1 = exp(%0 - max) * recip(sum of exp)
// Masked lanes are taken out before exp. Where only products of matrices read
// the result, the row's reciprocal is applied to theirs (rows x head instead of
// rows x lanes), and is computed while the product is. Rows that are segments
// of one axis (pack-scores) are spread and summed by moving lanes.
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
static double maxSlack(int levels) {
  return (levels + 1) * std::ldexp(1.0, -kMaxSlackBits);
}

Quantizer::SoftmaxRows Quantizer::softmaxRows(const Op &op,
                                              const Shape &shape) {
  SoftmaxRows r;
  r.axis = op.intAttr("axis");
  if (r.axis < 0)
    r.axis += static_cast<int64_t>(shape.size());
  r.shape = shape;
  r.longest = shape[r.axis];
  r.levels = maxTreeLevels(r.longest);
  r.shape[r.axis] = 1;
  if (!op.hasAttr("segments"))
    return r;
  r.segments = op.intsAttr("segments").vec();
  r.longest = *llvm::max_element(r.segments);
  r.levels = segmentTreeLevels(r.longest);
  r.shape[r.axis] = static_cast<int64_t>(r.segments.size());
  return r;
}

ValueId Quantizer::toLanes(ValueId perRow, const SoftmaxRows &rows,
                           const Shape &shape) {
  if (rows.segments.empty())
    return perRow; // broadcasts
  const int64_t n = static_cast<int64_t>(rows.segments.size());
  const int64_t outer = out_.type(perRow).numel() / n;
  std::vector<int64_t> index;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t s = 0; s < n; ++s)
      index.insert(index.end(), rows.segments[s], o * n + s);
  return moved(b_.take(perRow, std::move(index), shape), perRow);
}

ValueId Quantizer::inSquare(ValueId e, const SoftmaxRows &rows) {
  Shape square = rows.shape;
  square.push_back(rows.longest);
  const int64_t outer = out_.type(e).numel() / shapeOf(e).back();
  std::vector<int64_t> index;
  int64_t next = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t length : rows.segments)
      for (int64_t i = 0; i < rows.longest; ++i)
        index.push_back(i < length ? next++ : -1);
  return moved(b_.take(e, std::move(index), square), e);
}

ValueId Quantizer::rowSums(ValueId e, const SoftmaxRows &rows) {
  int64_t axis = rows.axis;
  if (!rows.segments.empty()) { // short rows are filled up with zeros
    e = inSquare(e, rows);
    ++axis;
  }
  const Range range{0, static_cast<double>(rows.longest)};
  const bool packed = !rows.segments.empty();
  const ValueId sum =
      emit(Opcode::FixedReduceSum, {e}, rows.shape, fracOf(e), range);
  out_.op(sum).setAttr("axes", std::vector<int64_t>{axis});
  out_.op(sum).setAttr("keepdims", int64_t{packed ? 0 : 1});
  return sum;
}

ValueId Quantizer::scores(const Node &n) {
  ValueId x = ready(value(n.op.operands[0]));
  if (const auto open =
          openMask(n)) // what exp leaves there, a factor takes out
    return select(*open, x, scalar(rangeOf(x).first), n.shape, rangeOf(x));
  if (n.op.operands.size() != 3)
    return x;
  const Range full = rangeOf(x);
  const double fill = full.first - kVanishes;
  ValueId keep = value(n.op.operands[2]);
  if (out_.type(keep).isFx())
    keep = less(scalar(0), keep, shapeOf(keep));
  return ready(select(keep, x, scalar(fill), n.shape, {fill, full.second}));
}

std::optional<ValueId> Quantizer::openMask(const Node &n) {
  std::optional<ValueId> mask;
  for (size_t i = 1; i < n.op.operands.size(); ++i) {
    const ValueId m = n.op.operands[i];
    if (!in_.type(m).isPublic() || in_.constantOf(m))
      continue;
    mask = mask ? b_.binary(Opcode::And, *mask, raw(m)) : raw(m);
  }
  return mask;
}

ValueId Quantizer::withoutMasked(const Node &n, ValueId e,
                                 const ConstData *mask,
                                 const SoftmaxRows &rows) {
  const auto open = openMask(n);
  if (!open)
    return e;
  ValueId lanes = *open;
  if (mask)
    lanes = b_.binary(Opcode::And, lanes, b_.constant(*mask, Vis::Public));
  // A row without any lane attends uniformly. Heads that share a mask share
  // what is computed of it.
  const size_t fromEnd = n.shape.size() - rows.axis;
  if (Shape s = shapeOf(lanes);
      s.size() < fromEnd || s[s.size() - fromEnd] != n.shape[rows.axis])
    lanes = b_.broadcast(lanes, n.shape);
  SoftmaxRows own = rows;
  const Shape shape = own.shape = shapeOf(lanes);
  own.axis = static_cast<int64_t>(shape.size() - fromEnd);
  ValueId count = b_.cast(lanes, Elem::I64);
  if (rows.segments.empty()) {
    count = b_.reduce(Opcode::ReduceMax, count, {own.axis}, true);
  } else {
    own.shape[own.axis] = static_cast<int64_t>(own.segments.size());
    count = toLanes(b_.reduce(Opcode::ReduceMax, inSquare(count, own),
                              {own.axis + 1}, false),
                    own, shape);
  }
  const ValueId none = b_.binary(Opcode::Equal, count, b_.scalarInt(0));
  const ValueId kept = b_.binary(Opcode::Or, *open, none);
  return multiply(e, factor(kept, false), n.shape, rangeOf(e));
}

ValueId Quantizer::rowTops(ValueId x, const ConstData *mask,
                           const SoftmaxRows &rows) {
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
  const ValueId top =
      emit(Opcode::FixedReduceMax, {x}, rows.shape, fracOf(x), r);
  out_.op(top).setAttr("axes", std::vector<int64_t>{rows.axis});
  out_.op(top).setAttr("keepdims", int64_t{1});
  out_.op(top).setAttr("slack", int64_t{kMaxSlackBits});
  if (!rows.segments.empty())
    out_.op(top).setAttr("segments", rows.segments);
  const double slack = maxSlack(rows.levels);
  return addOrSub(Opcode::FixedAdd, top, scalar(slack), rows.shape,
                  {r.first + slack, r.second + slack});
}

ValueId Quantizer::expOfLanes(ValueId x, const ConstData *mask, Range range,
                              const Precision &p) {
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
  const ValueId e = map(x, Expr::apply(Opcode::Exp, {Expr::variable()}), range,
                        {0, 1}, p, kNoneAbove);
  return mask ? moved(b_.take(e, back, shape), e) : e;
}

ValueId Quantizer::softmax(const Node &n) {
  const ConstData *mask =
      n.op.operands.size() >= 2 ? in_.constantOf(n.op.operands[1]) : nullptr;
  if (mask && llvm::all_of(mask->ints, [](int64_t bit) { return bit != 0; }))
    mask = nullptr;
  const SoftmaxRows rows = softmaxRows(n.op, n.shape);

  const ValueId x = scores(n);
  const Range r = rangeOf(x);
  const ValueId top = toLanes(rowTops(x, mask, rows), rows, n.shape);
  const double slack = maxSlack(rows.levels);
  const Range shifted{r.first - r.second - slack, 0};
  Precision forExp, forInverse;
  // The exps are below those of the true maximum by the slack.
  const int lower = static_cast<int>(std::ceil(1.4427 * slack));
  if (nodeFrac_ && n.op.hasAttr("exp_frac") && n.op.hasAttr("inverse_frac")) {
    const int exp = static_cast<int>(n.op.intAttr("exp_frac")) + lower;
    const int inverse = static_cast<int>(n.op.intAttr("inverse_frac")) + 1;
    forExp.frac = exp;
    forInverse.frac = inverse;
    if (!ctx_.options.fixedTolerance) {
      const double fine = std::ldexp(1.0, -inverse);
      forExp.tolerance = std::ldexp(1.0, -exp - 2);
      forInverse.tolerance = fine;
      forInverse.relativeTolerance =
          std::ldexp(fine, std::max(0, *nodeFrac_ - exp));
    }
  }
  const ValueId difference =
      addOrSub(Opcode::FixedSub, x, top, n.shape, shifted);
  if (target_.count(x.index))
    target_[difference.index] = targetOf(x);
  const ValueId e = withoutMasked(
      n, expOfLanes(difference, mask, shifted, forExp), mask, rows);

  const double most = static_cast<double>(rows.longest);
  const double least = std::exp(-slack) / 1.05;
  const ValueId inverse =
      map(rowSums(e, rows), Expr::apply(Opcode::Recip, {Expr::variable()}),
          {least, most * 1.02}, {0, 1 / least}, forInverse,
          kNoneBelow | kNoneAbove);
  if (onlyLeftFactor_[n.id.index]) {
    unnormalized_[n.id.index] = {e, inverse, lower};
    return e;
  }
  return multiply(e, toLanes(inverse, rows, n.shape), n.shape, {0, 1});
}

std::optional<std::vector<int64_t>>
Quantizer::rowsOfTake(const Op &take, const Op &softmax) const {
  const std::vector<int64_t> &index =
      in_.constData(take.constAttr("indices")).ints;
  const llvm::ArrayRef<int64_t> segments = softmax.intsAttr("segments");
  const int64_t lanes = softmax.type.shape.back(),
                n = static_cast<int64_t>(segments.size());
  std::vector<int64_t> segmentOf;
  for (int64_t s = 0; s < n; ++s)
    segmentOf.insert(segmentOf.end(), segments[s], s);
  std::vector<int64_t> rows;
  const size_t width = take.type.shape.back();
  for (size_t i = 0; i < index.size(); ++i) {
    if (i % width == 0)
      rows.push_back(-1);
    if (index[i] < 0)
      continue;
    const int64_t row = index[i] / lanes * n + segmentOf[index[i] % lanes];
    if (rows.back() != -1 && rows.back() != row)
      return std::nullopt;
    rows.back() = row;
  }
  return rows;
}

ValueId Quantizer::normalizedProduct(const Node &n, ValueId b) {
  const Op &left = in_.op(n.op.operands[0]);
  const bool packed = left.opcode == Opcode::Take; // some rows of a packed one
  const ValueId softmax = packed ? left.operands[0] : n.op.operands[0];
  ValueId inverse = unnormalized_.at(softmax.index).inverse;
  const ValueId e = value(n.op.operands[0]);
  const double lanes = static_cast<double>(shapeOf(e).back());
  const ValueId a = ready(e);
  b = out_.type(b).isPublic() ? publicFactor(b, a, lanes) : ready(b);
  // The row sums are at most the lanes.
  const Range r{std::min(0.0, std::max(rangeOf(b).first, n.range.first)),
                std::max(0.0, std::min(rangeOf(b).second, n.range.second))};
  const ValueId product =
      emit(Opcode::FixedMatMul, {a, b}, n.shape, fracOf(a) + fracOf(b),
           {r.first * lanes, r.second * lanes});
  // The row's reciprocal scales the product's error as it does the exps'.
  setTarget(product, n.op, "product_frac");
  if (target_.count(product.index))
    target_[product.index] += unnormalized_.at(softmax.index).lower;
  if (!packed)
    return multiply(product, inverse, n.shape, n.range);
  Shape shape = left.type.shape;
  shape.back() = 1;
  inverse = moved(b_.take(inverse, *rowsOfTake(left, in_.op(softmax)), shape),
                  inverse);
  ready_[inverse.index] = inverse; // as fine as the row sums' reciprocal
  if (!readByConcatOnly_[n.id.index])
    return multiply(product, inverse, n.shape, n.range);
  unscaled_[n.id.index] = inverse;
  return product;
}

ValueId Quantizer::scaled(const Node &n, int i) {
  const ValueId old = n.op.operands[i];
  auto it = unscaled_.find(old.index);
  if (it == unscaled_.end())
    return number(n, i);
  const Op &op = in_.op(old);
  return multiply(value(old), it->second, op.type.shape,
                  op.range.value_or(Range{0, 0}));
}

ValueId Quantizer::unscaledConcat(const Node &n) {
  auto joined = [&](Values parts, Shape shape) {
    Range range = rangeOf(parts[0]);
    for (ValueId p : parts)
      range = {std::min(range.first, rangeOf(p).first),
               std::max(range.second, rangeOf(p).second)};
    const ValueId r =
        emit(Opcode::Concat, parts, shape, fracOf(parts[0]), range);
    copyAttrs(n.op, r);
    for (ValueId p : parts)
      if (target_.count(p.index))
        target_[r.index] = std::max(targetOf(p), target_[r.index]);
    return r;
  };
  llvm::SmallVector<ValueId, 8> products, factors;
  for (ValueId o : n.op.operands) {
    auto it = unscaled_.find(o.index);
    products.push_back(value(o));
    if (it == unscaled_.end() || fracOf(value(o)) != fracOf(products[0]))
      return {};
    factors.push_back(it->second);
  }
  Shape shape = n.shape;
  const ValueId product = joined(products, shape);
  shape.back() = 1;
  const ValueId factor = joined(factors, shape);
  ready_[factor.index] = factor;
  return multiply(product, factor, n.shape, n.range);
}

void Quantizer::findLeftFactors() {
  onlyLeftFactor_.assign(in_.numValues(), true);
  for (ValueId v : in_.order())
    for (size_t i = 0; i < in_.op(v).operands.size(); ++i)
      if (in_.op(v).opcode != Opcode::MatMul || i != 0)
        onlyLeftFactor_[in_.op(v).operands[i].index] = false;
  for (const Output &o : in_.outputs())
    onlyLeftFactor_[o.value.index] = false;
  readByConcatOnly_.assign(in_.numValues(), true);
  for (ValueId v : in_.order())
    for (ValueId o : in_.op(v).operands) {
      const Op &op = in_.op(v);
      if (op.opcode != Opcode::Concat ||
          op.intAttr("axis") + 1 == op.type.rank())
        readByConcatOnly_[o.index] = false;
    }
  for (const Output &o : in_.outputs())
    readByConcatOnly_[o.value.index] = false;
  // A softmax is one along its last axis, a packed one if its parts are.
  for (ValueId v : in_.order()) {
    const Op &op = in_.op(v);
    if (op.opcode != Opcode::Softmax)
      continue;
    if (op.hasAttr("segments"))
      onlyLeftFactor_[v.index] = true;
    else if (op.intAttr("axis") != -1 &&
             op.intAttr("axis") + 1 != op.type.rank())
      onlyLeftFactor_[v.index] = false;
  }
  for (ValueId v : in_.order())
    for (ValueId o : in_.op(v).operands) {
      const Op &softmax = in_.op(o), &op = in_.op(v);
      if (softmax.opcode == Opcode::Softmax && softmax.hasAttr("segments") &&
          !(op.opcode == Opcode::Take && onlyLeftFactor_[v.index] &&
            rowsOfTake(op, softmax)))
        onlyLeftFactor_[o.index] = false;
    }
  for (const Output &o : in_.outputs())
    onlyLeftFactor_[o.value.index] = false;
}

} // namespace mpc::passes

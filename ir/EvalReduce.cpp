//===- ir/EvalReduce.cpp - reductions and softmax -------------------------===//
//
// Sums and products of floats accumulate in float64.
//
//===----------------------------------------------------------------------===//
#include "ir/EvalImpl.h"
#include <array>
#include <cmath>
#include <limits>

namespace mpc::ir::detail {

/// acc[output index] = f(acc, x) over all elements x of the input.
template <class Acc, class T, class F>
static std::vector<Acc> accumulate(const Op &op, Dims shape,
                                   const std::vector<T> &x, Acc init, F f) {
  auto axes = op.intsAttr("axes");
  Shape kept(shape.begin(), shape.end());
  for (int64_t axis : axes)
    kept[axis] = 1;
  std::vector<Acc> acc(numelOf(kept), init);
  forEachRow<1>(shape, {broadcastStrides(kept, shape)}, {0},
                [&](int64_t row, int64_t n, std::array<int64_t, 1> at,
                    std::array<int64_t, 1> step) {
                  Acc *to = acc.data() + at[0];
                  for (int64_t i = 0; i < n; ++i) {
                    Acc &slot = to[i * step[0]];
                    slot = f(slot, static_cast<Acc>(x[row + i]));
                  }
                });
  return acc;
}

template <class Acc, class T, class Sum, class Prod>
static void reduceAs(const Op &op, const ConstData &a, const std::vector<T> &x,
                     std::vector<T> &out, Acc lowest, Acc highest, Sum sum,
                     Prod prod) {
  std::vector<Acc> acc;
  switch (op.opcode) {
  case Opcode::ReduceSum:
    acc = accumulate<Acc>(op, a.shape, x, Acc(0), sum);
    break;
  case Opcode::ReduceProd:
    acc = accumulate<Acc>(op, a.shape, x, Acc(1), prod);
    break;
  case Opcode::ReduceMax:
    acc = accumulate<Acc>(op, a.shape, x, lowest,
                          [](Acc s, Acc v) { return v > s || v != v ? v : s; });
    break;
  default:
    acc = accumulate<Acc>(op, a.shape, x, highest,
                          [](Acc s, Acc v) { return v < s || v != v ? v : s; });
  }
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<T>(acc[i]);
}

void evalReduce(const Op &op, const ConstData &a, ConstData &out) {
  if (a.elem == Elem::F32) {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    reduceAs<double>(
        op, a, a.floats, out.floats, -kInf, kInf,
        [](double s, double v) { return s + v; },
        [](double s, double v) { return s * v; });
  } else {
    using Limits = std::numeric_limits<int64_t>;
    reduceAs<int64_t>(
        op, a, a.ints, out.ints, Limits::min(), Limits::max(),
        [](int64_t s, int64_t v) { return int64_t(uint64_t(s) + uint64_t(v)); },
        [](int64_t s, int64_t v) {
          return int64_t(uint64_t(s) * uint64_t(v));
        });
  }
}

/// One row: elements x[i * step], mask likewise (null: all true).
static void softmaxRow(const float *x, float *y, const int64_t *mask, int64_t n,
                       int64_t step, int64_t maskStep, std::vector<double> &e) {
  auto on = [&](int64_t i) { return !mask || mask[i * maskStep] != 0; };
  double max = -std::numeric_limits<double>::infinity();
  int64_t lanes = 0;
  for (int64_t i = 0; i < n; ++i)
    if (on(i)) {
      ++lanes;
      double v = x[i * step];
      max = v > max || v != v ? v : max;
    }
  if (lanes == 0) {
    for (int64_t i = 0; i < n; ++i)
      y[i * step] = static_cast<float>(1.0 / static_cast<double>(n));
    return;
  }
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    e[i] = on(i) ? std::exp(static_cast<float>(x[i * step] - max)) : 0.0;
    sum += e[i];
  }
  for (int64_t i = 0; i < n; ++i)
    y[i * step] = static_cast<float>(e[i] / sum);
}

/// Lengths of the rows along the axis: one, or the op's segments.
static std::vector<int64_t> rowLengths(const Op &op, int64_t n) {
  if (!op.hasAttr("segments"))
    return {n};
  return op.intsAttr("segments").vec();
}

/// Both masks of a softmax as one of x's shape. A row that the second one
/// empties keeps the lanes of the first.
static ConstData bothMasks(const Op &op, Operands operands) {
  const Shape &shape = operands[0]->shape;
  ConstData full[2];
  for (int i : {0, 1}) {
    full[i] = {Elem::Bool, shape, {}, {}};
    full[i].ints.resize(operands[0]->numel());
    const ConstData &m = *operands[i + 1];
    forEachRow<1>(shape, {broadcastStrides(m.shape, shape)}, {0},
                  [&](int64_t to, int64_t n, std::array<int64_t, 1> at,
                      std::array<int64_t, 1> step) {
                    for (int64_t k = 0; k < n; ++k)
                      full[i].ints[to + k] = m.ints[at[0] + k * step[0]];
                  });
  }
  const int64_t axis = op.intAttr("axis"), n = shape[axis];
  const int64_t step = stridesOf(shape)[axis];
  for (int64_t i = 0, size = full[0].numel(); i < size; ++i) {
    if (i / step % n != 0)
      continue;
    int64_t first = i;
    for (int64_t length : rowLengths(op, n)) {
      bool any = false;
      for (int64_t k = 0; k < length; ++k)
        any |= full[0].ints[first + k * step] && full[1].ints[first + k * step];
      for (int64_t k = 0; any && k < length; ++k)
        full[0].ints[first + k * step] &= full[1].ints[first + k * step];
      first += length * step;
    }
  }
  return full[0];
}

void evalSoftmax(const Op &op, Operands operands, ConstData &out) {
  const ConstData &x = *operands[0];
  std::optional<ConstData> both;
  if (operands.size() == 3)
    both = bothMasks(op, operands);
  const ConstData *mask = both                  ? &*both
                          : operands.size() > 1 ? operands[1]
                                                : nullptr;
  int64_t axis = op.intAttr("axis"), n = x.shape[axis];
  auto strides = stridesOf(x.shape);
  auto maskStrides = mask ? broadcastStrides(mask->shape, x.shape) : strides;
  int64_t step = strides[axis], maskStep = maskStrides[axis];
  Shape rows = x.shape;
  rows[axis] = n == 0 ? 0 : 1;
  std::vector<double> e(n);
  const std::vector<int64_t> lengths = rowLengths(op, n);
  forEachRow<2>(
      rows, {strides, maskStrides}, {0, 0},
      [&](int64_t, int64_t len, std::array<int64_t, 2> at,
          std::array<int64_t, 2> inner) {
        for (int64_t i = 0; i < len; ++i) {
          int64_t from = at[0] + i * inner[0], maskFrom = at[1] + i * inner[1];
          for (int64_t length : lengths) {
            softmaxRow(x.floats.data() + from, out.floats.data() + from,
                       mask ? mask->ints.data() + maskFrom : nullptr, length,
                       step, maskStep, e);
            from += length * step;
            maskFrom += length * maskStep;
          }
        }
      });
}

} // namespace mpc::ir::detail

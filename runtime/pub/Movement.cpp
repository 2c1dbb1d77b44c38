//===- runtime/pub/Movement.cpp - movement, gather, reductions ------------===//
#include "runtime/pub/Math.h"
#include "runtime/pub/Value.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace mpc::pub {
namespace {

using plan::PublicOp;

/// A copy, so that strides of a rank-0 result are a vector too.
void strided(const plan::PublicInstr &in, const Value &a, Value &out) {
  withStorage(a, out, [&](const auto &from, auto &to) {
    forEachIndex<1>(out.shape, {in.imm[1]}, {in.scalar(0)},
                    [&](size_t i, const std::array<int64_t, 1> &at) {
                      to[i] = from[static_cast<size_t>(at[0])];
                    });
  });
}

void concat(const plan::PublicInstr &in, Args args, Value &out) {
  const auto axis = static_cast<size_t>(in.scalar(0));
  const core::Strides strides = core::rowMajorStrides(out.shape);
  int64_t offset = 0;
  for (const Value *a : args) {
    withStorage(*a, out, [&](const auto &from, auto &to) {
      forEachIndex<1>(a->shape, {strides}, {offset},
                      [&](size_t i, const std::array<int64_t, 1> &at) {
                        to[static_cast<size_t>(at[0])] = from[i];
                      });
    });
    offset += a->shape[axis] * strides[axis];
  }
}

/// Where rows `index` of [before, rows, after] lie, flat.
Status flatIndices(const std::vector<int64_t> &index, int64_t before,
                   int64_t rows, int64_t after, std::vector<int64_t> &out) {
  for (size_t i = 0; i < index.size(); ++i)
    if (index[i] < -rows || index[i] >= rows)
      return Error{fmt::format("index {} (number {}) is outside [-{}, {})",
                               index[i], i, rows, rows)};
  out.clear();
  for (int64_t b = 0; b < before; ++b)
    for (int64_t i : index)
      for (int64_t a = 0; a < after; ++a)
        out.push_back((b * rows + (i < 0 ? i + rows : i)) * after + a);
  return {};
}

Status gather(const plan::PublicInstr &in, Args args, Value &out) {
  const core::Shape &s = args[0]->shape;
  const auto axis = s.begin() + in.scalar(0);
  std::vector<int64_t> at;
  MPC_TRY(flatIndices(args[1]->ints, core::numel({s.begin(), axis}), *axis,
                      core::numel({axis + 1, s.end()}), at));
  withStorage(*args[0], out, [&](const auto &from, auto &to) {
    for (size_t i = 0; i < to.size(); ++i)
      to[i] = from[static_cast<size_t>(at[i])];
  });
  return {};
}

/// acc[result index] = f(acc, x) over all elements in row-major order.
template <class Acc, class T, class F>
void reduceTo(const core::Shape &shape, const std::vector<int64_t> &axes,
              const std::vector<T> &x, std::vector<T> &out, Acc first, F f) {
  core::Shape kept = shape;
  for (int64_t a : axes)
    kept[static_cast<size_t>(a)] = 1;
  std::vector<Acc> acc(out.size(), first);
  forEachIndex<1>(shape, {core::broadcastStrides(kept, shape)}, {0},
                  [&](size_t i, const std::array<int64_t, 1> &at) {
                    Acc &slot = acc[static_cast<size_t>(at[0])];
                    slot = f(slot, static_cast<Acc>(x[i]));
                  });
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<T>(acc[i]);
}

void reduce(const plan::PublicInstr &in, const Value &a, Value &out) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  using Limits = std::numeric_limits<int64_t>;
  const auto real = [&](double first, auto f) {
    reduceTo<double>(a.shape, in.imm[0], a.floats, out.floats, first, f);
  };
  const auto integer = [&](int64_t first, auto f) {
    reduceTo<int64_t>(a.shape, in.imm[0], a.ints, out.ints, first, f);
  };
  const auto most = [](auto s, auto v) { return v > s || v != v ? v : s; };
  const auto least = [](auto s, auto v) { return v < s || v != v ? v : s; };
  switch (in.op) {
  case PublicOp::ReduceSum:
    return a.isReal() ? real(0, [](double s, double v) { return s + v; })
                      : integer(0, [](int64_t s, int64_t v) {
                          return static_cast<int64_t>(static_cast<uint64_t>(s) +
                                                      static_cast<uint64_t>(v));
                        });
  case PublicOp::ReduceProd:
    return a.isReal() ? real(1, [](double s, double v) { return s * v; })
                      : integer(1, [](int64_t s, int64_t v) {
                          return static_cast<int64_t>(static_cast<uint64_t>(s) *
                                                      static_cast<uint64_t>(v));
                        });
  case PublicOp::ReduceMax:
    return a.isReal() ? real(-kInf, most) : integer(Limits::min(), most);
  default:
    return a.isReal() ? real(kInf, least) : integer(Limits::max(), least);
  }
}

/// As tensor.softmax: lanes of both masks; a row that the second one empties
/// keeps the lanes of the first, all alike; a row without lanes is uniform.
void softmax(const plan::PublicInstr &in, Args args, Value &out) {
  const core::Shape &shape = out.shape;
  const auto axis = static_cast<size_t>(in.scalar(0));
  const int64_t n = shape[axis], step = core::rowMajorStrides(shape)[axis];
  std::array<std::vector<int64_t>, 2> masks;
  for (size_t k = 0; k < 2; ++k) {
    masks[k].assign(out.size(), 1);
    if (k + 1 < args.size())
      forEachIndex<1>(
          shape, {core::broadcastStrides(args[k + 1]->shape, shape)}, {0},
          [&](size_t i, const std::array<int64_t, 1> &at) {
            masks[k][i] = args[k + 1]->ints[static_cast<size_t>(at[0])];
          });
  }
  std::vector<double> e(static_cast<size_t>(n));
  for (int64_t first = 0; first < static_cast<int64_t>(out.size()); ++first) {
    if (first / step % n != 0)
      continue;
    const auto at = [&](int64_t i) {
      return static_cast<size_t>(first + i * step);
    };
    bool both = false;
    for (int64_t i = 0; i < n; ++i)
      both |= masks[0][at(i)] && masks[1][at(i)];
    double max = -std::numeric_limits<double>::infinity(), sum = 0;
    int64_t lanes = 0;
    for (int64_t i = 0; i < n; ++i) {
      masks[0][at(i)] = masks[0][at(i)] && (!both || masks[1][at(i)]);
      if (!masks[0][at(i)])
        continue;
      ++lanes;
      const double v = args[0]->floats[at(i)];
      max = v > max || v != v ? v : max;
    }
    for (int64_t i = 0; i < n; ++i) {
      const bool on = lanes == 0 || masks[0][at(i)];
      const auto shifted = static_cast<float>(args[0]->floats[at(i)] - max);
      e[static_cast<size_t>(i)] = !on ? 0
                                  : lanes == 0
                                      ? 1
                                      : static_cast<float>(expOf(shifted));
      sum += e[static_cast<size_t>(i)];
    }
    for (int64_t i = 0; i < n; ++i)
      out.floats[at(i)] = static_cast<float>(e[static_cast<size_t>(i)] / sum);
  }
}

/// [m, k] x [k, n], each element one sum in ascending order.
template <class Acc, class T>
void product1(const T *x, const T *y, T *z, int64_t m, int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      Acc sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += static_cast<Acc>(x[i * k + p]) * static_cast<Acc>(y[p * n + j]);
      z[i * n + j] = static_cast<T>(sum);
    }
}

void matmul(const Value &a, const Value &b, Value &out) {
  const int64_t m = a.shape[a.shape.size() - 2], k = a.shape.back(),
                n = b.shape.back();
  const core::Shape batch(out.shape.begin(), out.shape.end() - 2);
  auto strides = [&](const core::Shape &s) {
    core::Strides t = core::broadcastStrides({s.begin(), s.end() - 2}, batch);
    for (int64_t &x : t)
      x *= s[s.size() - 2] * s.back();
    return t;
  };
  forEachIndex<2>(
      batch, {strides(a.shape), strides(b.shape)}, {0, 0},
      [&](size_t product, const std::array<int64_t, 2> &at) {
        const int64_t to = static_cast<int64_t>(product) * m * n;
        if (out.isReal())
          product1<double>(a.floats.data() + at[0], b.floats.data() + at[1],
                           out.floats.data() + to, m, k, n);
        else
          product1<uint64_t>(a.ints.data() + at[0], b.ints.data() + at[1],
                             out.ints.data() + to, m, k, n);
      });
}

} // namespace

bool evalMovement(const plan::PublicInstr &in, Args args, Value &out,
                  Status &status) {
  switch (in.op) {
  case PublicOp::Constant:
    out.ints = in.imm[0];
    return true;
  case PublicOp::Real:
    for (size_t i = 0; i < out.floats.size(); ++i)
      out.floats[i] = std::bit_cast<float>(static_cast<uint32_t>(in.imm[0][i]));
    return true;
  case PublicOp::Strided:
    return strided(in, *args[0], out), true;
  case PublicOp::Concat:
    return concat(in, args, out), true;
  case PublicOp::Take:
    withStorage(*args[0], out, [&](const auto &from, auto &to) {
      for (size_t i = 0; i < to.size(); ++i)
        if (const int64_t k = in.imm[0][i]; k >= 0)
          to[i] = from[static_cast<size_t>(k)];
    });
    return true;
  case PublicOp::Gather:
    status = gather(in, args, out);
    return true;
  case PublicOp::FlatIndex:
    status = flatIndices(args[0]->ints, in.scalar(0), in.scalar(1),
                         in.scalar(2), out.ints);
    return true;
  default:
    return false;
  }
}

bool evalReduction(const plan::PublicInstr &in, Args args, Value &out) {
  switch (in.op) {
  case PublicOp::ReduceSum:
  case PublicOp::ReduceMax:
  case PublicOp::ReduceMin:
  case PublicOp::ReduceProd:
    return reduce(in, *args[0], out), true;
  case PublicOp::Softmax:
    return softmax(in, args, out), true;
  case PublicOp::MatMul:
    return matmul(*args[0], *args[1], out), true;
  default:
    return false;
  }
}

} // namespace mpc::pub

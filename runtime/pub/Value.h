//===- runtime/pub/Value.h - arrays of the public section -----------------===//
//
// Private to this folder.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/plan/Plan.h"

#include <array>

namespace mpc::pub {

/// Dense, row-major; f32 in `floats`, i64 and bool (0 or 1) in `ints`.
struct Value {
  plan::PublicElem elem = plan::PublicElem::I64;
  core::Shape shape;
  std::vector<float> floats;
  std::vector<int64_t> ints;

  Value() = default;
  /// Zeros of this type.
  explicit Value(const plan::PublicType &t) : elem(t.elem), shape(t.shape) {
    const auto n = static_cast<size_t>(core::numel(shape));
    if (isReal())
      floats.resize(n);
    else
      ints.resize(n);
  }
  bool isReal() const { return elem == plan::PublicElem::F32; }
  size_t size() const { return isReal() ? floats.size() : ints.size(); }
  double at(size_t i) const {
    return isReal() ? floats[i] : static_cast<double>(ints[i]);
  }
};

using Args = std::span<const Value *const>;

/// The storage of both, by their common type: f(from vector, to vector).
template <class F> void withStorage(const Value &a, Value &out, F f) {
  if (out.isReal())
    f(a.floats, out.floats);
  else
    f(a.ints, out.ints);
}

/// f(flat index, offset of each strided operand) for every index of `shape`,
/// in row-major order.
template <size_t N, class F>
void forEachIndex(const core::Shape &shape,
                  const std::array<core::Strides, N> &strides,
                  std::array<int64_t, N> at, F f) {
  const auto n = static_cast<size_t>(core::numel(shape));
  core::Shape index(shape.size(), 0);
  for (size_t flat = 0; flat < n; ++flat) {
    f(flat, at);
    for (size_t d = shape.size(); d-- > 0;) {
      for (size_t k = 0; k < N; ++k)
        at[k] += strides[k][d];
      if (++index[d] < shape[d])
        break;
      for (size_t k = 0; k < N; ++k)
        at[k] -= strides[k][d] * shape[d];
      index[d] = 0;
    }
  }
}

/// One family of ops each; `out` has its type and storage. False: not of it.
bool evalElementwise(const plan::PublicInstr &in, Args args, Value &out,
                     Status &status);
bool evalMovement(const plan::PublicInstr &in, Args args, Value &out,
                  Status &status);
bool evalReduction(const plan::PublicInstr &in, Args args, Value &out);

} // namespace mpc::pub

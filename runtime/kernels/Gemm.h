//===- runtime/kernels/Gemm.h - matrix products in a ring -----------------===//
//
// C = A B, C += A B or C -= A B modulo 2^64 (T = uint64_t) or 2^32 (uint32_t).
// Products in Z_{2^k} are the low k bits; the caller reduces. Shapes: A is
// M x K, B is K x N, C is M x N; any may be 0. C must not overlap A or B.
//
//   gemm(viewOf(x, m, k), viewOf(w, k, n), y, n, Acc::Set, pool);
//
// Weights are packed once: PackedB<uint64_t> w(view, pool). The inner product
// is Winograd's of 1968 (half the multiplications, exact in a ring):
//   a0 b0 + a1 b1 = (a0 + b1)(a1 + b0) - a0 a1 - b0 b1.
// Time does not depend on the values.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Secret.h"
#include "runtime/kernels/ThreadPool.h"

#include <cstdint>

namespace mpc::kernels {

/// rows x cols elements; element (i, j) is data[i * rowStride + j * colStride].
/// A transposed view swaps both pairs and costs nothing.
template <class T> struct BasicMatrixView {
  const T *data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t rowStride = 0;
  int64_t colStride = 1;

  BasicMatrixView transposed() const {
    return {data, cols, rows, colStride, rowStride};
  }
};
using MatrixView = BasicMatrixView<uint64_t>;
using MatrixView32 = BasicMatrixView<uint32_t>;

/// A dense row-major matrix.
template <class T>
BasicMatrixView<T> viewOf(const T *data, int64_t rows, int64_t cols) {
  return {data, rows, cols, cols, 1};
}

/// What happens to C.
enum class Acc : uint8_t { Set, Add, Sub };

template <class T> struct GemmKernels;

/// A right-hand side in the kernels' order: a little over the size of B.
/// Bound to the SIMD level of the pool it was packed with.
template <class T> class PackedB {
public:
  PackedB() = default;
  /// With fewer bits than T has, elements are reduced to them, kept at about
  /// that width, and unpacked a panel at a time; products are then right modulo
  /// 2^bits only.
  PackedB(BasicMatrixView<T> b, ThreadPool &pool,
          unsigned bits = 8 * sizeof(T));

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  size_t bytes() const { return data_.size() * sizeof(T) + narrow_.size(); }

  bool isNarrow() const { return bits_ != 0; }
  /// For the kernels: panel p of block kb, see Gemm.cpp; in `scratch` if the
  /// matrix is kept narrow.
  const T *panel(int64_t kb, int64_t p, T *scratch, SimdLevel simd) const;
  const GemmKernels<T> *kernels() const { return kernels_; }

private:
  const GemmKernels<T> *kernels_ = nullptr;
  int64_t rows_ = 0, cols_ = 0;
  unsigned bits_ = 0; ///< 0: as they are, in data_
  core::SecretVector<T> data_;
  core::SecretVector<uint8_t> narrow_;
};

/// Instantiated for uint32_t and uint64_t. cStride: elements from one row of C
/// to the next.
template <class T>
void gemm(BasicMatrixView<T> a, const PackedB<T> &b, T *c, int64_t cStride,
          Acc acc, ThreadPool &pool);
template <class T>
void gemm(BasicMatrixView<T> a, BasicMatrixView<T> b, T *c, int64_t cStride,
          Acc acc, ThreadPool &pool);

/// `batch` products; a, b, c are the first, the others follow at the given
/// distances in elements (0 reuses an A or B for all).
template <class T>
void gemmBatch(int64_t batch, BasicMatrixView<T> a, int64_t strideA,
               BasicMatrixView<T> b, int64_t strideB, T *c, int64_t cStride,
               int64_t strideC, Acc acc, ThreadPool &pool);

} // namespace mpc::kernels

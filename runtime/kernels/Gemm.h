//===- runtime/kernels/Gemm.h - matrix products in a ring -----------------===//
//
// C = A B, C += A B or C -= A B modulo 2^bits; C comes out reduced. Elements
// are 64-bit words whose upper bits may hold anything. Shapes: A is M x K, B is
// K x N, C is M x N; any may be 0. C must not overlap A or B.
//
//   gemm(viewOf(x, m, k), viewOf(w, k, n), 64, y, n, Acc::Set, pool);
//
// Rings of at most 32 bits are computed in 32-bit words, in half the time.
// Weights are packed once: PackedB w(view, bits, pool). The inner product is
// Winograd's of 1968 (half the multiplications, exact in a ring):
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
struct MatrixView {
  const uint64_t *data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t rowStride = 0;
  int64_t colStride = 1;

  MatrixView transposed() const {
    return {data, cols, rows, colStride, rowStride};
  }
};

/// A dense row-major matrix.
inline MatrixView viewOf(const uint64_t *data, int64_t rows, int64_t cols) {
  return {data, rows, cols, cols, 1};
}

/// What happens to C.
enum class Acc : uint8_t { Set, Add, Sub };

/// A right-hand side in the kernels' order: a little over the size of B in
/// words of 32 bits, of 33 to 56 bits or of 64, whichever holds `bits`. Bound
/// to the SIMD level of the pool it was packed with.
class PackedB {
public:
  PackedB() = default;
  /// For products modulo 2^bits.
  PackedB(MatrixView b, unsigned bits, ThreadPool &pool);
  /// The same, of rows that add() brings: no memory holds the whole matrix.
  PackedB(int64_t rows, int64_t cols, unsigned bits, SimdLevel level);
  /// The next rows: a multiple of 8, but for the last.
  void add(const MatrixView &piece, ThreadPool &pool);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  unsigned bits() const { return bits_; }
  bool empty() const { return bits_ == 0; }
  size_t bytes() const { return data_.size(); }

  // For the kernels, see Gemm.cpp.
  SimdLevel level() const { return level_; }
  /// Elements take fewer bytes than the words they are computed in.
  bool isNarrow() const;
  /// Panel p of block kb as it is kept.
  const uint8_t *stored(int64_t kb, int64_t p) const;
  /// The same in words; in `scratch` if the matrix is kept narrow.
  template <class T>
  const T *panel(int64_t kb, int64_t p, T *scratch, SimdLevel simd) const;

private:
  template <class T> void addRows(const MatrixView &piece, ThreadPool &pool);

  SimdLevel level_ = SimdLevel::Portable;
  int64_t rows_ = 0, cols_ = 0;
  int64_t added_ = 0; ///< rows so far
  unsigned bits_ = 0;
  core::SecretVector<uint8_t> data_;
  /// Corrections of the block that is being filled.
  core::SecretVector<uint64_t> sums_;
};

/// cStride: elements from one row of C to the next.
void gemm(MatrixView a, const PackedB &b, uint64_t *c, int64_t cStride, Acc acc,
          ThreadPool &pool);
void gemm(MatrixView a, MatrixView b, unsigned bits, uint64_t *c,
          int64_t cStride, Acc acc, ThreadPool &pool);

/// `batch` products; a, b, c are the first, the others follow at the given
/// distances in elements (0 reuses an A or B for all).
void gemmBatch(int64_t batch, MatrixView a, int64_t strideA, MatrixView b,
               int64_t strideB, unsigned bits, uint64_t *c, int64_t cStride,
               int64_t strideC, Acc acc, ThreadPool &pool);

} // namespace mpc::kernels

//===- runtime/kernels/GemmKernels.h - table of one level's kernels -------===//
//
// Private to Gemm*.cpp. No standard library beyond <cstdint>: the files that
// include this are compiled with instructions the machine may lack, and an
// inline library function emitted there could be the one the linker keeps.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace mpc::kernels {

/// C (rows x cols, at most tileRows x nr) = | += | -= a block's product, and
/// reduced by the mask; acc is 0, 1, 2.
template <class T> struct GemmTile {
  int tileRows;
  int64_t kp;
  const T *a, *b;    ///< packed, see below
  const void *ahead; ///< memory that is read after b, fetched meanwhile
  uint64_t *c;
  int64_t cStride;
  int rows, cols, acc;
  uint64_t mask;
};

/// Matrices are 64-bit words in memory and T in the kernels: packing drops the
/// upper half where T has 32 bits, and a tile is widened as it is written.
/// Packed layouts, for one block of kc rows of K, kp = kc rounded up to even
/// (the added row is zero):
///   tile of A, R rows:    R row corrections, then kp groups of R elements
///   panel of B, nr cols:  nr column corrections, then kp groups of nr
/// where a correction is the sum over pairs of k of x[2k] * x[2k+1].
template <class T> struct GemmKernels {
  int mr; ///< rows of a full tile; shorter tiles have 1, 2 or 4
  int nr; ///< columns of a panel
  /// R is tileRows(rows, mr); rows above `rows` are zero.
  void (*packA)(const uint64_t *a, int64_t rowStride, int64_t colStride,
                int rows, int64_t kc, int tileRows, T *out);
  void (*packB)(const uint64_t *b, int64_t rowStride, int64_t colStride,
                int64_t kc, int cols, T *out);
  void (*tile)(const GemmTile<T> &tile);
};

extern const GemmKernels<uint64_t> kGemmPortable64, kGemmAvx264, kGemmAvx51264;
extern const GemmKernels<uint32_t> kGemmPortable32, kGemmAvx232, kGemmAvx51232;

} // namespace mpc::kernels

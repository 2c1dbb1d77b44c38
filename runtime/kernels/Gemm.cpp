//===- runtime/kernels/Gemm.cpp - blocking and threads --------------------===//
// K is cut into blocks of kBlockK, A into tiles of mr rows, B into panels of
// nr columns. A work item is a few panels by up to kBlockM rows; a panel is
// packed (or found packed) once an item and block, then meets every tile.
// A panel of a block stays in the second-level cache, so does a tile.
#include "runtime/kernels/Gemm.h"

#include "runtime/kernels/GemmKernels.h"
#include "runtime/kernels/Pack.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace mpc::kernels {
namespace {

constexpr int64_t kBlockK = 1024;
constexpr int64_t kBlockM = 256;
/// Below this many multiply-adds a product runs on one thread: waking another
/// costs more.
constexpr int64_t kSerialMacs = 100000;
/// Elements kept at this many bits or fewer save enough memory to be unpacked
/// a panel at a time, which costs about 3 % of a product with 128 rows.
constexpr unsigned kWidestNarrow = 56;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t even(int64_t k) { return k + (k & 1); }

template <class T> const GemmKernels<T> *kernelsFor(SimdLevel level) {
  if constexpr (sizeof(T) == 8)
    return level == SimdLevel::Avx512 ? &kGemmAvx51264
           : level == SimdLevel::Avx2 ? &kGemmAvx264
                                      : &kGemmPortable64;
  else
    return level == SimdLevel::Avx512 ? &kGemmAvx51232
           : level == SimdLevel::Avx2 ? &kGemmAvx232
                                      : &kGemmPortable32;
}

/// Elements before block kb when `width` rows (of A) or columns (of B), all
/// tiles together, are packed block after block, corrections included.
int64_t blockOffset(int64_t kb, int64_t width) {
  return kb * (kBlockK + 1) * width;
}
int64_t blockRows(int64_t k, int64_t kb) {
  return std::min(kBlockK, k - kb * kBlockK);
}
int64_t packedSize(int64_t k, int64_t width) {
  if (k == 0)
    return 0;
  int64_t last = ceilDiv(k, kBlockK) - 1;
  return blockOffset(last, width) + (even(blockRows(k, last)) + 1) * width;
}

/// Elements of a panel of block kb.
int64_t panelSize(int64_t k, int64_t kb, int nr) {
  return (even(blockRows(k, kb)) + 1) * nr;
}
/// Where a panel kept at `bits` bits an element starts, in bytes; a panel is
/// packed by itself. panels: of a block.
size_t narrowOffset(int64_t k, int64_t kb, int64_t p, int64_t panels, int nr,
                    unsigned bits) {
  const auto bytes = [&](int64_t block) {
    const size_t n =
        packedBytes(static_cast<size_t>(panelSize(k, block, nr)), bits);
    return (n + 63) / 64 * 64;
  };
  // All blocks before kb are whole ones.
  return static_cast<size_t>(kb * panels) * bytes(0) +
         static_cast<size_t>(p) * bytes(kb);
}

/// Rows of the tile that starts with `rows` rows left: mr, or the least power
/// of two that holds them.
int tileRows(int64_t rows, int mr) {
  if (rows >= mr)
    return mr;
  return static_cast<int>(std::bit_ceil(static_cast<uint64_t>(rows)));
}
int64_t paddedRows(int64_t m, int mr) {
  return m / mr * mr + (m % mr ? tileRows(m % mr, mr) : 0);
}

/// A, packed. The tile of rows [i, i + mr) of block kb starts at
/// blockOffset(kb, padded) + i * (kp + 1).
template <class T> struct PackedA {
  PackedA(const BasicMatrixView<T> &a, const GemmKernels<T> &kernels,
          ThreadPool &pool)
      : padded(paddedRows(a.rows, kernels.mr)),
        data(static_cast<size_t>(packedSize(a.cols, padded))) {
    int mr = kernels.mr;
    auto tiles = static_cast<size_t>(ceilDiv(a.rows, mr));
    size_t grain = static_cast<size_t>(1 + 32768 / (mr * (a.cols + 1)));
    pool.parallelFor(tiles, grain, [&](size_t begin, size_t end) {
      for (int64_t i = static_cast<int64_t>(begin) * mr;
           i < std::min(static_cast<int64_t>(end) * mr, a.rows); i += mr)
        for (int64_t kb = 0; kb * kBlockK < a.cols; ++kb) {
          int64_t kc = blockRows(a.cols, kb);
          kernels.packA(a.data + i * a.rowStride + kb * kBlockK * a.colStride,
                        a.rowStride, a.colStride,
                        static_cast<int>(std::min<int64_t>(mr, a.rows - i)), kc,
                        tileRows(a.rows - i, mr),
                        data.data() + blockOffset(kb, padded) +
                            i * (even(kc) + 1));
        }
    });
  }
  int64_t padded;
  core::SecretVector<T> data;
};

template <class T>
void clear(T *c, int64_t rows, int64_t cols, int64_t cStride) {
  for (int64_t i = 0; i < rows; ++i)
    std::fill_n(c + i * cStride, cols, T{0});
}

/// The product; exactly one of packed and raw is given.
template <class T>
void multiply(const BasicMatrixView<T> &a, const PackedB<T> *packed,
              const BasicMatrixView<T> *raw, int64_t n, T *c, int64_t cStride,
              Acc acc, ThreadPool &pool) {
  int64_t m = a.rows, k = a.cols;
  if (m == 0 || n == 0)
    return;
  if (k == 0) {
    if (acc == Acc::Set)
      clear(c, m, n, cStride);
    return;
  }
  const GemmKernels<T> &kernels =
      packed ? *packed->kernels() : *kernelsFor<T>(pool.simd());
  PackedA<T> packedA(a, kernels, pool);

  int mr = kernels.mr, nr = kernels.nr;
  int64_t panels = ceilDiv(n, nr), rowBlocks = ceilDiv(m, kBlockM);
  // Few panels an item when few in all, so that every thread gets some.
  int64_t group =
      std::clamp<int64_t>(panels * rowBlocks / (4 * pool.size()), 1, 8);
  int64_t groups = ceilDiv(panels, group);
  auto items = static_cast<size_t>(groups * rowBlocks);
  bool serial = m * n * k < kSerialMacs;

  auto body = [&](size_t begin, size_t end) {
    core::SecretVector<T> scratch;
    if (raw || packed->isNarrow())
      scratch.allocate(static_cast<size_t>(panelSize(k, 0, nr)));
    for (size_t item = begin; item < end; ++item) {
      int64_t g = static_cast<int64_t>(item) % groups;
      int64_t rowBegin = static_cast<int64_t>(item) / groups * kBlockM;
      int64_t rowEnd = std::min(m, rowBegin + kBlockM);
      for (int64_t kb = 0; kb * kBlockK < k; ++kb) {
        int64_t kc = blockRows(k, kb), kp = even(kc);
        Acc how = kb > 0 && acc == Acc::Set ? Acc::Add : acc;
        for (int64_t p = g * group; p < std::min(panels, (g + 1) * group);
             ++p) {
          int cols = static_cast<int>(std::min<int64_t>(nr, n - p * nr));
          const T *panel;
          if (raw) {
            kernels.packB(raw->data + kb * kBlockK * raw->rowStride +
                              p * nr * raw->colStride,
                          raw->rowStride, raw->colStride, kc, cols,
                          scratch.data());
            panel = scratch.data();
          } else {
            panel = packed->panel(kb, p, scratch.data(), pool.simd());
          }
          const T *tiles =
              packedA.data.data() + blockOffset(kb, packedA.padded);
          for (int64_t i = rowBegin; i < rowEnd; i += mr)
            kernels.tile(tileRows(m - i, mr), kp, tiles + i * (kp + 1), panel,
                         c + i * cStride + p * nr, cStride,
                         static_cast<int>(std::min<int64_t>(mr, m - i)), cols,
                         static_cast<int>(how));
        }
      }
    }
  };
  pool.parallelFor(items, serial ? items : 1, body);
}

} // namespace

template <class T>
PackedB<T>::PackedB(BasicMatrixView<T> b, ThreadPool &pool, unsigned bits)
    : kernels_(kernelsFor<T>(pool.simd())), rows_(b.rows), cols_(b.cols),
      bits_(sizeof(T) == 8 && bits <= kWidestNarrow ? bits : 0) {
  const int nr = kernels_->nr;
  const int64_t panels = ceilDiv(cols_, nr), blocks = ceilDiv(rows_, kBlockK);
  if (isNarrow())
    narrow_.allocate(
        blocks ? narrowOffset(rows_, blocks - 1, panels, panels, nr, bits_)
               : 0);
  else
    data_.allocate(static_cast<size_t>(packedSize(rows_, panels * nr)));
  const auto items = static_cast<size_t>(panels * blocks);
  pool.parallelFor(items, 1, [&](size_t begin, size_t end) {
    core::SecretVector<T> scratch;
    if (isNarrow())
      scratch.allocate(static_cast<size_t>(panelSize(rows_, 0, nr)));
    for (size_t i = begin; i < end; ++i) {
      const int64_t kb = static_cast<int64_t>(i) / panels;
      const int64_t p = static_cast<int64_t>(i) % panels;
      T *to = isNarrow() ? scratch.data()
                         : const_cast<T *>(panel(kb, p, nullptr, pool.simd()));
      kernels_->packB(
          b.data + kb * kBlockK * b.rowStride + p * nr * b.colStride,
          b.rowStride, b.colStride, blockRows(rows_, kb),
          static_cast<int>(std::min<int64_t>(nr, cols_ - p * nr)), to);
      if constexpr (sizeof(T) == 8)
        if (isNarrow())
          packBits(to, static_cast<size_t>(panelSize(rows_, kb, nr)), bits_,
                   narrow_.data() +
                       narrowOffset(rows_, kb, p, panels, nr, bits_),
                   pool.simd());
    }
  });
}

template <class T>
const T *PackedB<T>::panel(int64_t kb, int64_t p, T *scratch,
                           SimdLevel simd) const {
  const int nr = kernels_->nr;
  const int64_t panels = ceilDiv(cols_, nr);
  if constexpr (sizeof(T) == 8)
    if (isNarrow()) {
      unpackBits(narrow_.data() + narrowOffset(rows_, kb, p, panels, nr, bits_),
                 static_cast<size_t>(panelSize(rows_, kb, nr)), bits_, scratch,
                 simd);
      return scratch;
    }
  return data_.data() + blockOffset(kb, panels * nr) +
         p * panelSize(rows_, kb, nr);
}

template <class T>
void gemm(BasicMatrixView<T> a, const PackedB<T> &b, T *c, int64_t cStride,
          Acc acc, ThreadPool &pool) {
  assert(b.kernels() && "a PackedB that was never packed");
  assert(a.cols == b.rows());
  multiply<T>(a, &b, nullptr, b.cols(), c, cStride, acc, pool);
}

template <class T>
void gemm(BasicMatrixView<T> a, BasicMatrixView<T> b, T *c, int64_t cStride,
          Acc acc, ThreadPool &pool) {
  assert(a.cols == b.rows);
  multiply<T>(a, nullptr, &b, b.cols, c, cStride, acc, pool);
}

template <class T>
void gemmBatch(int64_t batch, BasicMatrixView<T> a, int64_t strideA,
               BasicMatrixView<T> b, int64_t strideB, T *c, int64_t cStride,
               int64_t strideC, Acc acc, ThreadPool &pool) {
  assert(a.cols == b.rows && batch >= 0);
  auto products = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      auto s = static_cast<int64_t>(i);
      BasicMatrixView<T> ai = a, bi = b;
      ai.data += s * strideA;
      bi.data += s * strideB;
      multiply<T>(ai, nullptr, &bi, bi.cols, c + s * strideC, cStride, acc,
                  pool);
    }
  };
  auto n = static_cast<size_t>(batch);
  // Few products: each is shared by all threads. Many: each has one thread.
  if (n < 2 * pool.size()) {
    products(0, n);
    return;
  }
  int64_t macs = std::max<int64_t>(1, a.rows * a.cols * b.cols);
  auto grain = static_cast<size_t>(1 + kSerialMacs / macs);
  pool.parallelFor(n, grain, products);
}

#define MPC_INSTANTIATE(T)                                                     \
  template class PackedB<T>;                                                   \
  template void gemm<T>(BasicMatrixView<T>, const PackedB<T> &, T *, int64_t,  \
                        Acc, ThreadPool &);                                    \
  template void gemm<T>(BasicMatrixView<T>, BasicMatrixView<T>, T *, int64_t,  \
                        Acc, ThreadPool &);                                    \
  template void gemmBatch<T>(int64_t, BasicMatrixView<T>, int64_t,             \
                             BasicMatrixView<T>, int64_t, T *, int64_t,        \
                             int64_t, Acc, ThreadPool &);
MPC_INSTANTIATE(uint64_t)
MPC_INSTANTIATE(uint32_t)
#undef MPC_INSTANTIATE

} // namespace mpc::kernels

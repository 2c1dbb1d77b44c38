//===- runtime/kernels/Gemm.cpp - blocking and threads --------------------===//
// K is cut into blocks of kBlockK, A into tiles of mr rows, B into panels of
// nr columns. A work item is a few panels by up to kBlockM rows; a panel is
// packed (or found packed) once an item and block, then meets every tile.
// A panel of a block stays in the second-level cache, so does a tile.
#include "runtime/kernels/Gemm.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/GemmKernels.h"
#include "runtime/kernels/Pack.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace mpc::kernels {
namespace {

constexpr int64_t kBlockK = 1024;
constexpr int64_t kBlockM = 256;
/// Below this many multiply-adds a product runs on one thread: waking another
/// costs more.
constexpr int64_t kSerialMacs = 100000;
/// Elements of 33 to so many bits save enough memory to be unpacked a panel at
/// a time, which costs about 3 % of a product with 128 rows.
constexpr unsigned kWidestNarrow = 56;

/// How far before its use memory is asked for, in bytes.
constexpr int64_t kAhead = 16384;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t even(int64_t k) { return k + (k & 1); }

template <class T> const GemmKernels<T> &kernelsFor(SimdLevel level) {
  if constexpr (sizeof(T) == 8)
    return atLevel(level, kGemmPortable64, kGemmAvx264, kGemmAvx51264);
  else
    return atLevel(level, kGemmPortable32, kGemmAvx232, kGemmAvx51232);
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
size_t panelOffset(int64_t k, int64_t kb, int64_t p, int64_t panels, int nr,
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

/// Bits an element is kept at for products modulo 2^bits.
unsigned keptBits(unsigned bits) {
  return bits <= 32 ? 32 : bits <= kWidestNarrow ? bits : 64;
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

/// Where products pack into. Large enough for the heap of secrets, which keeps
/// it for the next product: no clearing, no wiping.
template <class T> struct Scratch {
  core::SecretVector<T> words;
  T *atLeast(int64_t n) {
    const auto size =
        std::max(static_cast<size_t>(n), core::kSecretHeapFrom / sizeof(T));
    if (words.size() < size) {
      words.reset();
      words.allocate(size);
    }
    return words.data();
  }
};

/// The tile of rows [i, i + mr) of block kb of A starts at
/// blockOffset(kb, paddedRows) + i * (kp + 1) of `to`.
template <class T>
void packTiles(const MatrixView &a, const GemmKernels<T> &kernels, int64_t from,
               int64_t until, T *to) {
  const int mr = kernels.mr;
  const int64_t padded = paddedRows(a.rows, mr);
  for (int64_t i = from; i < until; i += mr)
    for (int64_t kb = 0; kb * kBlockK < a.cols; ++kb) {
      int64_t kc = blockRows(a.cols, kb);
      kernels.packA(a.data + i * a.rowStride + kb * kBlockK * a.colStride,
                    a.rowStride, a.colStride,
                    static_cast<int>(std::min<int64_t>(mr, a.rows - i)), kc,
                    tileRows(a.rows - i, mr),
                    to + blockOffset(kb, padded) + i * (even(kc) + 1));
    }
}

/// One product, cut into items that threads may take.
template <class T> struct Product {
  const MatrixView &a;
  const PackedB *packed; ///< exactly one of packed and raw is given
  const MatrixView *raw;
  int64_t n;
  uint64_t mask;
  uint64_t *c;
  int64_t cStride;
  Acc acc;
  SimdLevel simd; ///< of the caller's threads
  const GemmKernels<T> &kernels;

  int64_t rowBlocks() const { return ceilDiv(a.rows, kBlockM); }
  int64_t panels() const { return ceilDiv(n, kernels.nr); }

  /// Panels [from, until) by a block of rows; tiles: A, packed.
  void item(int64_t rowBlock, int64_t from, int64_t until, const T *tiles,
            Scratch<T> &scratch) const {
    const int64_t m = a.rows, k = a.cols;
    const int mr = kernels.mr, nr = kernels.nr;
    const int64_t rowBegin = rowBlock * kBlockM;
    const int64_t rowEnd = std::min(m, rowBegin + kBlockM);
    const int64_t padded = paddedRows(m, mr);
    T *const space = raw || packed->isNarrow()
                         ? scratch.atLeast(panelSize(k, 0, nr))
                         : nullptr;
    for (int64_t kb = 0; kb * kBlockK < k; ++kb) {
      const int64_t kc = blockRows(k, kb), kp = even(kc);
      const Acc how = kb > 0 && acc == Acc::Set ? Acc::Add : acc;
      const T *const block = tiles + blockOffset(kb, padded);
      for (int64_t p = from; p < until; ++p) {
        const int cols = static_cast<int>(std::min<int64_t>(nr, n - p * nr));
        const T *panel = space;
        const void *ahead = space;
        if (raw) {
          kernels.packB(raw->data + kb * kBlockK * raw->rowStride +
                            p * nr * raw->colStride,
                        raw->rowStride, raw->colStride, kc, cols, space);
        } else {
          panel = packed->panel<T>(kb, p, space, simd);
          ahead = packed->isNarrow()
                      ? packed->stored(kb, p + 1)
                      : reinterpret_cast<const uint8_t *>(panel) + kAhead;
        }
        // Once is enough: the other tiles find it in the second-level cache.
        for (int64_t i = rowBegin; i < rowEnd; i += mr)
          kernels.tile({tileRows(m - i, mr), kp, block + i * (kp + 1), panel,
                        i == rowBegin ? ahead : panel, c + i * cStride + p * nr,
                        cStride, static_cast<int>(std::min<int64_t>(mr, m - i)),
                        cols, static_cast<int>(how), mask});
      }
    }
  }

  /// All of it, on this thread.
  void alone(Scratch<T> &forA, Scratch<T> &forB) const {
    T *tiles = forA.atLeast(packedSize(a.cols, paddedRows(a.rows, kernels.mr)));
    packTiles(a, kernels, 0, a.rows, tiles);
    for (int64_t r = 0; r < rowBlocks(); ++r)
      item(r, 0, panels(), tiles, forB);
  }

  void together(ThreadPool &pool) const {
    Scratch<T> forA;
    T *tiles = forA.atLeast(packedSize(a.cols, paddedRows(a.rows, kernels.mr)));
    const int mr = kernels.mr;
    pool.parallelFor(
        static_cast<size_t>(ceilDiv(a.rows, mr)),
        static_cast<size_t>(1 + 32768 / (mr * (a.cols + 1))),
        [&](size_t begin, size_t end) {
          packTiles(a, kernels, static_cast<int64_t>(begin) * mr,
                    std::min(static_cast<int64_t>(end) * mr, a.rows), tiles);
        });
    // Few panels an item when few in all, so that every thread gets some.
    const int64_t group =
        std::clamp<int64_t>(panels() * rowBlocks() / (4 * pool.size()), 1, 8);
    const int64_t groups = ceilDiv(panels(), group);
    pool.parallelFor(static_cast<size_t>(groups * rowBlocks()), 1,
                     [&](size_t begin, size_t end) {
                       Scratch<T> scratch;
                       for (size_t i = begin; i < end; ++i) {
                         const int64_t g = static_cast<int64_t>(i) % groups;
                         item(static_cast<int64_t>(i) / groups, g * group,
                              std::min(panels(), (g + 1) * group), tiles,
                              scratch);
                       }
                     });
  }
};

void clear(uint64_t *c, int64_t rows, int64_t cols, int64_t cStride) {
  for (int64_t i = 0; i < rows; ++i)
    std::fill_n(c + i * cStride, cols, uint64_t{0});
}

/// A product without terms: C stays, or is zero.
bool isTrivial(const MatrixView &a, int64_t n, uint64_t *c, int64_t cStride,
               Acc acc, uint64_t mask) {
  if (a.rows == 0 || n == 0)
    return true;
  if (a.cols != 0)
    return false;
  if (acc == Acc::Set)
    clear(c, a.rows, n, cStride);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < n; ++j)
      c[i * cStride + j] &= mask;
  return true;
}

template <class T>
void multiply(const MatrixView &a, const PackedB *packed, const MatrixView *raw,
              int64_t n, uint64_t mask, uint64_t *c, int64_t cStride, Acc acc,
              ThreadPool &pool) {
  const Product<T> product{
      a,           packed,
      raw,         n,
      mask,        c,
      cStride,     acc,
      pool.simd(), kernelsFor<T>(packed ? packed->level() : pool.simd())};
  if (a.rows * n * a.cols >= kSerialMacs)
    return product.together(pool);
  Scratch<T> forA, forB;
  product.alone(forA, forB);
}

template <class T>
void multiplyBatch(int64_t batch, const MatrixView &a, int64_t strideA,
                   const MatrixView &b, int64_t strideB, uint64_t mask,
                   uint64_t *c, int64_t cStride, int64_t strideC, Acc acc,
                   ThreadPool &pool) {
  const int64_t macs = a.rows * a.cols * b.cols;
  const auto n = static_cast<size_t>(batch);
  const auto operands = [&](int64_t i, auto run) {
    MatrixView ai = a, bi = b;
    ai.data += i * strideA;
    bi.data += i * strideB;
    run(ai, bi, c + i * strideC);
  };
  // Few products: each is shared by all threads. Many: each has one thread.
  if (n < 2 * pool.size() && macs >= kSerialMacs) {
    for (int64_t i = 0; i < batch; ++i)
      operands(i, [&](const MatrixView &ai, const MatrixView &bi,
                      uint64_t *ci) {
        multiply<T>(ai, nullptr, &bi, bi.cols, mask, ci, cStride, acc, pool);
      });
    return;
  }
  const auto grain = static_cast<size_t>(1 + kSerialMacs / macs);
  pool.parallelFor(n, grain, [&](size_t begin, size_t end) {
    Scratch<T> forA, forB;
    for (size_t i = begin; i < end; ++i)
      operands(static_cast<int64_t>(i),
               [&](const MatrixView &ai, const MatrixView &bi, uint64_t *ci) {
                 Product<T>{
                     ai, nullptr, &bi, bi.cols,     mask,
                     ci, cStride, acc, pool.simd(), kernelsFor<T>(pool.simd())}
                     .alone(forA, forB);
               });
  });
}

} // namespace

PackedB::PackedB(int64_t rows, int64_t cols, unsigned bits, SimdLevel level)
    : level_(level), rows_(rows), cols_(cols), bits_(bits) {
  assert(bits >= 1 && bits <= 64);
  const int nr = bits <= 32 ? kernelsFor<uint32_t>(level).nr
                            : kernelsFor<uint64_t>(level).nr;
  const int64_t panels = ceilDiv(cols, nr), blocks = ceilDiv(rows, kBlockK);
  if (blocks > 0)
    data_.allocate(
        panelOffset(rows, blocks - 1, panels, panels, nr, keptBits(bits)));
}

PackedB::PackedB(MatrixView b, unsigned bits, ThreadPool &pool)
    : PackedB(b.rows, b.cols, bits, pool.simd()) {
  add(b, pool);
}

bool PackedB::isNarrow() const { return keptBits(bits_) % 32 != 0; }

void PackedB::add(const MatrixView &piece, ThreadPool &pool) {
  assert(piece.cols == cols_ && added_ % 8 == 0);
  assert(added_ + piece.rows <= rows_);
  for (int64_t from = 0; from < piece.rows;) {
    MatrixView part = piece;
    part.data += from * piece.rowStride;
    part.rows = std::min(piece.rows - from, kBlockK - added_ % kBlockK);
    if (bits_ <= 32)
      addRows<uint32_t>(part, pool);
    else
      addRows<uint64_t>(part, pool);
    from += part.rows;
    added_ += part.rows;
  }
  if (added_ == rows_)
    sums_.reset();
}

/// Rows of one block.
template <class T>
void PackedB::addRows(const MatrixView &piece, ThreadPool &pool) {
  const GemmKernels<T> &kernels = kernelsFor<T>(level_);
  const int nr = kernels.nr;
  const int64_t kb = added_ / kBlockK, at = added_ % kBlockK, kc = piece.rows;
  const int64_t panels = ceilDiv(cols_, nr);
  const bool first = at == 0, last = at + kc == blockRows(rows_, kb);
  if (first && !last && sums_.empty())
    sums_.allocate(static_cast<size_t>(panels * nr));
  // `n` elements of a panel, from group `group` on; 0 are the corrections.
  // Kept narrow those come last: groups of K in eights then fill whole bytes,
  // however few columns there are.
  const auto put = [&](uint8_t *panel, int64_t group, const T *x, int64_t n) {
    const unsigned kept = keptBits(bits_);
    if constexpr (sizeof(T) == 8)
      if (isNarrow()) {
        const int64_t before =
            group > 0 ? group - 1 : even(blockRows(rows_, kb));
        return packBits(
            x, static_cast<size_t>(n), kept,
            panel + core::packedBytes(static_cast<size_t>(before * nr), kept),
            pool.simd());
      }
    std::memcpy(panel + static_cast<size_t>(group * nr) * sizeof(T), x,
                static_cast<size_t>(n) * sizeof(T));
  };
  pool.parallelFor(
      static_cast<size_t>(panels), 1, [&](size_t begin, size_t end) {
        Scratch<T> scratch;
        T *x = scratch.atLeast(panelSize(kc, 0, nr));
        for (auto p = static_cast<int64_t>(begin);
             p < static_cast<int64_t>(end); ++p) {
          kernels.packB(piece.data + p * nr * piece.colStride, piece.rowStride,
                        piece.colStride, kc,
                        static_cast<int>(std::min<int64_t>(nr, cols_ - p * nr)),
                        x);
          uint8_t *panel = data_.data() + (stored(kb, p) - data_.data());
          put(panel, 1 + at, x + nr, even(kc) * nr);
          if (first && last) {
            put(panel, 0, x, nr);
            continue;
          }
          uint64_t *sums = sums_.data() + p * nr;
          for (int j = 0; j < nr; ++j) {
            sums[j] = (first ? 0 : sums[j]) + x[j];
            x[j] = static_cast<T>(sums[j]);
          }
          if (last)
            put(panel, 0, x, nr);
        }
      });
}

const uint8_t *PackedB::stored(int64_t kb, int64_t p) const {
  const int nr = bits_ <= 32 ? kernelsFor<uint32_t>(level_).nr
                             : kernelsFor<uint64_t>(level_).nr;
  return data_.data() +
         panelOffset(rows_, kb, p, ceilDiv(cols_, nr), nr, keptBits(bits_));
}

template <class T>
const T *PackedB::panel(int64_t kb, int64_t p, T *scratch,
                        SimdLevel simd) const {
  const uint8_t *from = stored(kb, p);
  if constexpr (sizeof(T) == 8)
    if (isNarrow()) {
      const auto nr = static_cast<size_t>(kernelsFor<T>(level_).nr);
      const size_t n = static_cast<size_t>(even(blockRows(rows_, kb))) * nr;
      unpackBits(from, n, bits_, scratch + nr, simd);
      unpackBits(from + core::packedBytes(n, bits_), nr, bits_, scratch, simd);
      return scratch;
    }
  return reinterpret_cast<const T *>(from);
}

void gemm(MatrixView a, const PackedB &b, uint64_t *c, int64_t cStride, Acc acc,
          ThreadPool &pool) {
  assert(!b.empty() && "a PackedB that was never packed");
  assert(a.cols == b.rows());
  const uint64_t mask = core::ringMask(b.bits());
  if (isTrivial(a, b.cols(), c, cStride, acc, mask))
    return;
  if (b.bits() <= 32)
    multiply<uint32_t>(a, &b, nullptr, b.cols(), mask, c, cStride, acc, pool);
  else
    multiply<uint64_t>(a, &b, nullptr, b.cols(), mask, c, cStride, acc, pool);
}

void gemm(MatrixView a, MatrixView b, unsigned bits, uint64_t *c,
          int64_t cStride, Acc acc, ThreadPool &pool) {
  assert(a.cols == b.rows);
  const uint64_t mask = core::ringMask(bits);
  if (isTrivial(a, b.cols, c, cStride, acc, mask))
    return;
  if (bits <= 32)
    multiply<uint32_t>(a, nullptr, &b, b.cols, mask, c, cStride, acc, pool);
  else
    multiply<uint64_t>(a, nullptr, &b, b.cols, mask, c, cStride, acc, pool);
}

void gemmBatch(int64_t batch, MatrixView a, int64_t strideA, MatrixView b,
               int64_t strideB, unsigned bits, uint64_t *c, int64_t cStride,
               int64_t strideC, Acc acc, ThreadPool &pool) {
  assert(a.cols == b.rows && batch >= 0);
  if (a.rows * a.cols * b.cols == 0) {
    for (int64_t i = 0; i < batch; ++i)
      gemm(a, b, bits, c + i * strideC, cStride, acc, pool);
    return;
  }
  const uint64_t mask = core::ringMask(bits);
  if (bits <= 32)
    multiplyBatch<uint32_t>(batch, a, strideA, b, strideB, mask, c, cStride,
                            strideC, acc, pool);
  else
    multiplyBatch<uint64_t>(batch, a, strideA, b, strideB, mask, c, cStride,
                            strideC, acc, pool);
}

} // namespace mpc::kernels

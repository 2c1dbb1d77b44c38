//===- ir/EvalMatMul.cpp - float matrix product, float64 accumulation -----===//
//
// C is cut into panels of kCols columns; a panel of B is packed once as
// doubles and multiplied with blocks of kRows rows of A. Every element of C is
// one chain of k multiplications and additions in ascending order (no
// contraction), so the result depends neither on the instruction set nor on
// the number of threads.
//
//===----------------------------------------------------------------------===//
#include "ir/EvalImpl.h"
#include <algorithm>
#include <array>
#include <thread>

namespace mpc::ir::detail {

static constexpr int64_t kRows = 4, kCols = 16;

/// C[4][16] = A[k][4] (packed) * B[k][16] (packed), with vectors of type V.
template <class V>
[[gnu::always_inline]] static inline void tile(const double *a, const double *b,
                                               int64_t k, double *c) {
  constexpr int kLanes = sizeof(V) / sizeof(double);
  constexpr int kVecs = kCols / kLanes;
  V acc[kRows][kVecs] = {};
  for (int64_t p = 0; p < k; ++p, a += kRows, b += kCols) {
    V col[kVecs];
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j)
      __builtin_memcpy(&col[j], b + j * kLanes, sizeof(V));
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < kVecs; ++j)
        acc[i][j] += a[i] * col[j];
  }
  __builtin_memcpy(c, acc, sizeof(acc));
}

using TileFn = void (*)(const double *, const double *, int64_t, double *);

typedef double Vec2 __attribute__((vector_size(16)));
static void tileBase(const double *a, const double *b, int64_t k, double *c) {
  tile<Vec2>(a, b, k, c);
}
#if defined(__x86_64__)
typedef double Vec4 __attribute__((vector_size(32)));
typedef double Vec8 __attribute__((vector_size(64)));
__attribute__((target("avx2"))) static void
tileAvx2(const double *a, const double *b, int64_t k, double *c) {
  tile<Vec4>(a, b, k, c);
}
__attribute__((target("avx512f"))) static void
tileAvx512(const double *a, const double *b, int64_t k, double *c) {
  tile<Vec8>(a, b, k, c);
}
#endif

static TileFn chooseTile() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return tileAvx512;
  if (__builtin_cpu_supports("avx2"))
    return tileAvx2;
#endif
  return tileBase;
}

namespace {
/// One product of the batch: C[m][n] = A[m][k] * B[k][n], row major.
struct Product {
  const float *a, *b;
  float *c;
};

/// The packed operands of one thread.
class Worker {
public:
  Worker(int64_t m, int64_t k, int64_t n) : m_(m), k_(k), n_(n) {
    int64_t blocks = (m + kRows - 1) / kRows;
    rows_.resize(blocks * kRows * k);
    panel_.resize(k * kCols);
  }

  void run(const Product &p, int64_t panel) {
    if (p.a != packed_) {
      packRows(p.a);
      packed_ = p.a;
    }
    int64_t from = panel * kCols, cols = std::min(kCols, n_ - from);
    for (int64_t q = 0; q < k_; ++q)
      for (int64_t j = 0; j < cols; ++j)
        panel_[q * kCols + j] = p.b[q * n_ + from + j];
    double c[kRows * kCols];
    for (int64_t i = 0; i < m_; i += kRows) {
      fn_(rows_.data() + i * k_, panel_.data(), k_, c);
      for (int64_t r = 0, rows = std::min(kRows, m_ - i); r < rows; ++r)
        for (int64_t j = 0; j < cols; ++j)
          p.c[(i + r) * n_ + from + j] = static_cast<float>(c[r * kCols + j]);
    }
  }

private:
  void packRows(const float *a) {
    for (int64_t i = 0; i < m_; ++i)
      for (int64_t q = 0; q < k_; ++q)
        rows_[(i / kRows) * kRows * k_ + q * kRows + i % kRows] = a[i * k_ + q];
  }

  int64_t m_, k_, n_;
  TileFn fn_ = chooseTile();
  const float *packed_ = nullptr;
  std::vector<double> rows_, panel_;
};
} // namespace

static void multiplyFloats(llvm::ArrayRef<Product> batch, int64_t m, int64_t k,
                           int64_t n) {
  int64_t panels = (n + kCols - 1) / kCols;
  int64_t items = static_cast<int64_t>(batch.size()) * panels;
  auto work = [&](int64_t from, int64_t to) {
    Worker worker(m, k, n);
    for (int64_t item = from; item < to; ++item)
      worker.run(batch[item / panels], item % panels);
  };
  constexpr int64_t kWorthAThread = 1 << 20; // multiplications
  if (items < 2 ||
      static_cast<int64_t>(batch.size()) * m * k * n < 2 * kWorthAThread)
    return work(0, items);
  std::jthread other(work, items / 2, items);
  work(0, items / 2);
}

static void multiplyInts(const int64_t *a, const int64_t *b, int64_t *c,
                         int64_t m, int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j)
        c[i * n + j] =
            static_cast<int64_t>(static_cast<uint64_t>(c[i * n + j]) +
                                 static_cast<uint64_t>(a[i * k + p]) *
                                     static_cast<uint64_t>(b[p * n + j]));
}

void evalMatMul(const ConstData &a, const ConstData &b, ConstData &out) {
  int64_t m = a.shape[a.shape.size() - 2], k = a.shape.back();
  int64_t n = b.shape.back();
  if (out.numel() == 0 || k == 0)
    return;
  Dims lead = Dims(out.shape).drop_back(2);
  std::vector<Product> batch;
  forEachRow<2>(lead,
                {broadcastStrides(Dims(a.shape).drop_back(2), lead),
                 broadcastStrides(Dims(b.shape).drop_back(2), lead)},
                {0, 0},
                [&](int64_t row, int64_t len, std::array<int64_t, 2> at,
                    std::array<int64_t, 2> step) {
                  for (int64_t i = 0; i < len; ++i) {
                    int64_t x = (at[0] + i * step[0]) * m * k;
                    int64_t y = (at[1] + i * step[1]) * k * n;
                    int64_t z = (row + i) * m * n;
                    if (out.elem == Elem::F32)
                      batch.push_back({a.floats.data() + x, b.floats.data() + y,
                                       out.floats.data() + z});
                    else
                      multiplyInts(a.ints.data() + x, b.ints.data() + y,
                                   out.ints.data() + z, m, k, n);
                  }
                });
  if (!batch.empty())
    multiplyFloats(batch, m, k, n);
}

} // namespace mpc::ir::detail

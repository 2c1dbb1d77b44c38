#include "runtime/kernels/Gemm.h"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

using namespace mpc::kernels;

namespace {

template <class T> std::vector<T> randomWords(int64_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<T> v(static_cast<size_t>(n));
  for (T &x : v)
    x = static_cast<T>(rng());
  return v;
}

template <class T>
void naive(const BasicMatrixView<T> &a, const BasicMatrixView<T> &b, T *c,
           int64_t cStride, Acc acc) {
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < b.cols; ++j) {
      T sum = 0;
      for (int64_t k = 0; k < a.cols; ++k)
        sum += a.data[i * a.rowStride + k * a.colStride] *
               b.data[k * b.rowStride + j * b.colStride];
      T &x = c[i * cStride + j];
      x = acc == Acc::Set ? sum : acc == Acc::Add ? x + sum : x - sum;
    }
}

/// A matrix inside a larger one, rows or columns contiguous.
template <class T> struct Matrix {
  Matrix(int64_t rows, int64_t cols, bool transposed, uint64_t seed)
      : words(randomWords<T>((rows + 3) * (cols + 3), seed)) {
    view = transposed
               ? BasicMatrixView<T>{words.data() + 1, cols, rows, rows + 3, 1}
                     .transposed()
               : BasicMatrixView<T>{words.data() + 1, rows, cols, cols + 3, 1};
  }
  std::vector<T> words;
  BasicMatrixView<T> view;
};

template <class T>
void check(int64_t m, int64_t k, int64_t n, ThreadPool &pool) {
  CAPTURE(m, k, n, toString(pool.simd()), pool.size());
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      Matrix<T> a(m, k, ta, 1), b(k, n, tb, 2);
      PackedB<T> packed(b.view, pool);
      REQUIRE(packed.rows() == k);
      REQUIRE(packed.cols() == n);
      for (Acc acc : {Acc::Set, Acc::Add, Acc::Sub}) {
        int64_t stride = n + 2;
        auto want = randomWords<T>(m * stride, 3);
        auto raw = want, pre = want;
        naive(a.view, b.view, want.data(), stride, acc);
        gemm(a.view, b.view, raw.data(), stride, acc, pool);
        gemm(a.view, packed, pre.data(), stride, acc, pool);
        // Equal everywhere: also in the columns that must stay untouched.
        REQUIRE(raw == want);
        REQUIRE(pre == want);
      }
      // Kept narrow, results are right modulo 2^bits.
      for (unsigned bits : {33u, 40u, 56u}) {
        if (sizeof(T) == 4)
          break;
        const PackedB<T> narrow(b.view, pool, bits);
        REQUIRE(narrow.isNarrow());
        auto want = randomWords<T>(m * n, 3);
        auto got = want;
        naive(a.view, b.view, want.data(), n, Acc::Sub);
        gemm(a.view, narrow, got.data(), n, Acc::Sub, pool);
        for (size_t i = 0; i < want.size(); ++i)
          REQUIRE(((want[i] ^ got[i]) & (~T{0} >> (8 * sizeof(T) - bits))) ==
                  0);
      }
    }
}

std::vector<std::unique_ptr<ThreadPool>> pools() {
  std::vector<std::unique_ptr<ThreadPool>> out;
  for (SimdLevel l : supportedSimdLevels())
    for (unsigned threads : {1u, 3u})
      out.push_back(std::make_unique<ThreadPool>(threads, l));
  return out;
}

} // namespace

TEMPLATE_TEST_CASE("products of every small shape", "", uint32_t, uint64_t) {
  for (auto &pool : pools()) {
    for (int64_t m : {0, 1, 2, 3, 5, 8, 9, 19})
      for (int64_t k : {0, 1, 2, 7, 64})
        for (int64_t n : {0, 1, 3, 8, 16, 33, 70})
          check<TestType>(m, k, n, *pool);
  }
}

TEMPLATE_TEST_CASE("products across block edges and threads", "", uint32_t,
                   uint64_t) {
  for (auto &pool : pools()) {
    check<TestType>(3, 1023, 17, *pool);
    check<TestType>(9, 1024, 5, *pool);
    check<TestType>(5, 2049, 35, *pool);
    check<TestType>(300, 31, 95, *pool);
    check<TestType>(257, 64, 64, *pool);
  }
}

TEMPLATE_TEST_CASE("the largest words", "", uint32_t, uint64_t) {
  for (auto &pool : pools()) {
    std::vector<TestType> ones(64 * 64, static_cast<TestType>(-1)), c(64 * 64);
    auto v = viewOf<TestType>(ones.data(), 64, 64);
    gemm(v, v, c.data(), 64, Acc::Set, *pool);
    REQUIRE(c == std::vector<TestType>(64 * 64, 64)); // (-1)(-1) 64 times
  }
}

TEMPLATE_TEST_CASE("batches", "", uint32_t, uint64_t) {
  using T = TestType;
  constexpr int64_t kM = 16, kK = 64, kN = 13;
  for (auto &pool : pools())
    for (int64_t batch : {0, 1, 2, 7, 40})
      for (bool shareB : {false, true}) {
        auto a = randomWords<T>(batch * kM * kK, 4);
        auto b = randomWords<T>((batch + 1) * kK * kN, 5);
        auto want = randomWords<T>(batch * kM * kN, 6);
        auto got = want;
        // As in QK^T: B is stored N x K.
        auto bView = viewOf<T>(b.data(), kN, kK).transposed();
        int64_t strideB = shareB ? 0 : kK * kN;
        for (int64_t i = 0; i < batch; ++i) {
          auto bi = bView;
          bi.data += i * strideB;
          naive(viewOf<T>(a.data() + i * kM * kK, kM, kK), bi,
                want.data() + i * kM * kN, kN, Acc::Sub);
        }
        gemmBatch(batch, viewOf<T>(a.data(), kM, kK), kM * kK, bView, strideB,
                  got.data(), kN, kM * kN, Acc::Sub, *pool);
        REQUIRE(got == want);
      }
}

TEST_CASE("a matrix kept narrow takes less memory") {
  ThreadPool pool(1);
  const auto b = randomWords<uint64_t>(1100 * 64, 8);
  const PackedB<uint64_t> wide(viewOf(b.data(), 1100, 64), pool, 57);
  const PackedB<uint64_t> narrow(viewOf(b.data(), 1100, 64), pool, 40);
  CHECK_FALSE(wide.isNarrow());
  CHECK(wide.bytes() >= b.size() * 8);
  CHECK(narrow.bytes() >= b.size() * 5);
  CHECK(narrow.bytes() < b.size() * 5 * 102 / 100);
}

TEST_CASE("a packed matrix keeps its level and may be moved") {
  ThreadPool portable(1, SimdLevel::Portable), best(2);
  auto a = randomWords<uint64_t>(5 * 70, 7),
       b = randomWords<uint64_t>(70 * 9, 8);
  PackedB<uint64_t> first(viewOf(b.data(), 70, 9), portable);
  PackedB<uint64_t> moved = std::move(first);
  CHECK(moved.bytes() >= b.size() * 8);
  std::vector<uint64_t> want(45), got(45);
  naive(viewOf(a.data(), 5, 70), viewOf(b.data(), 70, 9), want.data(), 9,
        Acc::Set);
  gemm(viewOf(a.data(), 5, 70), moved, got.data(), 9, Acc::Set, best);
  CHECK(got == want);
}

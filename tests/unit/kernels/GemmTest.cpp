#include "runtime/kernels/Gemm.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

using namespace mpc::kernels;

namespace {

std::vector<uint64_t> randomWords(int64_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint64_t> v(static_cast<size_t>(n));
  for (uint64_t &x : v)
    x = rng();
  return v;
}

/// Columns of C beyond b.cols stay.
void naive(const MatrixView &a, const MatrixView &b, unsigned bits, uint64_t *c,
           int64_t cStride, Acc acc) {
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < b.cols; ++j) {
      uint64_t sum = 0;
      for (int64_t k = 0; k < a.cols; ++k)
        sum += a.data[i * a.rowStride + k * a.colStride] *
               b.data[k * b.rowStride + j * b.colStride];
      uint64_t &x = c[i * cStride + j];
      x = (acc == Acc::Set   ? sum
           : acc == Acc::Add ? x + sum
                             : x - sum) &
          (~uint64_t{0} >> (64 - bits));
    }
}

/// A matrix inside a larger one, rows or columns contiguous.
struct Matrix {
  Matrix(int64_t rows, int64_t cols, bool transposed, uint64_t seed)
      : words(randomWords((rows + 3) * (cols + 3), seed)) {
    view =
        transposed
            ? MatrixView{words.data() + 1, cols, rows, rows + 3, 1}.transposed()
            : MatrixView{words.data() + 1, rows, cols, cols + 3, 1};
  }
  std::vector<uint64_t> words;
  MatrixView view;
};

/// Rings in words of 32 and 64 bits, the latter kept narrow and not.
constexpr unsigned kRings[] = {17, 32, 33, 56, 57, 64};

void check(int64_t m, int64_t k, int64_t n, unsigned bits, ThreadPool &pool) {
  CAPTURE(m, k, n, bits, toString(pool.simd()), pool.size());
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      Matrix a(m, k, ta, 1), b(k, n, tb, 2);
      PackedB packed(b.view, bits, pool);
      REQUIRE(packed.rows() == k);
      REQUIRE(packed.cols() == n);
      REQUIRE(packed.isNarrow() == (bits > 32 && bits <= 56));
      for (Acc acc : {Acc::Set, Acc::Add, Acc::Sub}) {
        int64_t stride = n + 2;
        auto want = randomWords(m * stride, 3);
        auto raw = want, pre = want;
        naive(a.view, b.view, bits, want.data(), stride, acc);
        gemm(a.view, b.view, bits, raw.data(), stride, acc, pool);
        gemm(a.view, packed, pre.data(), stride, acc, pool);
        // Equal everywhere: also in the columns that must stay untouched.
        REQUIRE(raw == want);
        REQUIRE(pre == want);
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

TEST_CASE("products of every small shape") {
  for (auto &pool : pools()) {
    for (int64_t m : {0, 1, 2, 3, 5, 8, 9, 19})
      for (int64_t k : {0, 1, 2, 7, 12, 64})
        for (int64_t n : {0, 1, 3, 8, 16, 33, 70})
          for (unsigned bits : {17u, 64u})
            check(m, k, n, bits, *pool);
  }
}

TEST_CASE("products in every ring") {
  for (auto &pool : pools())
    for (unsigned bits : kRings)
      check(11, 45, 35, bits, *pool);
}

TEST_CASE("products across block edges and threads") {
  for (auto &pool : pools())
    for (unsigned bits : {32u, 40u, 64u}) {
      check(3, 1023, 17, bits, *pool);
      check(9, 1024, 5, bits, *pool);
      check(5, 2049, 35, bits, *pool);
      check(300, 31, 95, bits, *pool);
      check(257, 64, 64, bits, *pool);
    }
}

TEST_CASE("the largest words") {
  for (auto &pool : pools())
    for (unsigned bits : kRings) {
      std::vector<uint64_t> ones(64 * 64, ~uint64_t{0}), c(64 * 64);
      auto v = viewOf(ones.data(), 64, 64);
      gemm(v, v, bits, c.data(), 64, Acc::Set, *pool);
      REQUIRE(c == std::vector<uint64_t>(64 * 64, 64)); // (-1)(-1) 64 times
    }
}

TEST_CASE("batches") {
  struct Dims {
    int64_t m, k, n;
  };
  for (auto &pool : pools())
    for (auto [m, k, n] : {Dims{16, 64, 13}, Dims{64, 40, 48}, Dims{3, 0, 2}})
      for (int64_t batch : {0, 1, 2, 7, 40})
        for (bool shareB : {false, true})
          for (unsigned bits : {20u, 40u, 64u}) {
            CAPTURE(m, k, n, batch, shareB, bits);
            auto a = randomWords(batch * m * k, 4);
            auto b = randomWords((batch + 1) * k * n, 5);
            auto want = randomWords(batch * m * n, 6);
            auto got = want;
            // As in QK^T: B is stored N x K.
            auto bView = viewOf(b.data(), n, k).transposed();
            int64_t strideB = shareB ? 0 : k * n;
            for (int64_t i = 0; i < batch; ++i) {
              auto bi = bView;
              bi.data += i * strideB;
              naive(viewOf(a.data() + i * m * k, m, k), bi, bits,
                    want.data() + i * m * n, n, Acc::Sub);
            }
            gemmBatch(batch, viewOf(a.data(), m, k), m * k, bView, strideB,
                      bits, got.data(), n, m * n, Acc::Sub, *pool);
            REQUIRE(got == want);
          }
}

TEST_CASE("a packed matrix takes as much memory as its ring") {
  ThreadPool pool(1);
  const auto b = randomWords(1100 * 64, 8);
  const auto bytes = [&](unsigned bits) {
    return PackedB(viewOf(b.data(), 1100, 64), bits, pool).bytes();
  };
  for (auto [bits, each] :
       {std::pair{57u, 8u}, std::pair{40u, 5u}, std::pair{20u, 4u}}) {
    CHECK(bytes(bits) >= b.size() * each);
    CHECK(bytes(bits) < b.size() * each * 102 / 100);
  }
}

TEST_CASE("a matrix packed row after row is the same") {
  struct Dims {
    int64_t k, n, piece;
  };
  for (auto &pool : pools())
    for (auto [k, n, piece] :
         {Dims{37, 21, 8}, Dims{2053, 9, 24}, Dims{1024, 35, 1000}})
      for (unsigned bits : {20u, 33u, 41u, 64u}) {
        CAPTURE(k, n, piece, bits, toString(pool->simd()));
        const auto a = randomWords(3 * k, 9), b = randomWords(k * n, 10);
        const PackedB whole(viewOf(b.data(), k, n), bits, *pool);
        PackedB parts(k, n, bits, pool->simd());
        for (int64_t i = 0; i < k; i += piece)
          parts.add(viewOf(b.data() + i * n, std::min(piece, k - i), n), *pool);
        CHECK(parts.bytes() == whole.bytes());
        std::vector<uint64_t> want(static_cast<size_t>(3 * n)), got = want;
        naive(viewOf(a.data(), 3, k), viewOf(b.data(), k, n), bits, want.data(),
              n, Acc::Set);
        gemm(viewOf(a.data(), 3, k), parts, got.data(), n, Acc::Set, *pool);
        REQUIRE(got == want);
      }
}

TEST_CASE("a packed matrix keeps its level and may be moved") {
  ThreadPool portable(1, SimdLevel::Portable), best(2);
  auto a = randomWords(5 * 70, 7), b = randomWords(70 * 9, 8);
  PackedB first(viewOf(b.data(), 70, 9), 64, portable);
  PackedB moved = std::move(first);
  CHECK(moved.bytes() >= b.size() * 8);
  std::vector<uint64_t> want(45), got(45);
  naive(viewOf(a.data(), 5, 70), viewOf(b.data(), 70, 9), 64, want.data(), 9,
        Acc::Set);
  gemm(viewOf(a.data(), 5, 70), moved, got.data(), 9, Acc::Set, best);
  CHECK(got == want);
}

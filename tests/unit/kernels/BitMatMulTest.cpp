#include "runtime/kernels/BitMatMul.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace mpc::kernels;

namespace {

using Words = std::vector<uint64_t>;

bool bit(const Words &v, size_t i) { return v[i / 64] >> (i % 64) & 1; }

Words randomBits(size_t n, unsigned seed) {
  std::mt19937_64 rng(seed);
  Words v((n + 63) / 64);
  for (uint64_t &x : v)
    x = rng();
  if (n % 64)
    v.back() &= (uint64_t{1} << (n % 64)) - 1;
  return v;
}

} // namespace

TEST_CASE("bit products are the definition, any shape, level, threads") {
  struct Case {
    size_t m, k, n;
  };
  for (Case c : {Case{1, 1, 1},
                 {3, 70, 65},
                 {4, 64, 64},
                 {5, 513, 2048},
                 {9, 1030, 2113},
                 {2, 100, 4096 + 63},
                 {7, 33, 127},
                 {0, 5, 5},
                 {5, 0, 5},
                 {5, 5, 0}}) {
    const Words a = randomBits(c.m * c.k, 1), b = randomBits(c.k * c.n, 2),
                before = randomBits(c.m * c.n, 3);
    Words want = before;
    for (size_t i = 0; i < c.m; ++i)
      for (size_t r = 0; r < c.k; ++r)
        if (bit(a, i * c.k + r))
          for (size_t j = 0; j < c.n; ++j)
            want[(i * c.n + j) / 64] ^= uint64_t{bit(b, r * c.n + j)}
                                        << ((i * c.n + j) % 64);
    for (SimdLevel level : supportedSimdLevels())
      for (unsigned threads : {1u, 3u}) {
        CAPTURE(toString(level), threads, c.m, c.k, c.n);
        ThreadPool pool(threads, level);
        Words out = before;
        bitMatMul({c.m, c.k, c.n}, a.data(), b.data(), out.data(), pool);
        CHECK(out == want);
      }
  }
}

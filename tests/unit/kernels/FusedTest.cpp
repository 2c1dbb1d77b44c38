#include "runtime/kernels/Fused.h"
#include "runtime/core/Ring.h"

#include <bit>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace mpc;
using kernels::FusedKernels;
using Words = std::vector<uint64_t>;

namespace {

Words randomWords(size_t n, unsigned bits, uint64_t seed) {
  std::mt19937_64 gen(seed);
  Words v(n);
  for (uint64_t &x : v)
    x = gen() & core::ringMask(bits);
  return v;
}

constexpr size_t kSizes[] = {0, 1, 7, 64, 1001};

template <class F> void onEveryLevel(F check) {
  for (kernels::SimdLevel simd : kernels::supportedSimdLevels())
    for (size_t n : kSizes) {
      INFO(kernels::toString(simd) << ", " << n << " elements");
      check(kernels::fusedKernels(simd), n);
    }
}

} // namespace

TEST_CASE("fused truncation rounds one share down, the other up", "[kernels]") {
  onEveryLevel([](const FusedKernels &f, size_t n) {
    for (auto [k, t] : {std::pair{64u, 20u}, {40u, 0u}, {33u, 32u}}) {
      const uint64_t in = core::ringMask(k), to = core::ringMask(k - t);
      const Words a = randomWords(n, 64, 1), l = randomWords(n, k - t, 2);
      Words down(n), up(n);
      f.truncFloor(down.data(), a.data(), l.data(), n, in, t, to);
      f.truncCeil(up.data(), a.data(), l.data(), n, in, t, to);
      for (size_t i = 0; i < n; ++i) {
        CHECK(down[i] == ((((a[i] & in) >> t) + l[i]) & to));
        const uint64_t rest = (0 - a[i]) & in;
        CHECK(up[i] == ((l[i] - (rest >> t)) & to));
      }
    }
  });
}

TEST_CASE("fused extension picks by the public top bit", "[kernels]") {
  onEveryLevel([](const FusedKernels &f, size_t n) {
    for (auto [k, grow] : {std::pair{1u, 3u}, {22u, 18u}, {40u, 24u}}) {
      const uint64_t quarter = k >= 2 ? uint64_t{1} << (k - 2) : 0;
      const Words m = randomWords(n, k, 3), t0 = randomWords(n, grow, 4),
                  t1 = randomWords(n, grow, 5), l = randomWords(n, k + grow, 6);
      Words s(n), base(n);
      f.extend(s.data(), base.data(), m.data(), t0.data(), t1.data(), l.data(),
               n, k, grow, quarter);
      for (size_t i = 0; i < n; ++i) {
        const uint64_t up = (m[i] + quarter) & core::ringMask(k);
        const uint64_t t = up >> (k - 1) ? t1[i] : t0[i];
        const uint64_t sum = (t + (l[i] >> k)) & core::ringMask(grow);
        CHECK(s[i] == sum);
        CHECK(base[i] ==
              ((up - quarter + (sum << k)) & core::ringMask(k + grow)));
      }
    }
  });
}

TEST_CASE("fused sums and shifted sums", "[kernels]") {
  onEveryLevel([](const FusedKernels &f, size_t n) {
    const uint64_t mask = core::ringMask(37);
    const Words x = randomWords(n, 37, 7), y = randomWords(n, 37, 8);
    Words sum = x, high = x, wide = y;
    f.addMasked(sum.data(), y.data(), n, mask);
    f.addHigh(high.data(), y.data(), n, 12, mask);
    f.widen(wide.data(), x.data(), n, 11);
    for (size_t i = 0; i < n; ++i) {
      CHECK(sum[i] == ((x[i] + y[i]) & mask));
      CHECK(high[i] == ((x[i] + (y[i] << 12)) & mask));
      CHECK(wide[i] == x[i] + (y[i] << 11));
    }
  });
}

TEST_CASE("a looked-up digit's shares say equal and less", "[kernels]") {
  onEveryLevel([](const FusedKernels &f, size_t n) {
    for (unsigned width = 1; width <= 5; ++width) {
      const uint64_t entries = (uint64_t{1} << width) - 1;
      const Words m = randomWords(n, 40, 9), secret = randomWords(n, width, 10);
      const Words one = randomWords(n, static_cast<unsigned>(entries), 11);
      Words two(n), eq1(n), lt1(n), eq2(n), lt2(n);
      for (size_t i = 0; i < n; ++i)
        two[i] = one[i] ^ ((uint64_t{1} << secret[i]) &
                           (entries == 63 ? ~uint64_t{0} >> 1
                                          : (uint64_t{1} << entries) - 1));
      constexpr unsigned kPosition = 13;
      f.lookUpDigit(eq1.data(), lt1.data(), m.data(), one.data(), n, kPosition,
                    width, 1);
      f.lookUpDigit(eq2.data(), lt2.data(), m.data(), two.data(), n, kPosition,
                    width, 0);
      for (size_t i = 0; i < n; ++i) {
        const uint64_t digit = m[i] >> kPosition & entries;
        CHECK((eq1[i] ^ eq2[i]) == uint64_t{digit == secret[i]});
        CHECK((lt1[i] ^ lt2[i]) == uint64_t{digit < secret[i]});
      }
    }
  });
}

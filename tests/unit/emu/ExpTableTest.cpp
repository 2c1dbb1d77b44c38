#include "runtime/kernels/ExpTable.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mpc;
using namespace mpc::kernels;

namespace {

const ExpParams kParams{/*window=*/15, /*depth=*/2, /*inFrac=*/10,
                        /*tableFrac=*/24, /*publicFrac=*/10};

} // namespace

TEST_CASE("table and public factor are exp, rounded", "[emu][exp]") {
  // long double exp is within 2^-63; an entry is within half a unit of it and
  // the relative error of double arithmetic.
  ExpParams p{20, 3, 12, 62, 10};
  REQUIRE(validate(p));
  std::mt19937_64 rng(3);
  long double worst = 0;
  for (int i = 0; i < 100000; ++i) {
    uint64_t s = rng() % 8, lb = rng() % (1u << 17);
    if (i < 16)
      s = i % 8, lb = i < 8 ? 0 : (1u << 17) - 1;
    long double n = -static_cast<long double>((8 - s) % 8 << 17) -
                    static_cast<long double>(lb);
    long double want = std::exp(n / 4096) * 0x1p62L;
    long double got = static_cast<long double>(expTableEntry(p, s, lb));
    long double error = std::fabs(got - want);
    REQUIRE(error <= 0.501L + want * 1e-13L);
    if (want > 0x1p50L)
      worst = std::max(worst, error / want);
  }
  CHECK(worst < 1e-14L);

  ExpParams q{15, 2, 10, 0, 50};
  REQUIRE(validate(q));
  for (uint64_t mb = 0; mb < 8192; ++mb) {
    long double want = std::exp(static_cast<long double>(mb) / 1024) * 0x1p50L;
    long double got = static_cast<long double>(expPublic(q, mb));
    REQUIRE(std::fabs(got - want) <= 0.501L + want * 1e-13L);
  }
}

TEST_CASE("values are the same on every machine", "[emu][exp]") {
  // Recorded once; another value here breaks parties on different machines.
  ExpParams p{20, 3, 12, 62, 10};
  CHECK(expTableEntry(p, 0, 0) == uint64_t{1} << 62);
  CHECK(expPublic(p, 0) == uint64_t{1} << 10);
  CHECK(expTableEntry(p, 1, 0) == 0);
  uint64_t sum = 0;
  for (uint64_t lb = 0; lb < 1u << 17; lb += 7)
    sum = sum * 31 + expTableEntry(p, 0, lb) + expPublic(p, lb % 4096);
  CHECK(sum == 0xcc9c08ad750f8501);
}

TEST_CASE("rows are ordered by public class, at each SIMD level",
          "[emu][exp]") {
  // Classes fewer and more than a vector's lanes, more than a piece's.
  for (ExpParams p : {kParams, ExpParams{14, 1, 10, 20, 12},
                      ExpParams{20, 5, 12, 40, 8}, ExpParams{20, 10, 8, 62, 9}})
    for (SimdLevel simd : supportedSimdLevels()) {
      REQUIRE(validate(p));
      const uint64_t classes = p.classes(), h = p.lowBits();
      std::vector<uint64_t> lambda = {0, 5, core::ringMask(p.window)};
      std::mt19937_64 rng(7);
      while (lambda.size() < 531)
        lambda.push_back(core::reduce(rng(), p.window));
      std::vector<uint64_t> rows(lambda.size() * classes),
          factor(lambda.size());
      expTableRows(p, lambda, rows, simd);
      expPublic(p, lambda, factor, simd);
      bool right = true;
      for (size_t e = 0; e < lambda.size(); ++e) {
        const uint64_t la = lambda[e] >> h, lb = core::reduce(lambda[e], h);
        for (uint64_t ma = 0; ma < classes; ++ma)
          right &= rows[e * classes + ma] ==
                   expTableEntry(p, (ma - la) & (classes - 1), lb);
        right &= factor[e] == expPublic(p, lb);
      }
      CHECK(right);
    }
}

TEST_CASE("exp over its whole domain", "[emu][exp]") {
  // w = 8: (-24, 0], for several masks; result in K = 10 + 11.6 + ... bits.
  const int64_t lowest = -(3 << 13) + 1;
  double worst = 0;
  for (uint64_t lb : {0ull, 1ull, 4096ull, 5555ull, 8191ull})
    for (int64_t x = lowest; x <= 0; ++x) {
      uint64_t y = expPlain(kParams, static_cast<uint64_t>(x), lb);
      double got = std::ldexp(static_cast<double>(core::toSigned(y, 50)), -34);
      worst = std::max(worst, std::fabs(got - std::exp(x / 1024.0)));
    }
  // Half an ulp of the public factor, relative, and of the dealt one times e^8.
  CHECK(worst < 0.5 / 1024 + 0.5 * std::exp(8.0) / (1 << 24) + 1e-6);
  CHECK(worst > 1e-5);
}

TEST_CASE("shares of the parties give the plain value", "[emu][exp]") {
  std::mt19937_64 rng(5);
  for (int i = 0; i < 20000; ++i) {
    uint64_t x = static_cast<uint64_t>(-static_cast<int64_t>(rng() % 24576));
    uint64_t l = core::reduce(rng(), 15), m = core::reduce(x + l, 15);
    std::vector<uint64_t> row(4);
    expTableRows(kParams, std::span(&l, 1), row, SimdLevel::Portable);
    uint64_t y = row[m >> 13] * expPublic(kParams, m & 8191);
    REQUIRE(y == expPlain(kParams, x, l));
  }
}

TEST_CASE("exp parameters are checked", "[emu][exp]") {
  CHECK(validate(kParams));
  CHECK_FALSE(validate(ExpParams{15, 0, 10, 20, 10}));
  CHECK_FALSE(validate(ExpParams{15, 11, 10, 20, 10}));
  CHECK_FALSE(validate(ExpParams{2, 2, 10, 20, 10}));
  CHECK_FALSE(validate(ExpParams{45, 2, 40, 20, 10}));
  CHECK_FALSE(validate(ExpParams{15, 2, 10, 63, 10}));
  CHECK_FALSE(validate(ExpParams{15, 2, 10, 20, 51})); // 51 + 11.55 > 62
  CHECK_FALSE(validate(ExpParams{15, 2, 3, 20, 0}));
}

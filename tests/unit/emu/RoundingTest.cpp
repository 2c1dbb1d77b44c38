// Truncation is unbiased and never off by an ulp; ranges are reported.
#include "../plan/SamplePlan.h"
#include "runtime/core/Ring.h"
#include "runtime/emu/Emulator.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc;
using namespace mpc::emu;
using plan::sample::make;

namespace {

std::string truncPlan(int ring, int bits, size_t n) {
  std::string k = std::to_string(ring), s = std::to_string(n);
  std::string r = std::to_string(ring - bits), b = std::to_string(bits);
  std::string half = std::to_string(int64_t{1} << (ring - 2));
  return "plan \"t\" version 2\n"
         "input \"x\" int64[" +
         s + "] ring " + k + " frac 0 range [-" + half + ", " + half +
         "]\n"
         "output \"y\" int64[" +
         s + "] ring " + r +
         " frac 0\n"
         "%0 = input index=0 : masked<" +
         k + ",0," + k + ">[" + s +
         "]\n"
         "%1 = to_additive %0 : additive<" +
         k + ",0," + k + ">[" + s +
         "]\n"
         "%2 = trunc %1, bits=" +
         b + ", rerandomize=1 : masked<" + r + ",0," + r + ">[" + s +
         "]\nflush\noutput %2, index=0\n";
}

std::vector<int64_t> run(const plan::Plan &p, const std::vector<int64_t> &x,
                         CoinSource &coins) {
  auto in = core::NpyArray::of<int64_t>({int64_t(x.size())}, x);
  auto y = emulate(p, {}, {in}, coins);
  REQUIRE(y);
  auto v = (*y)[0].as<int64_t>();
  return {v.begin(), v.end()};
}

/// The same coin for all elements.
struct FixedCoin final : CoinSource {
  uint64_t coin;
  explicit FixedCoin(uint64_t c) : coin(c) {}
  void coins(size_t, unsigned bits, std::span<uint64_t> out) override {
    std::fill(out.begin(), out.end(), core::reduce(coin, bits));
  }
};

} // namespace

TEST_CASE("truncation over every coin has mean error zero", "[emu]") {
  // Ring 12, 4 bits: all values, all coins.
  std::vector<int64_t> x;
  for (int64_t v = -1024; v <= 1024; ++v)
    x.push_back(v);
  plan::Plan p = make(truncPlan(12, 4, x.size()));
  std::vector<int64_t> sum(x.size(), 0);
  for (uint64_t c = 0; c < 16; ++c) {
    FixedCoin coin(c);
    std::vector<int64_t> y = run(p, x, coin);
    for (size_t i = 0; i < x.size(); ++i) {
      REQUIRE(std::abs(16 * y[i] - x[i]) < 16);
      if (x[i] % 16 == 0)
        REQUIRE(16 * y[i] == x[i]);
      sum[i] += y[i];
    }
  }
  CHECK(sum == x);
}

TEST_CASE("seeded coins are uniform and repeatable", "[emu]") {
  const size_t n = 200000;
  plan::Plan p = make(truncPlan(64, 10, n));
  std::vector<int64_t> x(n, 123 * 1024 + 300);
  SeededCoins a(7), b(7), c(8);
  std::vector<int64_t> y = run(p, x, a);
  CHECK(y == run(p, x, b));
  CHECK(y != run(p, x, c));
  double up = double(std::count(y.begin(), y.end(), 124)) / n;
  CHECK(size_t(std::count(y.begin(), y.end(), 123)) ==
        n - size_t(std::lround(up * n)));
  // Standard deviation 0.001.
  CHECK(std::fabs(up - 300.0 / 1024) < 0.005);

  for (unsigned bits : {1u, 7u, 63u, 64u}) {
    std::vector<uint64_t> v(64000);
    a.coins(3, bits, v);
    for (unsigned bit = 0; bit < bits; ++bit) {
      auto ones = std::count_if(
          v.begin(), v.end(), [&](uint64_t w) { return (w >> bit & 1) != 0; });
      CHECK(std::abs(double(ones) / 64000 - 0.5) < 0.015);
    }
    if (bits < 64)
      CHECK(*std::max_element(v.begin(), v.end()) >> bits == 0);
  }
}

TEST_CASE("ranges that are broken are counted and named", "[emu]") {
  plan::Plan p = make("plan \"r\" version 2\n"
                      "location '/a/Add'\n"
                      "location '/b'\n"
                      "input \"x\" float32[4] ring 20 frac 4 range [-64, 64]\n"
                      "output \"y\" float32[4] ring 20 frac 4\n"
                      "%0 = input index=0 : masked<20,4,7>[4]  ; '/b'\n"
                      "%1 = add %0, %0 : masked<20,4,6>[4]  ; '/a/Add'\n"
                      "%2 = neg %1 : masked<20,4,20>[4]  ; '/b'\n"
                      "output %2, index=0\n");
  std::vector<float> x{1, 32, -32, 31.9375f};
  auto in = core::NpyArray::of<float>({4}, x);
  SeededCoins coins(1);
  EmulateOptions o;
  o.threads = 1;
  o.checkRanges = true;
  RangeReport report;
  auto y = emulate(p, {}, {in}, coins, o, &report);
  REQUIRE(y);
  CHECK((*y)[0].as<float>()[1] == -64);
  REQUIRE(report.first);
  CHECK(report.total == 2);
  CHECK(report.byLocation == std::vector<uint64_t>{0, 2, 0});
  CHECK(report.first->element == 1);
  CHECK(report.first->message() ==
        "'/a/Add' (add, %1): element 1 is 64, outside its declared range "
        "[-63.9375, 63.9375] by 0.0625");
  o.checkRanges = false;
  REQUIRE(emulate(p, {}, {in}, coins, o, &report));
  CHECK_FALSE(report.first);
  CHECK(report.total == 0);
}

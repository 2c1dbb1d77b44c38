// The error model against the emulator: what --target-error promises is what
// comes out.
#include "Harness.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mpc;
using namespace mpc::testing;

/// dense<f32[rows x cols] ...> of normal numbers.
static std::string matrix(int rows, int cols, double scale, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(0, scale);
  std::string s =
      "dense<f32[" + std::to_string(rows) + "x" + std::to_string(cols) + "] [";
  for (int i = 0; i < rows * cols; ++i)
    s += (i ? ", " : "") + std::to_string(normal(rng));
  return s + "]>";
}

/// Two layers with tanh between, then a softmax that weighs rows.
static std::string network() {
  return R"mir(
  %0 = input {hi = 2.0, lo = -2.0, name = "x"} : f32[16x24] secret
  %1 = constant {name = "a", value = )mir" +
         matrix(24, 32, 0.2, 1) + R"mir(} : f32[24x32] weight
  %2 = tensor.matmul %0, %1 : f32[16x32] secret
  %3 = tensor.map %2 {expr = "tanh(x)"} : f32[16x32] secret
  %4 = constant {name = "b", value = )mir" +
         matrix(32, 16, 0.3, 2) + R"mir(} : f32[32x16] weight
  %5 = tensor.matmul %3, %4 : f32[16x16] secret
  %6 = tensor.softmax %5 {axis = 1} : f32[16x16] secret
  %7 = tensor.matmul %6, %3 : f32[16x32] secret
  return %7 as "y" : f32)mir";
}

static double rmsError(const passes::Options &o) {
  const Answers a = run(network(), o);
  INFO(a.error);
  REQUIRE(a.error.empty());
  CHECK(a.outOfRange == 0);
  double sum = 0;
  size_t n = 0;
  for (size_t k = 0; k < a.emulated.size(); ++k)
    for (size_t i = 0; i < a.emulated[k].size(); ++i, ++n)
      sum += std::pow(a.emulated[k][i] - a.expected[k][i], 2);
  return std::sqrt(sum / n);
}

TEST_CASE("the target error is met, and not by far", "[precision]") {
  // The output's standard deviation is between 1/4 and 1/2 (or so).
  for (double target : {0.03, 0.003, 0.0003}) {
    passes::Options o;
    o.targetError = target;
    const double rms = rmsError(o);
    INFO("target " << target << ", root mean square error " << rms);
    CHECK(rms < target);
    CHECK(rms > target / 64);
  }
}

TEST_CASE("a coarser target makes a smaller plan", "[precision]") {
  size_t before = ~size_t{0};
  for (double target : {0.0003, 0.003, 0.03}) {
    passes::Options o;
    o.targetError = target;
    const Compiled c = compile(network(), o);
    REQUIRE(c.error.empty());
    size_t bits = 0;
    for (const plan::RegInfo &r : c.plan.regs)
      bits += r.numel() * r.ring;
    CHECK(bits < before);
    before = bits;
  }
}

TEST_CASE("a target beyond the ring is refused", "[precision]") {
  passes::Options o;
  o.targetError = 1e-6;
  o.ringBits = 32;
  CHECK(
      compile(network(), o).error.find("target error of 1e-06 cannot be met") !=
      std::string::npos);
}

TEST_CASE("--frac-bits holds for all values alike", "[precision]") {
  passes::Options o;
  o.uniform = true;
  o.fracBits = 16;
  o.targetError = 1e-9; // not looked at
  const double fine = rmsError(o);
  o.fracBits = 10;
  const double coarse = rmsError(o);
  CHECK(fine < 1e-3);
  CHECK(coarse > 4 * fine);
}

//===- tests/unit/passes/ApproximationsTest.cpp ---------------------------===//
#include "passes/Approximations.h"
#include "ir/Text.h"
#include "passes/Pass.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc;

namespace {

std::vector<passes::Approximation> approximated(const std::string &text,
                                                double tolerance) {
  auto m = ir::parse(text, "test");
  REQUIRE(static_cast<bool>(m));
  passes::ApproximationMeter meter;
  meter.before(*m);
  passes::Context ctx;
  ctx.options.tolerance = tolerance;
  const passes::PassInfo *p[] = {passes::findPass("approximate")};
  REQUIRE(!passes::runPasses(*m, p, ctx));
  return meter.after(*m);
}

std::string mapOf(const std::string &expr, double lo, double hi) {
  const std::string l = std::to_string(lo), h = std::to_string(hi);
  return "module @m level(fixed) {\n"
         "  %0 = input {hi = " +
         h + ", lo = " + l + ", name = \"x\"} : fx<_,14,4>[64] secret range(" +
         l + ", " + h +
         ")\n"
         "  %1 = fixed.map %0 {expr = \"" +
         expr + "\", hi = " + h + ", lo = " + l +
         "} : fx<_,14,4>[64] secret range(-16.0, 16.0) loc(\"/f\")\n"
         "  %2 = fixed.rescale %1 : fx<_,14,4>[64] secret range(-16.0, 16.0)\n"
         "  return %2 as \"y\" : f32\n}\n";
}

} // namespace

TEST_CASE("Approximations: measured within the tolerance", "[fit]") {
  for (double tolerance : {1e-2, 1e-4})
    for (const char *f : {"tanh(x)", "sigmoid(x)", "mul(x,sigmoid(x))"}) {
      INFO(f << " at " << tolerance);
      const auto all = approximated(mapOf(f, -6, 6), tolerance);
      REQUIRE(all.size() == 1);
      CHECK(all[0].loc == "/f");
      CHECK(all[0].elements == 64);
      CHECK(all[0].absoluteError > tolerance / 1000);
      // A grid finds a little less than all, rounding adds its part.
      CHECK(all[0].absoluteError < 1.3 * tolerance);
      CHECK(all[0].method != "");
    }
}

TEST_CASE("Approximations: the table of e^x", "[fit]") {
  const auto all = approximated(mapOf("exp(x)", -12, 0), 1e-4);
  REQUIRE(all.size() == 1);
  CHECK(all[0].method.find("table of e^x") == 0);
  CHECK(all[0].absoluteError < 1e-4);
}

TEST_CASE("Approximations: a domain in parts", "[fit]") {
  const auto all = approximated(mapOf("recip(x)", 0.1, 15), 1e-5);
  REQUIRE(all.size() == 1);
  CHECK(all[0].absoluteError < 1e-3);
}

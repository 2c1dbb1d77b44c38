//===- tests/unit/passes/ComparisonTest.cpp -------------------------------===//
#include "passes/Comparison.h"
#include "passes/MaxTree.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc;
using plan::Profile;

TEST_CASE("Comparison: the digit width is the cheapest there is") {
  for (const Profile &p : {Profile::loopback(), Profile::lan(), Profile::wan()})
    for (int window = 2; window <= 48; ++window) {
      const int best = passes::cheapestDigit(window, p);
      for (int digit : {3, 4, 5, 6})
        CHECK(passes::comparisonSeconds(window, best, p) <=
              passes::comparisonSeconds(window, digit, p));
    }
}

TEST_CASE("Comparison: a round is worth comparisons, until there are many") {
  for (const Profile &p :
       {Profile::loopback(), Profile::lan(), Profile::wan()}) {
    CHECK(passes::fourAtOnce(1, 16, p));
    CHECK(!passes::fourAtOnce(int64_t{1} << 40, 16, p));
  }
  // The slower the round, the more.
  int64_t groups = 1;
  while (passes::fourAtOnce(groups, 16, Profile::loopback()))
    groups *= 2;
  CHECK(passes::fourAtOnce(groups, 16, Profile::wan()));
}

TEST_CASE("Comparison: no mixture of twos and fours has more levels") {
  CHECK(passes::maxTreeLevels(1) == 0);
  CHECK(passes::maxTreeLevels(2) == 1);
  CHECK(passes::maxTreeLevels(128) == 7);
  for (int64_t n = 2; n < 200; ++n) {
    int pairs = 0, fours = 0;
    for (int64_t k = n; k > 1; k = k / 2 + k % 2)
      ++pairs;
    for (int64_t k = n; k > 1; k = k >= 4 ? k / 4 + k % 4 : k / 2 + k % 2)
      fours += k >= 4 ? 2 : 1;
    CHECK(passes::maxTreeLevels(n) >= std::max(pairs, fours));
  }
}

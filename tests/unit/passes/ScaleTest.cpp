#include "passes/Scale.h"

#include <catch2/catch.hpp>

using namespace mpc::passes;

TEST_CASE("magnitude is the larger end", "[passes]") {
  CHECK(magnitude({-3, 2}) == 3);
  CHECK(magnitude({1, 2}) == 2);
  CHECK(magnitude({0, 0}) == 0);
}

TEST_CASE("integer bits bound strictly", "[passes]") {
  CHECK(intBitsOf({0, 1}) == 1); // |x| < 2^1: 1 itself is in the range
  CHECK(intBitsOf({0, 0.999}) == 0);
  CHECK(intBitsOf({-4, 4}) == 3);
  CHECK(intBitsOf({-3.99, 1}) == 2);
  CHECK(intBitsOf({0, 0.5}) == 0);
  CHECK(intBitsOf({0, 0.25}) == -1);
  CHECK(intBitsOf({0, 0}) == -24);
  CHECK(intBitsOf({0, 1e-30}) == -24);
  for (double x : {0.001, 0.7, 1.0, 17.0, 1e6}) {
    CHECK(x < std::ldexp(1.0, intBitsOf({-x, 0})));
    CHECK(x >= std::ldexp(1.0, intBitsOf({-x, 0}) - 1));
  }
}

TEST_CASE("fraction bits follow magnitude and the ring", "[passes]") {
  Options o;
  o.fracBits = 15;
  o.ringBits = 64;
  CHECK(fracBitsOf({-8, 7}, o) == 15);
  CHECK(fracBitsOf({-1, 1}, o) > 15);            // smaller values get more,
  CHECK(fracBitsOf({-1e-9, 1e-9}, o) == 15 + 8); // up to eight
  CHECK(fracBitsOf({0, 0}, o) == 15 + 8);
  CHECK(fracBitsOf({-100, 100}, o) == 15);
  // The product of two of them has to fit with bits to spare.
  for (double a : {1e-6, 0.3, 4.0, 100.0, 5e4, 1e6}) {
    const int f = fracBitsOf({-a, a}, o), i = intBitsOf({-a, a});
    CHECK(2 * (f + i) + 6 <= 64);
  }
  o.ringBits = 40;
  CHECK(fracBitsOf({-100, 100}, o) == 10);
  CHECK(fracBitsOf({-1, 1}, o) == 16);
}

TEST_CASE("numbers in messages are short and not rounded away", "[passes]") {
  CHECK(shortNumber(0.0001220703125) == "0.00012207");
  CHECK(shortNumber(-4) == "-4");
  CHECK(shortNumber(INFINITY) == "inf");
}

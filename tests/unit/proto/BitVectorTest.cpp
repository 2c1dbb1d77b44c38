#include "runtime/proto/BitVector.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace mpc::proto;

TEST_CASE("packed bits: extract, deposit, spread, bytes", "[proto]") {
  std::mt19937_64 gen(7);
  for (size_t n : {0u, 1u, 63u, 64u, 65u, 200u})
    for (size_t first : {0u, 1u, 63u, 64u, 100u}) {
      INFO("n " << n << " first " << first);
      Words v = Words::zeros(bitWords(first + n + 70));
      for (uint64_t &w : v)
        w = gen();
      Words part = extractBits(v, first, n);
      REQUIRE(part.size() == bitWords(n));
      bool same = true;
      for (size_t i = 0; i < n; ++i)
        same &= bitAt(part, i) == bitAt(v, first + i);
      CHECK(same);
      if (n % 64)
        CHECK(part[n / 64] >> (n % 64) == 0);

      Words into = Words::zeros(bitWords(first + n));
      depositBits(into, first, part, n);
      uint64_t below = 0;
      for (size_t i = 0; i < first; ++i)
        below |= bitAt(into, i);
      CHECK(below == 0);
      for (size_t i = 0; i < n; ++i)
        same &= bitAt(into, first + i) == bitAt(part, i);
      CHECK(same);

      Words back = gatherBits(spreadBits(part, n));
      std::vector<uint8_t> bytes(bitBytes(n));
      bitsToBytes(part, n, bytes);
      Words wire = bitsFromBytes(bytes, n);
      for (size_t i = 0; i < part.size(); ++i) {
        CHECK(back[i] == part[i]);
        CHECK(wire[i] == part[i]);
      }
    }
}

TEST_CASE("spare bits from a wire are dropped", "[proto]") {
  const std::vector<uint8_t> bytes = {0xff};
  CHECK(bitsFromBytes(bytes, 3)[0] == 7);
}

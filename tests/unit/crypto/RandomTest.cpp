//===- tests/unit/crypto/RandomTest.cpp -----------------------------------===//
#include <catch2/catch.hpp>

#include <type_traits>

#include "CryptoTesting.h"

using namespace mpc;
using namespace mpc::crypto;

template <class T>
concept Comparable = requires(const T &a, const T &b) {
  a == b;
};

static_assert(!std::is_copy_constructible_v<Key128>);
static_assert(!std::is_copy_assignable_v<Key128>);
static_assert(std::is_nothrow_move_constructible_v<Key128>);
static_assert(!Comparable<Key128>);

TEST_CASE("the system's randomness fills every length") {
  REQUIRE(osRandom({}));
  std::vector<uint8_t> big(70000); // more than one getrandom guarantees
  REQUIRE(osRandom(big));
  CHECK(byteDeviation(big) < 8);
  auto a = Key128::random(), b = Key128::random();
  REQUIRE(a);
  REQUIRE(b);
  CHECK_FALSE(equalTags(a->bytes(), b->bytes()));
}

TEST_CASE("a moved key leaves zeros, a clone is the same key") {
  Key128 key = keyOf(42), twin = key.clone();
  CHECK(equalTags(key.bytes(), twin.bytes()));
  Key128 moved = std::move(key);
  CHECK(equalTags(moved.bytes(), twin.bytes()));
  std::array<uint8_t, 16> zero{};
  CHECK(equalTags(key.bytes(), zero)); // the moved-from key is wiped
}

TEST_CASE("tags are equal when all their bytes are") {
  std::vector<uint8_t> a(32, 7), b = a;
  CHECK(equalTags(a, b));
  CHECK(equalTags({}, {}));
  for (size_t i = 0; i < a.size(); ++i) {
    b = a;
    b[i] ^= 0x80;
    CHECK_FALSE(equalTags(a, b));
  }
  CHECK_FALSE(equalTags(a, std::span(a).first(31)));
}

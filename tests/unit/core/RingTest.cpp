// Rings, shapes, secrets, hashes.
#include "runtime/core/Ring.h"
#include "runtime/core/Hash.h"
#include "runtime/core/Secret.h"
#include "runtime/core/Shape.h"

#include <catch2/catch.hpp>
#include <concepts>
#include <cstring>
#include <fmt/format.h>
#include <sstream>

using namespace mpc::core;

TEST_CASE("ring edges for every width") {
  for (unsigned k = 1; k <= 64; ++k) {
    CAPTURE(k);
    uint64_t top = uint64_t{1} << (k - 1);
    CHECK(ringMask(k) == (k == 64 ? ~uint64_t{0} : (uint64_t{1} << k) - 1));
    CHECK(reduce(~uint64_t{0}, k) == ringMask(k));
    CHECK(toSigned(ringMask(k), k) == -1);
    CHECK(toSigned(top, k) == ringMin(k));
    CHECK(toSigned(top - 1, k) == ringMax(k));
    CHECK(fromSigned(-1, k) == ringMask(k));
    CHECK(fromSigned(ringMin(k), k) == top);
    CHECK(fitsSigned(ringMax(k), k));
    if (k < 64) {
      CHECK_FALSE(fitsSigned(ringMax(k) + 1, k));
      CHECK_FALSE(fitsSigned(ringMin(k) - 1, k));
    }
    for (size_t n = 0; n < 200; ++n)
      REQUIRE(packedBytes(n, k) == (n * k + 7) / 8);
  }
  CHECK(packedBytes(size_t{1} << 60, 64) == size_t{1} << 63);
}

TEST_CASE("bit widths") {
  CHECK(bitWidth(0) == 0);
  CHECK(bitWidth(255) == 8);
  CHECK(bitWidth(~uint64_t{0}) == 64);
  CHECK(signedBitWidth(0) == 1);
  CHECK(signedBitWidth(-1) == 1);
  CHECK(signedBitWidth(1) == 2);
  CHECK(signedBitWidth(-128) == 8);
  CHECK(signedBitWidth(128) == 9);
  CHECK(signedBitWidth(INT64_MIN) == 64);
  CHECK(ceilLog2(1) == 0);
  CHECK(ceilLog2(8) == 3);
  CHECK(ceilLog2(9) == 4);
}

TEST_CASE("shapes") {
  CHECK(numel({}) == 1);
  CHECK(numel({2, 0, 3}) == 0);
  CHECK(numel({1, 128}) == 128);
  CHECK_FALSE(checkedNumel({-1}));
  CHECK_FALSE(checkedNumel({int64_t{1} << 32, int64_t{1} << 32}));
  CHECK_FALSE(checkedNumel({0, int64_t{1} << 32, int64_t{1} << 32}));
  CHECK(rowMajorStrides({2, 3, 4}) == Strides{12, 4, 1});
  CHECK(rowMajorStrides({}).empty());
  CHECK(toString({1, 128}) == "1x128");
  CHECK(toString({}) == "scalar");

  auto both = [](const Shape &a, const Shape &b) {
    auto r = broadcastShapes(a, b);
    auto s = broadcastShapes(b, a);
    REQUIRE(r);
    REQUIRE(s);
    CHECK(*r == *s);
    return *r;
  };
  CHECK(both({2, 1, 4}, {3, 1}) == Shape{2, 3, 4});
  CHECK(both({}, {5}) == Shape{5});
  CHECK(both({1}, {0}) == Shape{0});
  auto bad = broadcastShapes({2, 3}, {4, 3});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("2x3 and 4x3") != std::string::npos);
  CHECK_FALSE(broadcastShapes({int64_t{1} << 40, 1}, {1, int64_t{1} << 40}));
  CHECK(broadcastStrides({3, 1}, {2, 3, 4}) == Strides{0, 1, 0});
  CHECK(broadcastStrides({}, {2}) == Strides{0});
}

TEST_CASE("a secret vector cannot be copied, compared or printed") {
  using S = SecretVector<uint64_t>;
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<S>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<S>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<S>);
  STATIC_REQUIRE_FALSE(std::equality_comparable<S>);
  STATIC_REQUIRE_FALSE(fmt::has_formatter<S, fmt::format_context>::value);
}

TEST_CASE("secret vectors allocate once, aligned, and move") {
  for (size_t n : {size_t{0}, size_t{1}, size_t{7}, size_t{1} << 20}) {
    SecretVector<uint64_t> v = SecretVector<uint64_t>::zeros(n);
    CHECK(v.size() == n);
    CHECK(reinterpret_cast<uintptr_t>(v.data()) % 64 == 0);
    for (uint64_t x : v)
      REQUIRE(x == 0);
    if (n)
      v[n - 1] = 42;
    SecretVector<uint64_t> c = v.clone();
    const uint64_t *p = v.data();
    SecretVector<uint64_t> w = std::move(v);
    CHECK(w.data() == p);
    CHECK(v.empty()); // NOLINT: the moved-from state is part of the contract
    if (n)
      CHECK((w[n - 1] == 42 && c[n - 1] == 42 && c.data() != p));
    w.reset();
    CHECK(w.empty());
    w.allocate(3);
    CHECK(w.span().size() == 3);
  }
}

TEST_CASE("wipe clears") {
  uint8_t b[5] = {1, 2, 3, 4, 5};
  wipe(b, 4);
  CHECK(b[3] == 0);
  CHECK(b[4] == 5);
  wipe(nullptr, 0);
}

TEST_CASE("SHA-256 known answers (FIPS 180-4)") {
  auto bytes = [](const char *s) {
    return std::span(reinterpret_cast<const uint8_t *>(s), std::strlen(s));
  };
  CHECK(hex(sha256({})) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256(bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 h;
  h.update(bytes("a")).update(bytes("bc"));
  CHECK(h.finish() == sha256(bytes("abc")));
  CHECK(h.finish() == sha256({}));
}

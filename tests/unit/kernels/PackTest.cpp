#include "runtime/kernels/Pack.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace mpc::kernels;
using mpc::core::ringMask;

namespace {

/// The definition, bit by bit.
std::vector<uint8_t> naivePack(const std::vector<uint64_t> &in, unsigned k) {
  std::vector<uint8_t> out(packedBytes(in.size(), k));
  for (size_t i = 0; i < in.size(); ++i)
    for (unsigned b = 0; b < k; ++b)
      if (in[i] >> b & 1)
        out[(i * k + b) / 8] |= static_cast<uint8_t>(1u << (i * k + b) % 8);
  return out;
}

std::vector<uint64_t> randomWords(size_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint64_t> v(n);
  for (uint64_t &x : v)
    x = rng(); // garbage above k included
  return v;
}

} // namespace

TEST_CASE("packing is the definition for every width, level and odd length") {
  for (SimdLevel level : supportedSimdLevels())
    for (unsigned k = 1; k <= 64; ++k)
      for (size_t n : {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 200}) {
        CAPTURE(toString(level), k, n);
        auto in = randomWords(n, n * 64 + k);
        auto want = naivePack(in, k);
        // Guard bytes behind: nothing is written beyond packedBytes.
        std::vector<uint8_t> bytes(want.size() + 64, 0xa5);
        packBits(in.data(), n, k, bytes.data(), level);
        REQUIRE(std::equal(want.begin(), want.end(), bytes.begin()));
        for (size_t i = want.size(); i < bytes.size(); ++i)
          REQUIRE(bytes[i] == 0xa5);

        // Unpacking from an exact-size buffer whose spare bits are set.
        if (n * k % 8)
          want.back() |= static_cast<uint8_t>(0xff << n * k % 8);
        std::vector<uint64_t> out(n + 8, 42);
        unpackBits(want.data(), n, k, out.data(), level);
        for (size_t i = 0; i < n; ++i)
          REQUIRE(out[i] == (in[i] & ringMask(k)));
        for (size_t i = n; i < out.size(); ++i)
          REQUIRE(out[i] == 42);
      }
}

TEST_CASE("extreme words") {
  for (SimdLevel level : supportedSimdLevels())
    for (unsigned k = 1; k <= 64; ++k) {
      std::vector<uint64_t> ones(67, ~uint64_t{0}), back(67);
      std::vector<uint8_t> bytes(packedBytes(67, k));
      packBits(ones.data(), 67, k, bytes.data(), level);
      for (size_t i = 0; i + 1 < bytes.size(); ++i)
        REQUIRE(bytes[i] == 0xff);
      unpackBits(bytes.data(), 67, k, back.data(), level);
      REQUIRE(back == std::vector<uint64_t>(67, ringMask(k)));
    }
}

TEST_CASE("threads pack the same bytes") {
  for (SimdLevel level : supportedSimdLevels())
    for (unsigned k : {1u, 13u, 32u, 33u, 63u, 64u})
      for (size_t n : {size_t{5}, size_t{100003}}) {
        ThreadPool pool(3, level);
        auto in = randomWords(n, k);
        std::vector<uint8_t> one(packedBytes(n, k)), many(one.size());
        packBits(in.data(), n, k, one.data(), SimdLevel::Portable);
        packBits(in.data(), n, k, many.data(), pool);
        REQUIRE(one == many);
        std::vector<uint64_t> back(n);
        unpackBits(many.data(), n, k, back.data(), pool);
        for (uint64_t &x : in)
          x &= ringMask(k);
        REQUIRE(back == in);
      }
}

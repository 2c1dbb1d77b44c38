//===- tests/unit/crypto/PrgTest.cpp --------------------------------------===//
#include <catch2/catch.hpp>

#include <set>

#include "CryptoTesting.h"
#include "runtime/crypto/Prg.h"

using namespace mpc;
using namespace mpc::crypto;

namespace {

std::vector<uint64_t> stream(const Prg &prg, PrgAddress at, uint64_t first,
                             size_t n) {
  std::vector<uint64_t> out(n);
  prg.words(at, first, out);
  return out;
}

} // namespace

TEST_CASE("a stream is AES of the documented counter block") {
  PrgAddress at{Purpose::Dealt, 0x123456789abc, 0xdef012};
  for (AesLevel level : supportedAesLevels()) {
    Prg prg(keyOf(1), level);
    AesCipher aes(keyOf(1), AesLevel::Portable);
    for (uint64_t block : {uint64_t{0}, uint64_t{1}, uint64_t{0xffffffff},
                           (uint64_t{1} << 48) - 1}) {
      // [purpose 8 | slot 24 | id 48 | block 48]
      Block in{0x9abc000000000000 | block, 0x02def01212345678}, out;
      aes.encrypt(&in, &out, 1);
      auto got = stream(prg, at, 2 * block, 2);
      CHECK(got[0] == out.lo);
      CHECK(got[1] == out.hi);
    }
  }
}

TEST_CASE("random access equals sequential, at every level") {
  PrgAddress at{Purpose::Mask, 77, 3};
  const auto whole = stream(Prg(keyOf(5), AesLevel::Portable), at, 0, 700);
  std::mt19937_64 rng(2);
  for (AesLevel level : supportedAesLevels()) {
    Prg prg(keyOf(5), level);
    for (int i = 0; i < 300; ++i) {
      uint64_t first = rng() % 350;
      size_t n = rng() % 350;
      unsigned bits = 1 + rng() % 64;
      INFO(name(level) << " first=" << first << " n=" << n << " k=" << bits);
      std::vector<uint64_t> expected(whole.begin() + first,
                                     whole.begin() + first + n);
      REQUIRE(stream(prg, at, first, n) == expected);

      for (auto &v : expected)
        v = core::reduce(v, bits);
      std::vector<uint64_t> reduced(n);
      prg.words(at, first, reduced, bits);
      REQUIRE(reduced == expected);

      if (bits <= 32) { // the same masks in 32-bit storage
        std::vector<uint32_t> narrow(n);
        prg.words(at, first, narrow, bits);
        REQUIRE(std::vector<uint64_t>(narrow.begin(), narrow.end()) ==
                expected);
      }
    }
    std::vector<uint32_t> narrow(699);
    prg.words(at, 1, narrow, 32);
    for (size_t i = 0; i < narrow.size(); ++i)
      REQUIRE(narrow[i] == static_cast<uint32_t>(whole[i + 1]));
  }
}

TEST_CASE("bits and blocks are views of the same stream") {
  PrgAddress at{Purpose::BitTable, 9, 0};
  Prg prg(keyOf(6));
  const auto whole = stream(prg, at, 0, 40);
  std::mt19937_64 rng(3);
  for (int i = 0; i < 200; ++i) {
    uint64_t first = rng() % 1000, n = rng() % 1000;
    std::vector<uint64_t> bits((n + 63) / 64);
    prg.bits(at, first, n, bits);
    for (uint64_t b = 0; b < 64 * bits.size(); ++b) {
      uint64_t s = first + b;
      bool expected = b < n && (whole[s / 64] >> (s % 64) & 1);
      REQUIRE((bits[b / 64] >> (b % 64) & 1) == expected);
    }
  }
  std::vector<Block> blocks(7);
  prg.blocks(at, 4, blocks);
  for (size_t i = 0; i < blocks.size(); ++i) {
    CHECK(blocks[i].lo == whole[8 + 2 * i]);
    CHECK(blocks[i].hi == whole[9 + 2 * i]);
  }
}

TEST_CASE("different addresses and keys give different streams") {
  Prg prg(keyOf(8)), other(keyOf(9));
  std::set<uint64_t> seen;
  size_t n = 0;
  auto take = [&](const Prg &p, PrgAddress at) {
    for (uint64_t v : stream(p, at, 0, 4))
      seen.insert(v);
    n += 4;
  };
  for (int purpose = 1; purpose <= 7; ++purpose)
    for (uint64_t id : {0ull, 1ull, 2ull, 0x10000ull, 0xffffffffffffull})
      for (uint32_t slot : {0u, 1u, 2u, 0x100u, 0xffffffu}) {
        take(prg, {static_cast<Purpose>(purpose), id, slot});
        take(other, {static_cast<Purpose>(purpose), id, slot});
      }
  CHECK(seen.size() == n);
}

TEST_CASE("an address outside its fields is not valid") {
  CHECK(PrgAddress{Purpose::Mask, 0, 0}.valid());
  CHECK(PrgAddress{Purpose::SubKey, 0xffffffffffff, 0xffffff}.valid());
  CHECK_FALSE(PrgAddress{Purpose::Mask, uint64_t{1} << 48, 0}.valid());
  CHECK_FALSE(PrgAddress{Purpose::Mask, 0, 1u << 24}.valid());
  CHECK_FALSE(PrgAddress{static_cast<Purpose>(0), 0, 0}.valid());
  CHECK_FALSE(PrgAddress{static_cast<Purpose>(8), 0, 0}.valid());
}

TEST_CASE("derived keys depend on both contributions and on the context") {
  std::set<std::string> keys;
  auto add = [&](const Key128 &k) { keys.insert(hexOf(k.bytes().data(), 16)); };
  add(deriveKey(keyOf(1), keyOf(2), "session 1"));
  add(deriveKey(keyOf(2), keyOf(1), "session 1"));
  add(deriveKey(keyOf(1), keyOf(3), "session 1"));
  add(deriveKey(keyOf(4), keyOf(2), "session 1"));
  add(deriveKey(keyOf(1), keyOf(2), "session 2"));
  add(deriveKey(keyOf(1), keyOf(2), ""));
  CHECK(keys.size() == 6);
  add(deriveKey(keyOf(1), keyOf(2), "session 1"));
  CHECK(keys.size() == 6);

  Prg prg(keyOf(1));
  add(prg.subKey(1));
  add(prg.subKey(2));
  add(prg.subKey(1, 1));
  CHECK(keys.size() == 9);
  add(prg.subKey(1));
  CHECK(keys.size() == 9);
}

TEST_CASE("the stream's bytes look uniform") {
  Prg prg(keyOf(11));
  std::vector<uint64_t> words(1 << 15);
  prg.words({Purpose::ZeroShare, 5, 0}, 0, words);
  std::vector<uint8_t> bytes(words.size() * 8);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  CHECK(byteDeviation(bytes) < 8);
  CHECK(byteDeviation(bytes) > -8);
}

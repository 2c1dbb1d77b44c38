//===- tests/unit/crypto/AesTest.cpp - every level against the standard ---===//
#include <catch2/catch.hpp>

#include "CryptoTesting.h"

using namespace mpc::crypto;

namespace {

struct Vector {
  const char *key, *plain, *cipher;
};
// FIPS 197 appendix C.1; NIST SP 800-38A F.1.1, ECB-AES128.Encrypt.
constexpr Vector kVectors[] = {
    {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
     "69c4e0d86a7b0430d8cdb78070b4c55a"},
    {"2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a",
     "3ad77bb40d7a3660a89ecaf32466ef97"},
    {"2b7e151628aed2a6abf7158809cf4f3c", "ae2d8a571e03ac9c9eb76fac45af8e51",
     "f5d3d58503b9699de785895a96fdbaaf"},
    {"2b7e151628aed2a6abf7158809cf4f3c", "30c81c46a35ce411e5fbc1191a0a52ef",
     "43b1cd7f598ece23881b00e3ed030688"},
    {"2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710",
     "7b0c785e27e8ad3f8223207104725dd4"},
};

Block blockOf(const char *hex) {
  Block b;
  auto bytes = fromHex(hex);
  std::memcpy(&b, bytes.data(), sizeof b);
  return b;
}

} // namespace

TEST_CASE("AES-128 matches the NIST vectors at every level") {
  for (AesLevel level : supportedAesLevels())
    for (const Vector &v : kVectors) {
      INFO(name(level) << " " << v.plain);
      AesCipher cipher(Key128(fromHex(v.key)), level);
      // Every place in a batch, so that full registers and tails both count.
      std::vector<Block> in(37, blockOf(v.plain)), out(37);
      cipher.encrypt(in.data(), out.data(), in.size());
      for (const Block &b : out)
        CHECK(hexOf(&b, 16) == v.cipher);
    }
}

TEST_CASE("all levels compute the same loops") {
  std::mt19937_64 rng(1);
  AesCipher reference(keyOf(7), AesLevel::Portable);
  for (AesLevel level : supportedAesLevels()) {
    AesCipher cipher(keyOf(7), level);
    for (size_t n : {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100}) {
      INFO(name(level) << " n=" << n);
      auto in = randomBlocks(rng, n + AesCipher::kPad);
      auto cw = randomBlocks(rng, 2);
      auto compare = [&](auto run, size_t size) {
        std::vector<Block> a(size + AesCipher::kPad, Block{0, 0}), b = a;
        run(reference, a.data());
        run(cipher, b.data());
        for (size_t i = 0; i < size; ++i)
          REQUIRE(same(a[i], b[i]));
      };
      compare([&](auto &c, Block *o) { c.encrypt(in.data(), o, n); }, n);
      compare([&](auto &c, Block *o) { c.hash(in.data(), o, n, 5); }, n);
      compare([&](auto &c, Block *o) { c.counter(cw[0], o, n, 0x1ffff); }, n);
    }
    for (size_t n : {0, 1, 3, 4, 5, 8, 11, 70}) {
      const auto start = randomBlocks(rng, n), delta = randomBlocks(rng, n);
      std::vector<uint64_t> alpha(n);
      for (auto &a : alpha)
        a = rng();
      auto a = start, b = start;
      std::vector<uint8_t> cw[2];
      for (auto &v : cw)
        v.assign(16 * n + 9, 0xee);
      reference.descend(n, alpha.data(), 7, a.data(), delta.data(),
                        cw[0].data() + 1);
      cipher.descend(n, alpha.data(), 7, b.data(), delta.data(),
                     cw[1].data() + 1);
      REQUIRE(cw[0] == cw[1]);
      for (size_t i = 0; i < n; ++i)
        REQUIRE(same(a[i], b[i]));
    }
    // Trees in one call, corrections and payloads at odd addresses.
    for (size_t n : {0, 1, 2, 3, 4, 5, 9, 18})
      for (unsigned logPer : {0, 1, 2, 3, 5}) {
        INFO(name(level) << " n=" << n << " logPer=" << logPer);
        const size_t nodes = n << logPer;
        auto in = randomBlocks(rng, nodes + AesCipher::kPad);
        auto cw = randomBlocks(rng, 8 * n + 1);
        std::vector<Block> a(2 * (nodes + AesCipher::kPad)), b = a;
        const auto *bytes = reinterpret_cast<const uint8_t *>(cw.data()) + 3;
        reference.expand(n, logPer, in.data(), bytes, a.data());
        cipher.expand(n, logPer, in.data(), bytes, b.data());
        for (size_t i = 0; i < 2 * nodes; ++i)
          REQUIRE(same(a[i], b[i]));
        for (unsigned nBlocks : {1, 2, 3, 4, 5, 8})
          for (Lane lane : {Lane::Bit, Lane::U32, Lane::U64}) {
            std::vector<uint8_t> to[2];
            for (auto &v : to)
              v.assign(nodes * nBlocks * 16 + 9, 0xee);
            reference.convert(n, logPer, in.data(), nBlocks, 9, lane, cw.data(),
                              to[0].data() + 1);
            cipher.convert(n, logPer, in.data(), nBlocks, 9, lane, cw.data(),
                           to[1].data() + 1);
            REQUIRE(to[0] == to[1]); // nothing beyond the end either
          }
      }
  }
}

TEST_CASE("children of a node follow the half-tree's rule") {
  AesCipher cipher(keyOf(5));
  std::mt19937_64 rng(2);
  auto in = randomBlocks(rng, 16 + AesCipher::kPad), cw = randomBlocks(rng, 16);
  std::vector<Block> h(16), out(32 + 2 * AesCipher::kPad);
  cipher.hash(in.data(), h.data(), 16, 0);
  cipher.expand(16, 0, in.data(), reinterpret_cast<uint8_t *>(cw.data()),
                out.data());
  for (size_t i = 0; i < 16; ++i) {
    const uint64_t t = in[i].lo & 1;
    Block left{h[i].lo ^ t * cw[i].lo, h[i].hi ^ t * cw[i].hi};
    CHECK(same(out[2 * i], left));
    CHECK(same(out[2 * i + 1], {left.lo ^ in[i].lo, left.hi ^ in[i].hi}));
  }
}

TEST_CASE("the tree's hash has feed-forward and depends on its tweak") {
  // H(x, i) = AES(y) ^ y, y = sigma(x) ^ i, from the definition.
  AesCipher cipher(keyOf(3));
  Block x{0x0123456789abcdef, 0xfedcba9876543210};
  Block y{x.hi ^ 5, x.hi ^ x.lo}, expected, got, other;
  cipher.encrypt(&y, &expected, 1);
  cipher.hash(&x, &got, 1, 5);
  cipher.hash(&x, &other, 1, 6);
  CHECK(got.lo == (expected.lo ^ y.lo));
  CHECK(got.hi == (expected.hi ^ y.hi));
  CHECK_FALSE(same(got, other));
}

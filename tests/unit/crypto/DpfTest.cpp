//===- tests/unit/crypto/DpfTest.cpp --------------------------------------===//
#include <catch2/catch.hpp>

#include "CryptoTesting.h"
#include "runtime/core/DpfKey.h"
#include "runtime/crypto/Dpf.h"
#include "runtime/kernels/ThreadPool.h"

using namespace mpc;
using namespace mpc::crypto;

namespace {

/// A batch of keys with everything that went into it.
struct Batch {
  DpfParams p;
  size_t n;
  std::vector<uint64_t> alpha, payload;
  std::vector<Block> roots1, roots2;
  std::vector<uint8_t> keys;

  Batch(DpfParams params, std::vector<uint64_t> points, uint64_t seed,
        kernels::ThreadPool &pool)
      : p(params), n(points.size()), alpha(std::move(points)) {
    std::mt19937_64 rng(seed);
    payload.resize(n * p.words);
    for (auto &v : payload)
      v = rng(); // bits above the ring are to be ignored
    roots1 = randomBlocks(rng, n);
    roots2 = randomBlocks(rng, n);
    generate(pool);
  }
  void generate(kernels::ThreadPool &pool) {
    keys.assign(dpfKeyBytes(p, n), 0xcc);
    dpfGenerate(p, n, alpha.data(), payload.data(), roots1.data(),
                roots2.data(), keys.data(), pool);
  }
  const Block *roots(int party) const {
    return (party == 1 ? roots1 : roots2).data();
  }
  uint64_t expected(size_t e, uint64_t leaf, unsigned j) const {
    return leaf == alpha[e] ? core::reduce(payload[e * p.words + j], p.ringBits)
                            : 0;
  }
  std::vector<uint64_t> eval(int party, kernels::ThreadPool &pool) const {
    std::vector<uint64_t> out(n * p.points() * p.words);
    dpfEvalFull(p, party, n, roots(party), keys.data(), out.data(), pool);
    return out;
  }
  /// Shares of all leaves add up; counts wrong words.
  size_t wrong(kernels::ThreadPool &pool) const {
    auto a = eval(1, pool), b = eval(2, pool);
    size_t bad = 0, i = 0;
    for (size_t e = 0; e < n; ++e)
      for (uint64_t leaf = 0; leaf < p.points(); ++leaf)
        for (unsigned j = 0; j < p.words; ++j, ++i)
          bad +=
              core::reduce(a[i] + b[i], p.ringBits) != expected(e, leaf, j) ||
              a[i] != core::reduce(a[i], p.ringBits) ||
              b[i] != core::reduce(b[i], p.ringBits);
    return bad;
  }
};

std::vector<uint64_t> allPoints(unsigned depth) {
  std::vector<uint64_t> v(size_t{1} << depth);
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = i;
  return v;
}

std::vector<uint64_t> randomPoints(unsigned depth, size_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint64_t> v(n);
  for (auto &a : v)
    a = rng() & ((uint64_t{1} << depth) - 1);
  v[0] = 0;
  v.back() = (uint64_t{1} << depth) - 1;
  return v;
}

constexpr unsigned kRings[] = {1, 8, 16, 31, 32, 33, 47, 64};

} // namespace

TEST_CASE("small domains are right at every point") {
  kernels::ThreadPool pool(1);
  for (unsigned depth = 0; depth <= 6; ++depth)
    for (unsigned words = 1; words <= 5; ++words)
      for (unsigned k : kRings) {
        INFO("depth " << depth << " words " << words << " ring " << k);
        Batch b({depth, words, k}, allPoints(depth), depth * 100 + words + k,
                pool);
        REQUIRE(b.wrong(pool) == 0);
      }
}

TEST_CASE("early termination is right at every point") {
  kernels::ThreadPool pool(1);
  for (unsigned depth : {1, 3, 6, 8})
    for (unsigned words : {1, 2, 3, 8})
      for (unsigned k : kRings)
        for (unsigned t = 1; t <= depth; ++t) {
          DpfParams p{depth, words, k, t};
          if (!validate(p))
            continue;
          INFO("depth " << depth << " words " << words << " ring " << k
                        << " terminate " << t);
          Batch b(p, depth > 6 ? randomPoints(depth, 9, t) : allPoints(depth),
                  t, pool);
          REQUIRE(b.wrong(pool) == 0);
        }
}

TEST_CASE("large domains, several threads, every instruction set") {
  kernels::ThreadPool pool(2);
  for (AesLevel level : supportedAesLevels())
    for (unsigned depth : {7, 10, 11, 13, 15})
      for (auto [words, k] : {std::pair{1u, 64u}, {1u, 24u}, {3u, 33u}}) {
        INFO(name(level) << " depth " << depth << " words " << words);
        Batch b({depth, words, k, 0, level}, randomPoints(depth, 3, depth), 5,
                pool);
        REQUIRE(b.wrong(pool) == 0);
      }
}

TEST_CASE("every level makes and reads the same keys") {
  kernels::ThreadPool pool(1);
  Batch b({6, 4, 33}, randomPoints(6, 70, 1), 2, pool);
  auto keys = b.keys;
  auto leaves = b.eval(2, pool);
  for (AesLevel level : supportedAesLevels()) {
    b.p.aes = level;
    b.generate(pool);
    CHECK(b.keys == keys);
    CHECK(b.eval(2, pool) == leaves);
  }
  kernels::ThreadPool three(3);
  b.generate(three);
  CHECK(b.keys == keys);
}

TEST_CASE("key sizes are the declared ones") {
  CHECK(dpfKeyBits({6, 4, 33}) == 6 * 128 + 4 * 33);
  CHECK(dpfKeyBits({6, 4, 33, 1}) == 5 * 128 + 8 * 33);
  CHECK(dpfKeyBits({0, 1, 1}) == 1);
  CHECK(dpfKeyBytes({6, 4, 33}, 1) == 113);
  CHECK(dpfKeyBytes({6, 4, 33}, 2) == 225);
  CHECK(dpfKeyBytes({6, 4, 33}, 0) == 0);
  // The 144 bytes of a one-bit gather.
  CHECK(core::dpfTermination(15, 1, 1) == 8);
  CHECK(dpfKeyBits({15, 1, 1, 8}) == 144 * 8);
  CHECK(core::dpfTermination(6, 4, 33) == 1);
  CHECK(core::dpfTermination(6, 4, 40) == 0);
  CHECK(core::dpfTermination(8, 1, 64) == 2);
  CHECK(core::dpfTermination(1, 1, 16) == 1);
  // Valid; a byte longer than the shortest at most.
  for (unsigned depth : {0, 1, 3, 6, 15})
    for (unsigned words = 1; words <= 8; ++words)
      for (unsigned k = 1; k <= 64; ++k) {
        DpfParams p{depth, words, k, core::dpfTermination(depth, words, k)};
        INFO(depth << " " << words << " " << k);
        REQUIRE(validate(p));
        REQUIRE(dpfKeyBits(p) == core::dpfKeyBits(depth, words, k));
        REQUIRE(dpfKeyBits(p) <= dpfKeyBits({depth, words, k}) + 8);
      }
}

TEST_CASE("the wire format stays what it is") {
  kernels::ThreadPool pool(1);
  Batch b({6, 4, 33}, randomPoints(6, 11, 1), 2, pool);
  Batch c({9, 1, 1, 7}, randomPoints(9, 11, 1), 3, pool);
  CHECK(core::hex(core::sha256(b.keys)).substr(0, 16) == "00ac1ad2486f5b6f");
  CHECK(core::hex(core::sha256(c.keys)).substr(0, 16) == "2952992f257e0401");
}

TEST_CASE("keys of any batch size end where they should") {
  kernels::ThreadPool pool(1);
  for (size_t n : {1, 2, 7, 8, 9, 63, 64, 65, 130}) {
    INFO("n " << n);
    Batch b({3, 2, 13}, randomPoints(3, n, n), n, pool);
    REQUIRE(b.wrong(pool) == 0);
    // A longer batch with the same inputs has the same prefix.
    Batch one({3, 2, 13}, randomPoints(3, n, n), n, pool);
    REQUIRE(one.keys == b.keys);
    std::vector<uint8_t> guarded(b.keys.size() + 4, 0xee);
    dpfGenerate(b.p, n, b.alpha.data(), b.payload.data(), b.roots1.data(),
                b.roots2.data(), guarded.data(), pool);
    for (size_t i = b.keys.size(); i < guarded.size(); ++i)
      REQUIRE(guarded[i] == 0xee);
  }
  // Nothing to do is nothing done.
  dpfGenerate({3, 2, 13}, 0, nullptr, nullptr, nullptr, nullptr, nullptr, pool);
  dpfEvalFull({3, 2, 13}, 1, 0, nullptr, nullptr, nullptr, pool);
}

TEST_CASE("ranges, pieces and packed bits agree with the full form") {
  kernels::ThreadPool pool(2);
  for (auto p :
       {DpfParams{5, 2, 20}, DpfParams{12, 1, 40, 1}, DpfParams{13, 1, 1, 7},
        DpfParams{13, 3, 1, 2}, DpfParams{9, 1, 1, 0}, DpfParams{4, 1, 1, 4}}) {
    INFO("depth " << p.depth << " terminate " << p.terminate);
    Batch b(p, randomPoints(p.depth, 5, 3), 4, pool);
    auto full = b.eval(2, pool);
    std::mt19937_64 rng(6);
    for (int trial = 0; trial < 6; ++trial) {
      uint64_t first = trial ? rng() % p.points() : 0;
      uint64_t count = trial ? 1 + rng() % (p.points() - first) : p.points();
      std::vector<uint64_t> part(b.n * count * p.words), packed;
      dpfEvalRange(p, 2, b.n, b.roots(2), b.keys.data(), first, count,
                   part.data(), pool);
      size_t row = (count * p.words + 63) / 64;
      if (p.ringBits == 1) {
        packed.assign(b.n * row, ~uint64_t{0});
        dpfEvalBits(p, 2, b.n, b.roots(2), b.keys.data(), first, count,
                    packed.data(), pool);
      }
      for (size_t e = 0; e < b.n; ++e)
        for (uint64_t i = 0; i < count * p.words; ++i) {
          uint64_t want = full[(e * p.points() + first) * p.words + i];
          REQUIRE(part[e * count * p.words + i] == want);
          if (p.ringBits == 1)
            REQUIRE((packed[e * row + i / 64] >> (i % 64) & 1) == want);
        }
    }
  }
}

TEST_CASE("weighted sums of shares add up to weight times payload") {
  kernels::ThreadPool pool(2);
  auto weight = [](size_t e, uint64_t leaf, unsigned j) {
    return (e + 1) * 0x9e3779b97f4a7c15u + leaf * 77777 + j * 3;
  };
  for (auto p : {DpfParams{6, 4, 33}, DpfParams{12, 1, 64},
                 DpfParams{11, 2, 16, 1}, DpfParams{0, 2, 9}}) {
    Batch b(p, randomPoints(p.depth, 7, 5), 8, pool);
    std::vector<uint64_t> acc[3];
    for (int party : {1, 2}) {
      acc[party].resize(b.n);
      dpfWeightedSum(
          p, party, b.n, b.roots(party), b.keys.data(), acc[party].data(), pool,
          [&](size_t e, uint64_t first, uint64_t count, uint64_t *w) {
            for (uint64_t i = 0; i < count; ++i)
              for (unsigned j = 0; j < p.words; ++j)
                w[i * p.words + j] = weight(e, first + i, j);
          });
    }
    for (size_t e = 0; e < b.n; ++e) {
      uint64_t want = 0;
      for (unsigned j = 0; j < p.words; ++j)
        want += weight(e, b.alpha[e], j) * b.payload[e * p.words + j];
      CHECK(core::reduce(acc[1][e] + acc[2][e], p.ringBits) ==
            core::reduce(want, p.ringBits));
    }
  }
}

TEST_CASE("what one evaluator sees looks uniform whatever the secrets") {
  kernels::ThreadPool pool(1);
  for (uint64_t alpha : {0, 63}) {
    // The same secrets in every element, fresh roots.
    DpfParams p{6, 4, 64};
    Batch b(p, std::vector<uint64_t>(600, alpha), alpha, pool);
    std::fill(b.payload.begin(), b.payload.end(), 1);
    b.generate(pool);
    for (int party : {1, 2}) {
      auto leaves = b.eval(party, pool);
      std::vector<uint8_t> bytes(leaves.size() * 8);
      std::memcpy(bytes.data(), leaves.data(), bytes.size());
      CHECK(std::abs(byteDeviation(bytes)) < 8);
      // The leaf at alpha on its own.
      std::vector<uint8_t> special;
      for (size_t e = 0; e < b.n; ++e) {
        const uint64_t *w = &leaves[(e * 64 + alpha) * 4];
        auto *c = reinterpret_cast<const uint8_t *>(w);
        special.insert(special.end(), c, c + 32);
      }
      CHECK(std::abs(byteDeviation(special)) < 8);
    }
    // Bits of corrections: balanced, place by place, over the elements.
    size_t worst = 0;
    for (size_t bit = 0; bit < 6 * 128 + 4 * 64; ++bit) {
      const size_t level = std::min<size_t>(bit / 128, 6);
      const size_t width = level < 6 ? 128 : 4 * 64;
      size_t ones = 0;
      for (size_t e = 0; e < b.n; ++e) {
        size_t at = level * 128 * b.n + e * width + bit - level * 128;
        ones += b.keys[at / 8] >> (at % 8) & 1;
      }
      worst = std::max(worst, ones > 300 ? ones - 300 : 300 - ones);
    }
    CHECK(worst < 75); // six standard deviations of 600 coins
  }
}

TEST_CASE("parameters out of range are refused") {
  CHECK(validate(DpfParams{20, 8, 64, 0}));
  CHECK(validate(DpfParams{0, 1, 1, 0}));
  CHECK(validate(DpfParams{15, 1, 1, 10}));
  CHECK_FALSE(validate(DpfParams{21, 1, 64, 0}));
  CHECK_FALSE(validate(DpfParams{4, 0, 64, 0}));
  CHECK_FALSE(validate(DpfParams{4, 9, 64, 0}));
  CHECK_FALSE(validate(DpfParams{4, 1, 0, 0}));
  CHECK_FALSE(validate(DpfParams{4, 1, 65, 0}));
  CHECK_FALSE(validate(DpfParams{4, 1, 8, 5}));
  CHECK_FALSE(validate(DpfParams{10, 8, 64, 2}));
  auto s = validate(DpfParams{21, 1, 64, 0});
  CHECK(s.error().message == "DPF depth is 21, expected at most 20");
}

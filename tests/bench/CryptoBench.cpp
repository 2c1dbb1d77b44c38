//===- tests/bench/CryptoBench.cpp - PRG, DPF and splines, one core -------===//
//
// bench-crypto [--benchmark_filter=...]. Items are elements; the PRG reports
// bytes. The PRG's second argument is the instruction set: 0 portable,
// 1 AES-NI, 2 VAES. "share" is of this run's VAES peak, AES alone counted;
// "of_limit" the rate beside a prototype's, scaled to this run's VAES peak.
//
//===----------------------------------------------------------------------===//
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/core/DpfKey.h"
#include "runtime/crypto/Prg.h"
#include "runtime/crypto/SplineShare.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"
#include "tests/bench/Peaks.h"

using namespace mpc;
using namespace mpc::crypto;

namespace {

constexpr size_t kElements = 4096;

Prg prgOf(AesLevel level = bestAesLevel()) {
  std::array<uint8_t, 16> key{1, 2, 3};
  return Prg(Key128(key), level);
}

/// Share of the AES peak that `bytes` an iteration are.
void countAes(benchmark::State &state, double bytes) {
  if (const double peak = bench::peaks().aes; peak > 0)
    state.counters["share"] = benchmark::Counter(
        bytes / peak, benchmark::Counter::kIsIterationInvariantRate);
}

/// AES bytes to evaluate all leaves of a key: a block an inner node, and the
/// payloads of the last ones.
double treeBytes(const DpfParams &p) {
  const unsigned lane = p.ringBits == 1 ? 1 : p.ringBits <= 32 ? 32 : 64;
  const double blocks = ((p.words << p.terminate) * lane + 127) / 128;
  const auto nodes = static_cast<double>(p.points() >> p.terminate);
  return 16 * (nodes - 1 + nodes * blocks);
}

/// A rate of a machine whose VAES peak is 22.5 GB/s (the figures to reach), as
/// a share of this one's: n elements an iteration.
void countLimit(benchmark::State &state, double perSecond, size_t n) {
  if (const double peak = bench::peaks().aes; peak > 0)
    state.counters["of_limit"] =
        benchmark::Counter(static_cast<double>(n) / perSecond * 22.5e9 / peak,
                           benchmark::Counter::kIsIterationInvariantRate);
}
/// All leaves and their inner product: 4.2, 2.2, 1.1 M evaluations a second
/// for 2^8, 2^9, 2^10 leaves of 64 bits.
constexpr double kLimitWords = 1.1e9;
/// All leaves of one bit: 183, 97, 54 M evaluations for the same sizes.
double limitBits(unsigned depth) {
  return depth == 8 ? 183e6 : depth == 9 ? 97e6 : 54e6 * 1024 / (1 << depth);
}

void prgWords(benchmark::State &state) {
  const auto level = static_cast<AesLevel>(state.range(1));
  if (level > bestAesLevel())
    return state.SkipWithError("not on this processor");
  Prg prg = prgOf(level);
  std::vector<uint64_t> out(static_cast<size_t>(state.range(0)));
  uint64_t first = 0;
  for (auto _ : state) {
    prg.words({Purpose::Mask, 1, 0}, first, out, 40);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
    first += out.size();
  }
  state.SetBytesProcessed(static_cast<int64_t>(
      static_cast<size_t>(state.iterations()) * out.size() * 8));
  countAes(state, static_cast<double>(out.size() * 8));
}
BENCHMARK(prgWords)->ArgsProduct({{64, 2048, 1 << 20}, {0, 1, 2}});

struct Keys {
  DpfParams p;
  std::vector<uint64_t> alpha, payload;
  std::vector<Block> roots1, roots2;
  std::vector<uint8_t> keys;
  kernels::ThreadPool pool{1};

  Keys(DpfParams params, size_t n)
      : p(params), alpha(n), payload(n * p.words), roots1(n), roots2(n),
        keys(dpfKeyBytes(p, n)) {
    Prg prg = prgOf();
    prg.words({Purpose::Mask, 2, 0}, 0, payload, p.ringBits);
    if (p.depth)
      prg.words({Purpose::Mask, 3, 0}, 0, alpha, p.depth);
    prg.blocks({Purpose::DpfRoot, 4, 0}, 0, roots1);
    prg.blocks({Purpose::DpfRoot, 5, 0}, 0, roots2);
    generate();
  }
  void generate() {
    dpfGenerate(p, alpha.size(), alpha.data(), payload.data(), roots1.data(),
                roots2.data(), keys.data(), pool);
  }
};

// depth, words, ring
DpfParams paramsOf(const benchmark::State &state) {
  const auto depth = static_cast<unsigned>(state.range(0)),
             words = static_cast<unsigned>(state.range(1)),
             ring = static_cast<unsigned>(state.range(2));
  return {depth, words, ring, core::dpfTermination(depth, words, ring)};
}

void count(benchmark::State &state, size_t n) {
  state.SetItemsProcessed(
      static_cast<int64_t>(static_cast<size_t>(state.iterations()) * n));
  state.counters["s/elem"] = benchmark::Counter(
      static_cast<double>(static_cast<size_t>(state.iterations()) * n),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void dpfGenerateKeys(benchmark::State &state) {
  Keys k(paramsOf(state), kElements);
  for (auto _ : state) {
    k.generate();
    benchmark::ClobberMemory();
  }
  count(state, kElements);
  state.counters["key_bytes"] = static_cast<double>(dpfKeyBits(k.p)) / 8;
}
BENCHMARK(dpfGenerateKeys)
    ->Args({6, 4, 33})
    ->Args({5, 6, 33})
    ->Args({15, 1, 40})
    ->Args({8, 1, 1})
    ->Args({15, 1, 1});

void dpfEvaluateAll(benchmark::State &state) {
  const size_t n = state.range(0) > 10 ? 16 : 128; // leaves stay in the cache
  Keys k(paramsOf(state), n);
  std::vector<uint64_t> leaves(n * k.p.points() * k.p.words);
  for (auto _ : state) {
    dpfEvalFull(k.p, 1, n, k.roots1.data(), k.keys.data(), leaves.data(),
                k.pool);
    benchmark::ClobberMemory();
  }
  count(state, n);
  countAes(state, static_cast<double>(n) * treeBytes(k.p));
  countLimit(state, kLimitWords / static_cast<double>(k.p.points() * k.p.words),
             n);
}
BENCHMARK(dpfEvaluateAll)
    ->Args({6, 4, 33})
    ->Args({8, 1, 64})
    ->Args({10, 1, 32})
    ->Args({15, 1, 40});

void dpfEvaluateBits(benchmark::State &state) {
  const size_t n = state.range(0) > 10 ? 64 : kElements;
  Keys k(paramsOf(state), n);
  std::vector<uint64_t> bits(n * k.p.points() / 64 + n);
  for (auto _ : state) {
    dpfEvalBits(k.p, 1, n, k.roots1.data(), k.keys.data(), 0, k.p.points(),
                bits.data(), k.pool);
    benchmark::ClobberMemory();
  }
  count(state, n);
  countAes(state, static_cast<double>(n) * treeBytes(k.p));
  countLimit(state, limitBits(k.p.depth), n);
}
BENCHMARK(dpfEvaluateBits)
    ->Args({8, 1, 1})
    ->Args({9, 1, 1})
    ->Args({10, 1, 1})
    ->Args({15, 1, 1});

kernels::SplineTable tableOf(unsigned d, unsigned D, unsigned K) {
  kernels::SplineTable t;
  t.inputBits = 16;
  t.segmentBits = d;
  t.degree = D;
  t.payloadFrac = 14;
  t.coeffFrac = 13;
  t.ringBits = K;
  t.coeffs.resize(size_t{t.segments()} * t.words());
  for (size_t i = 0; i < t.coeffs.size(); ++i)
    t.coeffs[i] = static_cast<int64_t>(i * 37 % 8000) - 4000;
  return t;
}

// d, D, K (and instruction set)
kernels::SplineTable tableOf(const benchmark::State &state) {
  return tableOf(static_cast<unsigned>(state.range(0)),
                 static_cast<unsigned>(state.range(1)),
                 static_cast<unsigned>(state.range(2)));
}

void splineDealKeys(benchmark::State &state) {
  auto t = tableOf(state);
  Keys k(splineDpf(t), kElements);
  const std::span lambda = std::span(k.payload).first(kElements);
  for (auto _ : state) {
    splineDeal(t, lambda, k.roots1.data(), k.roots2.data(), k.keys.data(),
               k.pool);
    benchmark::ClobberMemory();
  }
  count(state, kElements);
  state.counters["key_bytes"] = static_cast<double>(dpfKeyBits(k.p)) / 8;
}

void splineEvaluateShares(benchmark::State &state) {
  const auto level = static_cast<AesLevel>(state.range(3));
  if (level > bestAesLevel())
    return state.SkipWithError("not on this processor");
  auto t = tableOf(state);
  Keys k(splineDpf(t), kElements);
  kernels::PreparedSpline spline(t);
  std::vector<uint64_t> m(kElements), acc(kElements);
  prgOf().words({Purpose::Mask, 9, 0}, 0, m, 16);
  for (auto _ : state) {
    splineEvaluate(spline, 2, m, k.roots2.data(), k.keys.data(), acc, k.pool,
                   level);
    benchmark::ClobberMemory();
  }
  count(state, kElements);
  countAes(state, static_cast<double>(kElements) * treeBytes(k.p));
  countLimit(state, kLimitWords / (t.segments() * t.words()), kElements);
}

void eachShape(benchmark::internal::Benchmark *b, bool evaluate) {
  struct {
    int64_t d, D, K;
  } const shapes[] = {{8, 0, 64}, {9, 0, 64}, {10, 0, 64}, {8, 0, 16},
                      {5, 1, 32}, {7, 2, 33}, {4, 3, 33},  {6, 3, 33},
                      {6, 3, 32}, {6, 3, 44}, {5, 5, 33},  {4, 7, 33},
                      {7, 3, 48}, {11, 5, 56}};
  for (const auto &s : shapes)
    evaluate ? b->Args({s.d, s.D, s.K, 2}) : b->Args({s.d, s.D, s.K});
}
BENCHMARK(splineDealKeys)->Apply([](auto *b) { eachShape(b, false); });
BENCHMARK(splineEvaluateShares)->Apply([](auto *b) {
                                 eachShape(b, true);
                               }) -> ArgsProduct({{6}, {3}, {33, 32}, {0, 1}});

//===----------------------------------------------------------------------===//
// Yardstick: direct tables, which no plan uses. The dealer deals each segment's
// polynomial around the mask's low part, in the order that the public high part
// indexes; P1's words come from a PRG, P2's are sent. No leaves to expand, but
// 2^d (D + 1) words an element, all of them made without secret addresses.
//===----------------------------------------------------------------------===//

/// to[p] = from[p + shift mod size] if `on` is all ones, else from[p].
void rotateIf(uint64_t on, const uint64_t *from, size_t size, size_t shift,
              uint64_t *to) {
  auto select = [&](size_t p, uint64_t v) {
    to[p] = from[p] ^ (on & (from[p] ^ v));
  };
  for (size_t p = 0; p < size - shift; ++p)
    select(p, from[p + shift]);
  for (size_t p = size - shift; p < size; ++p)
    select(p, from[p + shift - size]);
}

constexpr size_t kDirectElements = 256;

void directDeal(benchmark::State &state) {
  const auto t = tableOf(state);
  const unsigned h = t.lowBits(), S = t.segments();
  const size_t size = size_t{S} * t.words(), n = kDirectElements;
  Prg prg = prgOf();
  std::vector<uint64_t> lambda(n), mine(n * size), words(n * size);
  prg.words({Purpose::Mask, 1, 0}, 0, lambda, t.inputBits);
  std::vector<uint64_t> from(size), to(size);
  std::vector<uint8_t> out(kernels::packedBytes(n * size, t.ringBits));
  for (auto _ : state) {
    for (size_t e = 0; e < n; ++e) {
      for (unsigned j = 0; j <= t.degree; ++j)
        for (unsigned s = 0; s < S; ++s)
          from[j * S + s] =
              static_cast<uint64_t>(t.coeffs[((S - s) % S) * t.words() + j]);
      const uint64_t la = lambda[e] >> h;
      const auto lb = static_cast<int64_t>(lambda[e] & ((1u << h) - 1));
      for (unsigned bit = 0; bit < t.segmentBits; ++bit) {
        for (unsigned j = 0; j <= t.degree; ++j)
          rotateIf(-(la >> bit & 1), &from[j * S], S, size_t{1} << bit,
                   &to[j * S]);
        std::swap(from, to);
      }
      for (unsigned j = 0; j < t.degree; ++j)
        for (unsigned i = t.degree; i-- > j;)
          for (unsigned s = 0; s < S; ++s)
            from[i * S + s] -= static_cast<uint64_t>(
                (static_cast<int64_t>(from[(i + 1) * S + s]) * lb) >> h);
      std::copy(from.begin(), from.end(), &words[e * size]);
    }
    prg.words({Purpose::Dealt, 1, 0}, 0, mine);
    for (size_t i = 0; i < words.size(); ++i)
      words[i] -= mine[i];
    kernels::packBits(words.data(), words.size(), t.ringBits, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count(state, n);
  state.counters["key_bytes"] =
      static_cast<double>(size * t.ringBits) / 8; // to P2 alone
}

/// P1: its row of each element's table, and the polynomial.
void directEvaluate(benchmark::State &state) {
  const auto t = tableOf(state);
  const unsigned h = t.lowBits();
  const size_t size = size_t{t.segments()} * t.words(), n = kDirectElements;
  Prg prg = prgOf();
  std::vector<uint64_t> m(n), acc(n), row(t.words());
  prg.words({Purpose::Mask, 1, 0}, 0, m, t.inputBits);
  for (auto _ : state) {
    for (size_t e = 0; e < n; ++e) {
      prg.words({Purpose::Dealt, 1, 0}, e * size + (m[e] >> h) * t.words(),
                row);
      const uint64_t mb = m[e] & ((1u << h) - 1);
      uint64_t r = 0;
      for (unsigned j = t.words(); j-- > 0;)
        r = ((r * mb) >> h) + row[j];
      acc[e] = r;
    }
    benchmark::DoNotOptimize(acc.data());
    benchmark::ClobberMemory();
  }
  count(state, n);
}

BENCHMARK(directDeal)
    ->ArgsProduct({{2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7}, {33}});
BENCHMARK(directEvaluate)
    ->ArgsProduct({{2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7}, {33}});

void splinePlainValues(benchmark::State &state) {
  kernels::PreparedSpline spline(tableOf(6, 3, 33));
  uint64_t x = 1, sum = 0;
  for (auto _ : state) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    benchmark::DoNotOptimize(sum += spline.plain(x >> 40, x >> 20));
  }
  count(state, 1);
}
BENCHMARK(splinePlainValues);

} // namespace

BENCHMARK_MAIN();

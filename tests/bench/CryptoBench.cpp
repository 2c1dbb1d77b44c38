//===- tests/bench/CryptoBench.cpp - PRG, DPF and splines, one core -------===//
//
// bench-crypto [--benchmark_filter=...]. Items are elements; the PRG reports
// bytes. The PRG's second argument is the instruction set: 0 portable,
// 1 AES-NI, 2 VAES. "share" is of this run's VAES peak, AES alone counted.
//
//===----------------------------------------------------------------------===//
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "runtime/crypto/Prg.h"
#include "runtime/crypto/SplineShare.h"
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

/// AES bytes to evaluate all leaves of a key whose leaves fill `blocks` blocks:
/// both children of every inner node, and the leaves.
double treeBytes(unsigned depth, unsigned blocks) {
  const double leaves = static_cast<double>(uint64_t{1} << depth);
  return 16 * (2 * (leaves - 1) + leaves * blocks);
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

DpfParams paramsOf(const benchmark::State &state) {
  return {static_cast<unsigned>(state.range(0)),
          static_cast<unsigned>(state.range(1)),
          static_cast<unsigned>(state.range(2)),
          static_cast<unsigned>(state.range(3))};
}

void count(benchmark::State &state, size_t n) {
  state.SetItemsProcessed(
      static_cast<int64_t>(static_cast<size_t>(state.iterations()) * n));
  state.counters["s/elem"] = benchmark::Counter(
      static_cast<double>(static_cast<size_t>(state.iterations()) * n),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// depth, words, ring, terminate
void dpfGenerateKeys(benchmark::State &state) {
  Keys k(paramsOf(state), kElements);
  for (auto _ : state) {
    k.generate();
    benchmark::ClobberMemory();
  }
  count(state, kElements);
}
BENCHMARK(dpfGenerateKeys)
    ->Args({6, 4, 33, 0})
    ->Args({5, 6, 33, 0})
    ->Args({6, 1, 1, 0})
    ->Args({15, 1, 40, 0})
    ->Args({15, 1, 1, 7});

void dpfEvaluateAll(benchmark::State &state) {
  const size_t n = state.range(0) > 10 ? 16 : 1024;
  Keys k(paramsOf(state), n);
  std::vector<uint64_t> leaves(n * k.p.points() * k.p.words);
  for (auto _ : state) {
    dpfEvalFull(k.p, 1, n, k.roots1.data(), k.keys.data(), leaves.data(),
                k.pool);
    benchmark::ClobberMemory();
  }
  count(state, n);
  const unsigned lane = k.p.ringBits <= 32 ? 32 : 64;
  if (k.p.terminate == 0 && k.p.ringBits > 1)
    countAes(state, static_cast<double>(n) *
                        treeBytes(k.p.depth, (k.p.words * lane + 127) / 128));
}
BENCHMARK(dpfEvaluateAll)
    ->Args({6, 4, 33, 0})
    ->Args({6, 1, 1, 0})
    ->Args({15, 1, 40, 0})
    ->Args({15, 1, 40, 1});

void dpfEvaluateBits(benchmark::State &state) {
  const size_t n = 64;
  Keys k(paramsOf(state), n);
  std::vector<uint64_t> bits(n * k.p.points() / 64 + n);
  for (auto _ : state) {
    dpfEvalBits(k.p, 1, n, k.roots1.data(), k.keys.data(), 0, k.p.points(),
                bits.data(), k.pool);
    benchmark::ClobberMemory();
  }
  count(state, n);
}
BENCHMARK(dpfEvaluateBits)->Args({15, 1, 1, 7});

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
void splineDealKeys(benchmark::State &state) {
  auto t = tableOf(static_cast<unsigned>(state.range(0)),
                   static_cast<unsigned>(state.range(1)),
                   static_cast<unsigned>(state.range(2)));
  Keys k(splineDpf(t), kElements);
  const std::span lambda = std::span(k.payload).first(kElements);
  for (auto _ : state) {
    splineDeal(t, lambda, k.roots1.data(), k.roots2.data(), k.keys.data(),
               k.pool);
    benchmark::ClobberMemory();
  }
  count(state, kElements);
}

BENCHMARK(splineDealKeys)->Args({6, 3, 33})->Args({5, 5, 33});

void splineEvaluateShares(benchmark::State &state) {
  const auto level = static_cast<AesLevel>(state.range(3));
  if (level > bestAesLevel())
    return state.SkipWithError("not on this processor");
  auto t = tableOf(static_cast<unsigned>(state.range(0)),
                   static_cast<unsigned>(state.range(1)),
                   static_cast<unsigned>(state.range(2)));
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
  const unsigned lane = t.ringBits <= 32 ? 32 : 64;
  countAes(state, static_cast<double>(kElements) *
                      treeBytes(t.segmentBits, (t.words() * lane + 127) / 128));
}
BENCHMARK(splineEvaluateShares)
    ->ArgsProduct({{6}, {3}, {33, 32}, {0, 1, 2}})
    ->Args({5, 5, 33, 2})
    ->Args({7, 2, 33, 2})
    ->Args({4, 7, 33, 2})
    ->Args({11, 5, 56, 2});

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

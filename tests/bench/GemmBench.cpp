//===- tests/bench/GemmBench.cpp - ring products and bit packing ----------===//
// bench-gemm --benchmark_filter='gemm64/packed.*'
// Rates: MAC = multiply-adds a second; bytes are those of the unpacked side.
// "share" is of what the best loop with Winograd's inner product reaches at
// this run's rate of vpmullq or vpmulld, times the threads.
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Gemm.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/Strided.h"

#include "tests/bench/Peaks.h"

#include <benchmark/benchmark.h>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace mpc::kernels;

template <class T> std::vector<T> randomWords(int64_t n) {
  std::mt19937_64 rng(1);
  std::vector<T> v(static_cast<size_t>(n));
  for (T &x : v)
    x = static_cast<T>(rng());
  return v;
}

/// Multiply-adds that Winograd's inner product reached in a loop on the
/// first-level cache, per product of the bare instruction. It halves the
/// products and adds three additions to each, which share its two ports.
constexpr double kTrick64 = 0.92, kTrick32 = 0.96;

/// Multiply-adds a second, and their share of the machine's bound.
template <class T>
void countMacs(benchmark::State &state, double macs, unsigned threads) {
  constexpr auto kRate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["MAC"] = benchmark::Counter(macs, kRate);
  const mpc::bench::Peaks &p = mpc::bench::peaks();
  const double peak =
      (sizeof(T) == 8 ? kTrick64 * p.mul64 : kTrick32 * p.mul32) * threads;
  if (peak > 0)
    state.counters["share"] = benchmark::Counter(macs / peak, kRate);
}

template <class T>
void gemmBench(benchmark::State &state, bool packed, int64_t m, int64_t k,
               int64_t n, unsigned threads, SimdLevel simd) {
  ThreadPool pool(threads, simd);
  auto a = randomWords<T>(m * k), b = randomWords<T>(k * n);
  std::vector<T> c(static_cast<size_t>(m * n));
  PackedB<T> w(viewOf(b.data(), k, n), pool);
  for (auto _ : state) {
    if (packed)
      gemm(viewOf(a.data(), m, k), w, c.data(), n, Acc::Set, pool);
    else
      gemm(viewOf(a.data(), m, k), viewOf(b.data(), k, n), c.data(), n,
           Acc::Set, pool);
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  countMacs<T>(state, static_cast<double>(m * k * n), threads);
}

template <class T> void registerGemm(const char *name) {
  struct Case {
    int64_t m, k, n;
  };
  for (auto [m, k, n] :
       {Case{128, 768, 768}, Case{128, 768, 3072}, Case{128, 3072, 768},
        Case{8, 4096, 4096}, Case{1, 768, 768}, Case{128, 64, 128},
        Case{16, 64, 16}})
    for (SimdLevel simd : supportedSimdLevels())
      for (unsigned threads : {1u, 2u})
        for (bool packed : {true, false}) {
          std::string id = std::string(name) + (packed ? "/packed/" : "/raw/") +
                           toString(simd) + "/" + std::to_string(m) + "x" +
                           std::to_string(k) + "x" + std::to_string(n) +
                           "/threads:" + std::to_string(threads);
          benchmark::RegisterBenchmark(id.c_str(), [=](benchmark::State &s) {
            gemmBench<T>(s, packed, m, k, n, threads, simd);
          })->UseRealTime();
        }
}

void batchBench(benchmark::State &state, int64_t batch, int64_t m, int64_t k,
                int64_t n, unsigned threads) {
  ThreadPool pool(threads);
  auto a = randomWords<uint64_t>(batch * m * k);
  auto b = randomWords<uint64_t>(batch * k * n);
  std::vector<uint64_t> c(static_cast<size_t>(batch * m * n));
  for (auto _ : state) {
    gemmBatch(batch, viewOf(a.data(), m, k), m * k,
              viewOf(b.data(), n, k).transposed(), k * n, c.data(), n, m * n,
              Acc::Set, pool);
    benchmark::ClobberMemory();
  }
  countMacs<uint64_t>(state, static_cast<double>(batch * m * k * n), threads);
}

void packBench(benchmark::State &state, bool pack, SimdLevel simd) {
  auto k = static_cast<unsigned>(state.range(0));
  size_t n = static_cast<size_t>(state.range(1));
  auto words = randomWords<uint64_t>(static_cast<int64_t>(n));
  std::vector<uint8_t> bytes(packedBytes(n, k));
  packBits(words.data(), n, k, bytes.data(), simd);
  for (auto _ : state) {
    if (pack)
      packBits(words.data(), n, k, bytes.data(), simd);
    else
      unpackBits(bytes.data(), n, k, words.data(), simd);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(n * 8));
}

/// One of the protocols' fused steps on a piece, bytes read and written.
void fusedBench(benchmark::State &state, SimdLevel simd) {
  const FusedKernels &fused = fusedKernels(simd);
  constexpr auto n = static_cast<int64_t>(kFusedPiece);
  auto m = randomWords<uint64_t>(n), t0 = randomWords<uint64_t>(n),
       t1 = randomWords<uint64_t>(n), l = randomWords<uint64_t>(n);
  std::vector<uint64_t> s(kFusedPiece), base(kFusedPiece);
  for (auto _ : state) {
    if (state.range(0) == 0)
      fused.extend(s.data(), base.data(), m.data(), t0.data(), t1.data(),
                   l.data(), kFusedPiece, 22, 18, 1 << 20);
    else if (state.range(0) == 1)
      fused.truncFloor(s.data(), m.data(), l.data(), kFusedPiece, ~0ull >> 20,
                       20, ~0ull >> 40);
    else
      fused.lookUpDigit(s.data(), base.data(), m.data(), t0.data(), kFusedPiece,
                        12, 3, 1);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}

void transposeBench(benchmark::State &state) {
  ThreadPool pool(1);
  int64_t n = state.range(0);
  auto in = randomWords<uint64_t>(n * n);
  std::vector<uint64_t> out(in.size());
  for (auto _ : state) {
    stridedCopy(out.data(), {n, n}, in.data(), {1, n}, pool);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * n * n * 8);
}

} // namespace

int main(int argc, char **argv) {
  registerGemm<uint64_t>("gemm64");
  registerGemm<uint32_t>("gemm32");
  for (unsigned threads : {1u, 2u}) {
    std::string t = "/threads:" + std::to_string(threads);
    benchmark::RegisterBenchmark(("batch/QK/12x128x64x128" + t).c_str(),
                                 batchBench, 12, 128, 64, 128, threads)
        ->UseRealTime();
    benchmark::RegisterBenchmark(("batch/QK/192x16x64x16" + t).c_str(),
                                 batchBench, 192, 16, 64, 16, threads)
        ->UseRealTime();
  }
  for (SimdLevel simd : supportedSimdLevels())
    for (bool pack : {true, false})
      benchmark::RegisterBenchmark(
          (std::string(pack ? "pack/" : "unpack/") + toString(simd)).c_str(),
          packBench, pack, simd)
          ->ArgsProduct({{1, 17, 20, 33, 52, 64}, {4096, 1 << 22}});
  for (SimdLevel simd : supportedSimdLevels())
    benchmark::RegisterBenchmark(
        (std::string("fused/extend,trunc,digit/") + toString(simd)).c_str(),
        fusedBench, simd)
        ->Arg(0)
        ->Arg(1)
        ->Arg(2);
  benchmark::RegisterBenchmark("transpose", transposeBench)
      ->Arg(128)
      ->Arg(1024);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

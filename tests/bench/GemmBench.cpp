//===- tests/bench/GemmBench.cpp - ring products and bit packing ----------===//
// bench-gemm --benchmark_filter='gemm64/packed.*'
// Rates: MAC = multiply-adds a second; bytes are those of the unpacked side.
#include "runtime/kernels/Gemm.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/Strided.h"

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
  state.counters["MAC"] =
      benchmark::Counter(static_cast<double>(m * k * n),
                         benchmark::Counter::kIsIterationInvariantRate);
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
  state.counters["MAC"] =
      benchmark::Counter(static_cast<double>(batch * m * k * n),
                         benchmark::Counter::kIsIterationInvariantRate);
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
  benchmark::RegisterBenchmark("transpose", transposeBench)
      ->Arg(128)
      ->Arg(1024);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

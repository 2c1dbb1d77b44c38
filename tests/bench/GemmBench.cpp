//===- tests/bench/GemmBench.cpp - ring products and bit packing ----------===//
// bench-gemm --benchmark_filter='gemm64/packed.*'
// Rates: MAC = multiply-adds a second; bytes are those of the unpacked side;
// read = bytes of an operand that no cache holds. "share" is of what binds:
// what the best loop with Winograd's inner product reaches at this run's rate
// of vpmullq or vpmulld, times the threads, or such an operand at the rate
// memory is read at by as many threads.
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Gemm.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/Strided.h"

#include "tests/bench/Peaks.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace mpc::kernels;

std::vector<uint64_t> randomWords(int64_t n) {
  std::mt19937_64 rng(1);
  std::vector<uint64_t> v(static_cast<size_t>(n));
  for (uint64_t &x : v)
    x = rng();
  return v;
}

/// Multiply-adds that Winograd's inner product reached in a loop on the
/// first-level cache, per product of the bare instruction. It halves the
/// products and adds three additions to each, which share its two ports.
constexpr double kTrick64 = 0.92, kTrick32 = 0.96;
/// An operand of more bytes comes from memory each time.
constexpr size_t kLastCache = size_t{64} << 20;

/// Multiply-adds a second, and their share of the machine's bound; fromMemory:
/// bytes a product must read there.
void countMacs(benchmark::State &state, double macs, unsigned bits,
               unsigned threads, size_t fromMemory = 0) {
  constexpr auto kRate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["MAC"] = benchmark::Counter(macs, kRate);
  const mpc::bench::Peaks &p = mpc::bench::peaks();
  const double peak =
      (bits > 32 ? kTrick64 * p.mul64 : kTrick32 * p.mul32) * threads;
  double seconds = peak > 0 ? macs / peak : 0;
  if (fromMemory > kLastCache) {
    const double bytes = static_cast<double>(fromMemory);
    state.counters["read"] = benchmark::Counter(bytes, kRate);
    seconds =
        std::max(seconds, bytes / mpc::bench::readPeak(threads, fromMemory));
  }
  if (seconds > 0)
    state.counters["share"] = benchmark::Counter(seconds, kRate);
}

void gemmBench(benchmark::State &state, unsigned bits, bool packed, int64_t m,
               int64_t k, int64_t n, unsigned threads, SimdLevel simd) {
  ThreadPool pool(threads, simd);
  auto a = randomWords(m * k), b = randomWords(k * n);
  std::vector<uint64_t> c(static_cast<size_t>(m * n));
  PackedB w(viewOf(b.data(), k, n), bits, pool);
  for (auto _ : state) {
    if (packed)
      gemm(viewOf(a.data(), m, k), w, c.data(), n, Acc::Set, pool);
    else
      gemm(viewOf(a.data(), m, k), viewOf(b.data(), k, n), bits, c.data(), n,
           Acc::Set, pool);
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  countMacs(state, static_cast<double>(m * k * n), bits, threads,
            packed ? w.bytes() : b.size() * sizeof(uint64_t));
}

/// One thread is measured by processor time, whoever else wants the core.
void timed(benchmark::internal::Benchmark *b, unsigned threads) {
  if (threads > 1)
    b->UseRealTime();
}

void registerGemm(unsigned bits) {
  struct Case {
    int64_t m, k, n;
  };
  for (auto [m, k, n] :
       {Case{128, 768, 768}, Case{128, 768, 3072}, Case{128, 3072, 768},
        Case{8, 4096, 4096}, Case{1, 4096, 4096}, Case{1, 768, 768},
        Case{128, 64, 128}, Case{16, 64, 16}})
    for (SimdLevel simd : supportedSimdLevels())
      for (unsigned threads : {1u, 2u})
        for (bool packed : {true, false}) {
          std::string id = "gemm" + std::to_string(bits) +
                           (packed ? "/packed/" : "/raw/") + toString(simd) +
                           "/" + std::to_string(m) + "x" + std::to_string(k) +
                           "x" + std::to_string(n) +
                           "/threads:" + std::to_string(threads);
          timed(benchmark::RegisterBenchmark(id.c_str(),
                                             [=](benchmark::State &s) {
                                               gemmBench(s, bits, packed, m, k,
                                                         n, threads, simd);
                                             }),
                threads);
        }
}

/// The products of attention's heads: B packed inside the call.
void batchBench(benchmark::State &state, unsigned bits, bool transposed,
                int64_t batch, int64_t m, int64_t k, int64_t n,
                unsigned threads) {
  ThreadPool pool(threads);
  auto a = randomWords(batch * m * k);
  auto b = randomWords(batch * k * n);
  std::vector<uint64_t> c(static_cast<size_t>(batch * m * n));
  for (auto _ : state) {
    gemmBatch(batch, viewOf(a.data(), m, k), m * k,
              transposed ? viewOf(b.data(), n, k).transposed()
                         : viewOf(b.data(), k, n),
              k * n, bits, c.data(), n, m * n, Acc::Add, pool);
    benchmark::ClobberMemory();
  }
  countMacs(state, static_cast<double>(batch * m * k * n), bits, threads);
}

void registerBatch(unsigned bits) {
  struct Case {
    int64_t batch, m, k, n;
  };
  for (auto [batch, m, k, n] : {Case{12, 128, 64, 128}, Case{12, 128, 128, 64},
                                Case{12, 32, 64, 32}, Case{192, 16, 64, 16}})
    for (bool transposed : {false, true})
      for (unsigned threads : {1u, 2u}) {
        std::string id = "batch" + std::to_string(bits) +
                         (transposed ? "/transposed/" : "/") +
                         std::to_string(batch) + "x" + std::to_string(m) + "x" +
                         std::to_string(k) + "x" + std::to_string(n) +
                         "/threads:" + std::to_string(threads);
        timed(benchmark::RegisterBenchmark(
                  id.c_str(),
                  [=](benchmark::State &s) {
                    batchBench(s, bits, transposed, batch, m, k, n, threads);
                  }),
              threads);
      }
}

void packBench(benchmark::State &state, bool pack, SimdLevel simd) {
  auto k = static_cast<unsigned>(state.range(0));
  size_t n = static_cast<size_t>(state.range(1));
  auto words = randomWords(static_cast<int64_t>(n));
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
  auto m = randomWords(n), t0 = randomWords(n), t1 = randomWords(n),
       l = randomWords(n);
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
  auto in = randomWords(n * n);
  std::vector<uint64_t> out(in.size());
  for (auto _ : state) {
    stridedCopy(out.data(), {n, n}, in.data(), {1, n}, pool);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * n * n * 8);
}

} // namespace

int main(int argc, char **argv) {
  for (unsigned bits : {64u, 40u, 32u}) {
    registerGemm(bits);
    registerBatch(bits);
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

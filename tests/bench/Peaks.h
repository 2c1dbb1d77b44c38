//===- tests/bench/Peaks.h - what one core of this machine can do now -----===//
//
// Throughput of the instructions that bound the kernels, measured for a moment
// on independent registers in the run that compares itself with them: clocks
// and neighbours change from hour to hour. 0 where the processor lacks them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mpc::bench {

struct Peaks {
  double mul64 = 0; ///< vpmullq, products of 64-bit lanes a second
  double mul32 = 0; ///< vpmulld, of 32-bit lanes
  double aes = 0;   ///< bytes a second through the ten rounds of AES-128
};

inline double threadCpuSeconds() {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Calls of fn() a second of this thread's processor time, whoever else wants
/// the core; the best of several stretches.
template <class F> double callRate(F fn) {
  double best = 0;
  for (int stretch = 0; stretch < 5; ++stretch) {
    const double start = threadCpuSeconds();
    uint64_t n = 0;
    double seconds;
    do {
      for (int i = 0; i < 1000; ++i)
        fn();
      n += 1000;
      seconds = threadCpuSeconds() - start;
    } while (seconds < 0.02);
    best = best > static_cast<double>(n) / seconds
               ? best
               : static_cast<double>(n) / seconds;
  }
  return best;
}

#if defined(__x86_64__)

inline constexpr int kChains = 12; ///< more than latency times throughput

__attribute__((target("avx512f,avx512dq"))) inline void mul64Block() {
  __m512i x[kChains];
#pragma GCC unroll 12 // else the registers live in memory
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm512_set1_epi64(i + 3);
  for (int r = 0; r < 100; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      x[i] = _mm512_mullo_epi64(x[i], x[i]);
      asm volatile("" : "+v"(x[i])); // kept, in a register
    }
}
__attribute__((target("avx512f"))) inline void mul32Block() {
  __m512i x[kChains];
#pragma GCC unroll 12 // else the registers live in memory
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm512_set1_epi32(i + 3);
  for (int r = 0; r < 100; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      x[i] = _mm512_mullo_epi32(x[i], x[i]);
      asm volatile("" : "+v"(x[i]));
    }
}
__attribute__((target("avx512f,vaes"))) inline void aesBlock() {
  __m512i x[kChains];
#pragma GCC unroll 12 // else the registers live in memory
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm512_set1_epi64(i + 3);
  const __m512i key = _mm512_set1_epi64(12345);
  for (int r = 0; r < 100; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      x[i] = _mm512_aesenc_epi128(x[i], key);
      asm volatile("" : "+v"(x[i]));
    }
}

__attribute__((target("avx512f"))) inline void readLines(const uint8_t *from,
                                                         size_t bytes) {
  __m512i sum[4] = {};
  for (const uint8_t *p = from; p < from + bytes; p += 4 * 64)
    for (int i = 0; i < 4; ++i)
      sum[i] = _mm512_add_epi64(sum[i], _mm512_load_si512(p + i * 64));
  for (__m512i &s : sum)
    asm volatile("" : "+v"(s));
}

inline Peaks measurePeaks() {
  Peaks p;
  constexpr double kEach = 100 * kChains;
  if (__builtin_cpu_supports("avx512dq")) {
    p.mul64 = callRate(mul64Block) * kEach * 8;
    p.mul32 = callRate(mul32Block) * kEach * 16;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vaes"))
    p.aes = callRate(aesBlock) * kEach * 64 / 10;
  return p;
}

#else
inline Peaks measurePeaks() { return {}; }
#endif

/// Measured at the first call, and anew when the last figures are older than a
/// few seconds.
inline const Peaks &peaks() {
  using Clock = std::chrono::steady_clock;
  static Peaks p;
  static Clock::time_point fresh;
  if (Clock::now() >= fresh) {
    p = measurePeaks();
    fresh = Clock::now() + std::chrono::seconds(3);
  }
  return p;
}

/// Bytes a second at which `threads` threads together read as much memory
/// again and again, so that the last cache serves what it can of it; on huge
/// pages where allowed. Processor time for one thread, else time on the clock.
/// Measured at the first call.
inline double readPeak(unsigned threads, size_t bytes) {
  static std::map<std::pair<unsigned, size_t>, double> known;
  double &best = known[{threads, bytes}];
  if (best > 0)
    return best;
  constexpr size_t kHuge = size_t{2} << 20;
  const size_t each = bytes / threads / kHuge * kHuge;
  std::vector<uint8_t *> arrays(threads);
  for (uint8_t *&a : arrays) {
    a = static_cast<uint8_t *>(std::aligned_alloc(kHuge, each));
    (void)::madvise(a, each, MADV_HUGEPAGE);
    std::memset(a, 1, each);
  }
  const auto read = [each](const uint8_t *a) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
      return readLines(a, each);
#endif
    uint64_t sum = 0;
    for (const uint8_t *p = a; p < a + each; p += 64)
      sum += *reinterpret_cast<const uint64_t *>(p);
    asm volatile("" : : "r"(sum));
  };
  for (int stretch = 0; stretch < 9; ++stretch) {
    const double cpu = threadCpuSeconds();
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::jthread> others;
    for (unsigned t = 1; t < threads; ++t)
      others.emplace_back([&, t] { read(arrays[t]); });
    read(arrays[0]);
    others.clear();
    const std::chrono::duration<double> wall =
        std::chrono::steady_clock::now() - start;
    const double seconds =
        threads == 1 ? threadCpuSeconds() - cpu : wall.count();
    best = std::max(best, static_cast<double>(threads * each) / seconds);
  }
  for (uint8_t *a : arrays)
    std::free(a);
  return best;
}

} // namespace mpc::bench

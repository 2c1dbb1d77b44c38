//===- runtime/kernels/ThreadPool.h - parallel loops ----------------------===//
//
// A fixed set of threads that run loops together with the thread that asks.
//
//   pool.parallelFor(rows, /*grain=*/16, [&](size_t begin, size_t end) {...});
//
// The ranges partition [0, n); each but the last holds a multiple of `grain`
// indices. The call returns when all are done. A loop inside a loop, and a
// loop asked for while another thread's runs, run on the calling thread alone,
// so there is no deadlock. The function must not throw.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/SimdLevel.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace mpc::kernels {

class ThreadPool {
public:
  /// nThreads counts the caller: 1 makes no thread, 0 means one per CPU.
  /// `simd` must not exceed what the machine has.
  explicit ThreadPool(unsigned nThreads, SimdLevel simd = bestSimdLevel());
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;
  ~ThreadPool();

  /// Threads that take part in a loop, the caller included.
  unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }
  SimdLevel simd() const { return simd_; }

  template <class F> void parallelFor(size_t n, size_t grain, F &&fn) {
    using Fn = std::remove_reference_t<F>;
    run(
        n, grain,
        [](void *f, size_t begin, size_t end) {
          (*static_cast<Fn *>(f))(begin, end);
        },
        const_cast<void *>(static_cast<const void *>(&fn)));
  }

private:
  using Body = void (*)(void *, size_t, size_t);
  struct Job {
    Body body;
    void *context;
    size_t n, chunk;
    std::atomic<size_t> next{0};
  };

  void run(size_t n, size_t grain, Body body, void *context);
  void work();
  static void takeChunks(Job &job);

  SimdLevel simd_;
  std::mutex callers_; ///< held by the thread whose loop runs
  std::mutex mutex_;   ///< guards the four below
  std::condition_variable wake_, done_;
  Job *job_ = nullptr;
  unsigned active_ = 0; ///< workers inside *job_
  uint64_t generation_ = 0;
  bool stop_ = false;
  std::vector<std::jthread> workers_; ///< last: joins before the rest dies
};

} // namespace mpc::kernels

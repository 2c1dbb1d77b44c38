//===- runtime/kernels/ThreadPool.cpp -------------------------------------===//
#include "runtime/kernels/ThreadPool.h"

#include <algorithm>
#include <cassert>
#include <system_error>

namespace mpc::kernels {
namespace {

/// Set while this thread runs a loop's body, of whichever pool: a loop asked
/// for from there runs serially.
thread_local bool insideLoop = false;

/// Ranges per thread: enough to even out, few enough to cost nothing.
constexpr size_t kChunksPerThread = 8;

} // namespace

ThreadPool::ThreadPool(unsigned nThreads, SimdLevel simd) : simd_(simd) {
  assert(simd <= bestSimdLevel() && "the machine lacks these instructions");
  if (nThreads == 0)
    nThreads = std::max(1u, std::thread::hardware_concurrency());
  try {
    for (unsigned i = 1; i < nThreads; ++i)
      workers_.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
    // Fewer threads than asked for give the same results, later.
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  workers_.clear(); // joins while the condition variables still live
}

void ThreadPool::takeChunks(Job &job) {
  insideLoop = true;
  for (;;) {
    size_t begin = job.next.fetch_add(job.chunk, std::memory_order_relaxed);
    if (begin >= job.n)
      break;
    job.body(job.context, begin, std::min(begin + job.chunk, job.n));
  }
  insideLoop = false;
}

void ThreadPool::run(size_t n, size_t grain, Body body, void *context) {
  assert(grain >= 1);
  if (n == 0)
    return;
  std::unique_lock caller(callers_, std::defer_lock);
  if (n <= grain || workers_.empty() || insideLoop || !caller.try_lock()) {
    body(context, 0, n);
    return;
  }
  size_t ideal = n / (size() * kChunksPerThread);
  Job job{body, context, n, std::max(grain, ideal / grain * grain)};
  {
    std::lock_guard lock(mutex_);
    job_ = &job;
    ++generation_;
  }
  wake_.notify_all();
  takeChunks(job);
  std::unique_lock lock(mutex_);
  job_ = nullptr; // a worker that wakes late must not touch our stack
  done_.wait(lock, [&] { return active_ == 0; });
}

void ThreadPool::work() {
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || (job_ && generation_ != seen); });
    if (stop_)
      return;
    seen = generation_;
    Job &job = *job_;
    ++active_;
    lock.unlock();
    takeChunks(job);
    lock.lock();
    if (--active_ == 0)
      done_.notify_all();
  }
}

} // namespace mpc::kernels

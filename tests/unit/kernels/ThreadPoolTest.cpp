#include "runtime/kernels/ThreadPool.h"

#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <set>

using namespace mpc::kernels;

TEST_CASE("a loop visits each index once, in ranges of whole grains") {
  for (unsigned threads : {1u, 2u, 5u}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (size_t n : {0, 1, 63, 64, 65, 1000, 100001})
      for (size_t grain : {1, 64, 2000}) {
        std::vector<std::atomic<int>> hits(n);
        std::atomic<bool> aligned = true;
        pool.parallelFor(n, grain, [&](size_t begin, size_t end) {
          if (begin % grain != 0 || (end % grain != 0 && end != n))
            aligned = false;
          for (size_t i = begin; i < end; ++i)
            hits[i]++;
        });
        CHECK(aligned);
        for (auto &h : hits)
          REQUIRE(h == 1);
      }
  }
}

TEST_CASE("what a loop wrote is seen after it") {
  ThreadPool pool(3);
  std::vector<size_t> v(5000);
  for (size_t round = 0; round < 200; ++round) {
    pool.parallelFor(v.size(), 10, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        v[i] = i + round;
    });
    for (size_t i = 0; i < v.size(); i += 499)
      REQUIRE(v[i] == i + round);
  }
}

TEST_CASE("nested loops run on their thread") {
  ThreadPool pool(4);
  std::atomic<size_t> sum = 0;
  pool.parallelFor(50, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      auto self = std::this_thread::get_id();
      pool.parallelFor(100, 1, [&](size_t b, size_t e) {
        if (std::this_thread::get_id() == self)
          sum += e - b;
      });
    }
  });
  CHECK(sum == 5000);
}

TEST_CASE("several threads may share a pool") {
  ThreadPool pool(3);
  std::atomic<size_t> sum = 0;
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < 4; ++t)
      callers.emplace_back([&] {
        for (int i = 0; i < 100; ++i)
          pool.parallelFor(1000, 10, [&](size_t b, size_t e) { sum += e - b; });
      });
  }
  CHECK(sum == 4 * 100 * 1000);
}

TEST_CASE("levels") {
  auto levels = supportedSimdLevels();
  REQUIRE_FALSE(levels.empty());
  CHECK(levels.front() == SimdLevel::Portable);
  CHECK(levels.back() == bestSimdLevel());
  CHECK(ThreadPool(1, SimdLevel::Portable).simd() == SimdLevel::Portable);
}

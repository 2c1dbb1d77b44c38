#include "runtime/core/Secret.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace mpc::core;

TEST_CASE("large secret buffers are apart, aligned and reused", "[core]") {
  // Around the heap's bounds, and the same sizes again.
  for (int round = 0; round < 3; ++round) {
    std::vector<SecretVector<uint64_t>> live;
    for (size_t bytes :
         {kSecretHeapFrom - 8, kSecretHeapFrom, kSecretHeapFrom + 8,
          size_t{100'000}, size_t{2} << 20, (size_t{2} << 20) + 8,
          size_t{5'000'000}, (size_t{64} << 20) - 8, size_t{64} << 20})
      for (int copy = 0; copy < 2; ++copy) {
        live.emplace_back(bytes / 8);
        SecretVector<uint64_t> &v = live.back();
        CHECK(reinterpret_cast<uintptr_t>(v.data()) % 64 == 0);
        // First and last word; a whole fill would take long.
        v[0] = v[v.size() - 1] = live.size();
      }
    for (size_t i = 0; i < live.size(); ++i) {
      CHECK(live[i][0] == i + 1);
      CHECK(live[i][live[i].size() - 1] == i + 1);
    }
  }
}

TEST_CASE("zeros are zeros in reused memory", "[core]") {
  for (int round = 0; round < 3; ++round) {
    SecretVector<uint8_t> v = SecretVector<uint8_t>::zeros(300'000);
    CHECK(std::all_of(v.begin(), v.end(), [](uint8_t b) { return b == 0; }));
    std::fill(v.begin(), v.end(), uint8_t{0xff});
  }
}

TEST_CASE("buffers come and go in several threads", "[core]") {
  std::vector<std::jthread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (size_t i = 0; i < 300; ++i) {
        SecretVector<uint64_t> v(10'000 + (i * 7919 + t) % 50'000);
        std::fill(v.begin(), v.end(), t);
        SecretVector<uint64_t> moved = std::move(v);
        if (moved[i] != t || moved[moved.size() - 1] != t)
          std::abort();
      }
    });
}

// Strided copies, loop collapsing, broadcast elementwise.
#include "runtime/kernels/Strided.h"
#include "runtime/kernels/Elementwise.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <vector>

using namespace mpc::kernels;
using mpc::core::numel;
using mpc::core::Shape;
using mpc::core::Strides;

namespace {

/// Every offset that `strides` reaches, in row-major order.
std::vector<int64_t> offsets(const Shape &shape, const Strides &strides) {
  std::vector<int64_t> out{0};
  for (size_t d = 0; d < shape.size(); ++d) {
    std::vector<int64_t> next;
    for (int64_t o : out)
      for (int64_t i = 0; i < shape[d]; ++i)
        next.push_back(o + i * strides[d]);
    out = std::move(next);
  }
  return out;
}

struct Case {
  Shape shape;
  Strides strides;
  int64_t offset;
};

const std::vector<Case> kCases = {
    {{}, {}, 3},
    {{0}, {1}, 0},
    {{3, 0, 2}, {1, 1, 1}, 0},
    {{1}, {5}, 2},
    {{40000}, {1}, 1},                // one run, several threads
    {{40000}, {-1}, 39999},           // reversed
    {{40000}, {0}, 7},                // fill
    {{5, 7}, {7, 1}, 0},              // dense
    {{5, 7}, {1, 5}, 0},              // transposed
    {{33, 65}, {1, 33}, 0},           // transposed, odd tiles
    {{257, 131}, {1, 257}, 0},        // transposed, several threads
    {{4, 6, 10}, {100, 1, 10}, 1},    // batch of transpositions
    {{12, 64, 32}, {64, 1, 768}, 0},  // K^T of attention heads
    {{12, 32, 64}, {64, 768, 1}, 0},  // split heads
    {{5, 3, 7}, {1, 35, 5}, 0},       // contiguous dimension outermost
    {{2, 3, 4, 5}, {1, 2, 6, 24}, 0}, // full reversal of dimensions
    {{4, 5, 6}, {0, 6, 1}, 0},        // expand in front
    {{4, 5, 6}, {5, 1, 0}, 0},        // expand behind
    {{4, 5}, {-10, -2}, 100},         // negative, stepped
    {{3, 1, 4, 1}, {8, 9, 2, 9}, 5},  // every other, sizes of 1
    {{6, 8}, {-1, 7}, 5},             // mirrored transposition
};

} // namespace

TEMPLATE_TEST_CASE("strided copies", "", uint8_t, uint32_t, uint64_t) {
  std::mt19937_64 rng(1);
  std::vector<TestType> in(70000);
  for (TestType &x : in)
    x = static_cast<TestType>(rng());
  for (unsigned threads : {1u, 3u}) {
    ThreadPool pool(threads);
    for (const Case &c : kCases) {
      CAPTURE(mpc::core::toString(c.shape), c.strides, threads);
      std::vector<int64_t> from = offsets(c.shape, c.strides);
      std::vector<TestType> out(from.size() + 1, 99);
      stridedCopy(out.data(), c.shape, in.data() + c.offset, c.strides, pool);
      for (size_t i = 0; i < from.size(); ++i)
        REQUIRE(out[i] == in[static_cast<size_t>(c.offset + from[i])]);
      REQUIRE(out.back() == 99);
    }
  }
}

TEST_CASE("copies into a strided destination") {
  ThreadPool pool(2);
  // Concatenation on the last axis: columns 2..4 of a 3 x 5 matrix.
  std::vector<uint64_t> out(15, 0), in{1, 2, 3, 4, 5, 6, 7, 8, 9};
  stridedCopy(out.data() + 2, {5, 1}, {3, 3}, in.data(), {3, 1}, pool);
  CHECK(out ==
        std::vector<uint64_t>{0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 7, 8, 9});
  // Transposed on the way.
  std::fill(out.begin(), out.end(), 0);
  stridedCopy(out.data(), {5, 1}, {3, 3}, in.data(), {1, 3}, pool);
  CHECK(out ==
        std::vector<uint64_t>{1, 4, 7, 0, 0, 2, 5, 8, 0, 0, 3, 6, 9, 0, 0});
}

TEST_CASE("loops collapse") {
  auto shapeOf = [](Shape shape, std::vector<Strides> s) {
    return collapseLoops(shape, std::move(s)).shape;
  };
  CHECK(shapeOf({2, 3, 4}, {{12, 4, 1}}) == Shape{24});
  CHECK(shapeOf({2, 3, 4}, {{12, 4, 1}, {0, 0, 1}}) == Shape{6, 4});
  CHECK(shapeOf({2, 3, 4}, {{12, 4, 1}, {0, 0, 0}}) == Shape{24});
  CHECK(shapeOf({1, 1}, {{1, 1}}) == Shape{1});
  CHECK(shapeOf({}, {{}}) == Shape{1});
}

TEST_CASE("broadcast elementwise") {
  std::vector<uint64_t> a(60000), b(60000);
  std::iota(a.begin(), a.end(), 1000);
  std::iota(b.begin(), b.end(), 5);
  const std::pair<Shape, Shape> cases[] = {
      {{}, {}},
      {{4, 5}, {4, 5}},
      {{200, 300}, {200, 300}},
      {{200, 300}, {}},
      {{}, {200, 300}},
      {{200, 300}, {300}}, // bias
      {{300}, {200, 300}},
      {{200, 300}, {200, 1}}, // per row
      {{200, 1}, {1, 300}},   // outer
      {{2, 1, 4, 1}, {3, 1, 5}},
      {{0, 5}, {5}},
      {{12, 1, 1, 16}, {12, 1, 16, 16}}, // mask on scores
  };
  auto f = [](uint64_t x, uint64_t y) { return x - 3 * y; };
  for (unsigned threads : {1u, 3u}) {
    ThreadPool pool(threads);
    for (const auto &[sa, sb] : cases) {
      CAPTURE(mpc::core::toString(sa), mpc::core::toString(sb));
      auto shape = mpc::core::broadcastShapes(sa, sb);
      REQUIRE(shape);
      auto ia = offsets(*shape, mpc::core::broadcastStrides(sa, *shape));
      auto ib = offsets(*shape, mpc::core::broadcastStrides(sb, *shape));
      std::vector<uint64_t> out(ia.size() + 1, 77);
      broadcastBinary(out.data(), *shape, a.data(), sa, b.data(), sb, pool, f);
      for (size_t i = 0; i < ia.size(); ++i)
        REQUIRE(out[i] == f(a[static_cast<size_t>(ia[i])],
                            b[static_cast<size_t>(ib[i])]));
      REQUIRE(out.back() == 77);
    }
    std::vector<uint64_t> x = a;
    mapElements(x.data(), x.data(), static_cast<int64_t>(x.size()), pool,
                [](uint64_t v) { return v + 1; });
    CHECK(x.front() == 1001);
    CHECK(x.back() == 61000);
  }
}

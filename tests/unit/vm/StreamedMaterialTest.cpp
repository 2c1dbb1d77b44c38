// Material between the offline thread that puts and the online one that takes.
#include "runtime/vm/StreamedMaterial.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace mpc;
using vm::StreamedMaterial;

namespace {

Status putBytes(StreamedMaterial &m, size_t n, uint8_t first) {
  return m.put(n, [&](std::span<uint8_t> to) -> Status {
    for (size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<uint8_t>(first + i);
    return {};
  });
}

} // namespace

TEST_CASE("what one thread puts the other takes, in order", "[vm]") {
  // More than a block in all, and one put that is larger than a block.
  const std::vector<size_t> sizes = {1, 0, 70 << 20, 3, 40 << 20, 30 << 20, 5};
  StreamedMaterial m;
  std::jthread putter([&] {
    for (size_t i = 0; i < sizes.size(); ++i)
      if (!putBytes(m, sizes[i], static_cast<uint8_t>(i)))
        return;
    m.endPutting({});
  });
  bool right = true;
  for (size_t i = 0; i < sizes.size(); ++i) {
    // In two parts: a take may end anywhere within what was put.
    size_t at = 0;
    for (const size_t n : {sizes[i] / 3, sizes[i] - sizes[i] / 3}) {
      const auto bytes = m.take(n);
      REQUIRE(bytes);
      REQUIRE(bytes->size() == n);
      for (size_t k = 0; k < n; ++k)
        right &= (*bytes)[k] == static_cast<uint8_t>(i + at + k);
      at += n;
    }
  }
  CHECK(right);
  const auto more = m.take(1);
  REQUIRE_FALSE(more);
  CHECK(more.error().message ==
        "0 bytes of offline material are left, 1 are needed");
}

TEST_CASE("a failed putter wakes the taker with its reason", "[vm]") {
  StreamedMaterial m;
  std::jthread putter([&] {
    (void)putBytes(m, 4, 0);
    m.endPutting(Error{"party 0 closed the connection"});
  });
  CHECK(m.take(4)); // what had come before is there
  const auto more = m.take(1);
  REQUIRE_FALSE(more);
  CHECK(more.error().message == "party 0 closed the connection");
}

TEST_CASE("a taker that has ended stops the putter", "[vm]") {
  StreamedMaterial m;
  CHECK(putBytes(m, 4, 0));
  m.endTaking(Error{"party 2 failed: lost"});
  const Status more = putBytes(m, 4, 0);
  REQUIRE_FALSE(more);
  CHECK(more.error().message == "party 2 failed: lost");
}

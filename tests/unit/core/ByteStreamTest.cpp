#include "runtime/core/ByteStream.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace mpc::core;

namespace {

const uint64_t kNumbers[] = {0,
                             1,
                             127,
                             128,
                             16383,
                             16384,
                             1u << 31,
                             uint64_t{1} << 62,
                             uint64_t{1} << 63,
                             ~uint64_t{0}};

std::vector<uint8_t> sample() {
  Writer w;
  w.u8(0xab);
  w.u16(0x1234);
  w.u32(0xdeadbeef);
  w.u64(0x0123456789abcdef);
  w.i64(std::numeric_limits<int64_t>::min());
  w.f64(-0.0);
  for (uint64_t v : kNumbers) {
    w.varint(v);
    w.svarint(static_cast<int64_t>(v));
  }
  w.string("héllo");
  w.string("");
  w.varint(2);
  w.u64(1);
  w.u64(2);
  return w.take();
}

/// Reads what sample() wrote; false as soon as something differs.
bool readSample(Reader &r) {
  bool same = r.u8() == 0xab;
  same &= r.u16() == 0x1234;
  same &= r.u32() == 0xdeadbeef;
  same &= r.u64() == 0x0123456789abcdef;
  same &= r.i64() == std::numeric_limits<int64_t>::min();
  same &= std::signbit(r.f64());
  for (uint64_t v : kNumbers) {
    same &= r.varint() == v;
    same &= r.svarint() == static_cast<int64_t>(v);
  }
  same &= r.string(6) == "héllo";
  same &= r.string(0).empty();
  same &= r.count(8) == 2;
  same &= r.u64() == 1;
  same &= r.u64() == 2;
  return same;
}

std::string errorOf(std::vector<uint8_t> bytes, auto read) {
  Reader r(bytes);
  read(r);
  mpc::Status s = r.status();
  return s ? "" : s.error().message;
}

} // namespace

TEST_CASE("what is written is read") {
  std::vector<uint8_t> bytes = sample();
  CHECK(bytes[1] == 0x34); // little endian
  CHECK(bytes[3] == 0xef);
  Reader r(bytes);
  CHECK(readSample(r));
  CHECK(r.finish());
}

TEST_CASE("every truncated prefix is refused, at an offset within it") {
  std::vector<uint8_t> bytes = sample();
  for (size_t n = 0; n < bytes.size(); ++n) {
    // An exact-size copy, so that a sanitizer sees a read past the end.
    std::vector<uint8_t> prefix(bytes.begin(), bytes.begin() + n);
    Reader r(prefix);
    (void)readSample(r);
    REQUIRE_FALSE(r.finish());
    REQUIRE(r.offset() <= n);
  }
}

TEST_CASE("errors name the byte and the first one sticks") {
  std::vector<uint8_t> bytes{1, 2, 3};
  Reader r(bytes, 0x1c3);
  CHECK(r.u8() == 1);
  CHECK(r.u64() == 0);
  CHECK(r.u8() == 0);
  r.fail("later");
  CHECK(r.status().error().message ==
        "byte 0x1c4: ends early: 8 bytes wanted, 2 left");
  Reader left(bytes);
  CHECK(left.u16() == 0x0201);
  CHECK(left.finish().error().message ==
        "byte 0x2: 1 bytes left over at the end");
}

TEST_CASE("malformed numbers, counts and strings") {
  auto varint = [](Reader &r) { CHECK(r.varint() == 0); };
  CHECK(errorOf({0x80, 0x00}, varint) ==
        "byte 0x0: number is not in its shortest form");
  std::vector<uint8_t> big(9, 0xff);
  big.push_back(2);
  CHECK(errorOf(big, varint) == "byte 0x0: number exceeds 64 bits");
  big.back() = 0x81;
  CHECK_FALSE(errorOf(big, varint).empty());
  CHECK(errorOf({3, 0, 0}, [](Reader &r) { CHECK(r.count() == 0); }) ==
        "byte 0x0: count 3 exceeds the 2 bytes left");
  CHECK(errorOf({2, 'a', 'b'}, [](Reader &r) { CHECK(r.string(1) == ""); }) ==
        "byte 0x0: string of 2 bytes, at most 1 allowed");
  CHECK(errorOf({5, 'a'}, [](Reader &r) { CHECK(r.string(9) == ""); }) ==
        "byte 0x1: ends early: 5 bytes wanted, 1 left");
}

TEST_CASE("patching") {
  Writer w;
  w.u8(9);
  w.u32(0);
  w.u8(8);
  w.patchU32(1, 0x01020304);
  CHECK(w.take() == std::vector<uint8_t>{9, 4, 3, 2, 1, 8});
}

//===- runtime/core/ByteStream.h - bounds-checked little-endian bytes -----===//
//
// The plan codec and the messages on the wire are written and read here.
// A Reader never reads past its end. Its first failure sticks: later reads
// give zeros, and status() says what was wrong and at which byte. So a decoder
// reads all its fields and checks once:
//
//   Reader r(bytes);
//   uint32_t version = r.u32();
//   size_t n = r.count(/*bytesEach=*/8);     // bounded by what is left
//   ...
//   MPC_TRY(r.finish());                     // failed, or bytes left over
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpc::core {

class Writer {
public:
  void u8(uint8_t v) { out_.push_back(v); }
  void u16(uint16_t v) { fixed(v, 2); }
  void u32(uint32_t v) { fixed(v, 4); }
  void u64(uint64_t v) { fixed(v, 8); }
  void i64(int64_t v) { fixed(static_cast<uint64_t>(v), 8); }
  void f64(double v);
  /// LEB128, shortest form: 1 byte below 128, at most 10.
  void varint(uint64_t v);
  /// Zigzag LEB128.
  void svarint(int64_t v);
  void bytes(std::span<const uint8_t> b) {
    out_.insert(out_.end(), b.begin(), b.end());
  }
  /// varint length, then the bytes.
  void string(std::string_view s);
  /// Overwrites four bytes at `offset`, e.g. a length known only afterwards.
  void patchU32(size_t offset, uint32_t v);

  size_t size() const { return out_.size(); }
  std::span<const uint8_t> view() const { return out_; }
  std::vector<uint8_t> take() { return std::move(out_); }

private:
  void fixed(uint64_t v, unsigned n) {
    for (unsigned i = 0; i < n; ++i)
      out_.push_back(static_cast<uint8_t>(v >> (8 * i)));
  }
  std::vector<uint8_t> out_;
};

/// Reads a view; the bytes must outlive the reader and the spans it returns.
class Reader {
public:
  /// `base` is added to the offsets in errors: where the view starts in its
  /// file.
  explicit Reader(std::span<const uint8_t> bytes, size_t base = 0)
      : bytes_(bytes), base_(base) {}

  uint8_t u8() { return static_cast<uint8_t>(fixed(1)); }
  uint16_t u16() { return static_cast<uint16_t>(fixed(2)); }
  uint32_t u32() { return static_cast<uint32_t>(fixed(4)); }
  uint64_t u64() { return fixed(8); }
  int64_t i64() { return static_cast<int64_t>(fixed(8)); }
  double f64();
  /// Refuses more than 64 bits and forms longer than the shortest, so a value
  /// has one encoding.
  uint64_t varint();
  int64_t svarint();
  /// A varint that counts items of at least `bytesEach` (>= 1) bytes that
  /// follow; refuses more than the rest can hold, so it is safe to reserve.
  size_t count(size_t bytesEach = 1);
  /// Exactly n bytes; empty after a failure.
  std::span<const uint8_t> bytes(size_t n);
  /// Fills `out`; after a failure it stays as it is.
  template <size_t N> void fill(std::array<uint8_t, N> &out) {
    std::ranges::copy(bytes(N), out.begin());
  }
  std::string string(size_t maxLength);
  /// A string for people: what does not print becomes '?'.
  std::string printable(size_t maxLength);

  size_t offset() const { return base_ + pos_; }
  size_t remaining() const { return bytes_.size() - pos_; }
  bool ok() const { return error_.empty(); }
  /// Records a failure at the current offset, e.g. a bad enum value. The first
  /// one wins.
  void fail(std::string_view what) { failAt(offset(), what); }
  void failAt(size_t offset, std::string_view what);
  /// "byte 0x1c4: ends early: 8 bytes wanted, 3 left"
  Status status() const;
  /// status(), and nothing is left over.
  Status finish();

private:
  uint64_t fixed(unsigned n);
  std::span<const uint8_t> bytes_;
  size_t base_, pos_ = 0;
  std::string error_;
};

} // namespace mpc::core

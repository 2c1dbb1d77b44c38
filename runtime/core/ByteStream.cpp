//===- runtime/core/ByteStream.cpp ----------------------------------------===//
#include "runtime/core/ByteStream.h"

#include "runtime/core/Ascii.h"

#include <bit>
#include <cassert>
#include <fmt/format.h>

namespace mpc::core {

void Writer::f64(double v) { u64(std::bit_cast<uint64_t>(v)); }

void Writer::varint(uint64_t v) {
  while (v >= 0x80) {
    u8(static_cast<uint8_t>(v | 0x80));
    v >>= 7;
  }
  u8(static_cast<uint8_t>(v));
}

void Writer::svarint(int64_t v) {
  varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
}

void Writer::string(std::string_view s) {
  varint(s.size());
  out_.insert(out_.end(), s.begin(), s.end());
}

void Writer::patchU32(size_t offset, uint32_t v) {
  assert(offset + 4 <= out_.size());
  for (unsigned i = 0; i < 4; ++i)
    out_[offset + i] = static_cast<uint8_t>(v >> (8 * i));
}

void Reader::failAt(size_t offset, std::string_view what) {
  if (error_.empty())
    error_ = fmt::format("byte {:#x}: {}", offset, what);
}

Status Reader::status() const {
  if (!ok())
    return Error{error_};
  return {};
}

Status Reader::finish() {
  if (ok() && remaining() != 0)
    fail(fmt::format("{} bytes left over at the end", remaining()));
  return status();
}

std::span<const uint8_t> Reader::bytes(size_t n) {
  if (!ok())
    return {};
  if (n > remaining()) {
    fail(fmt::format("ends early: {} bytes wanted, {} left", n, remaining()));
    return {};
  }
  std::span<const uint8_t> b = bytes_.subspan(pos_, n);
  pos_ += n;
  return b;
}

uint64_t Reader::fixed(unsigned n) {
  uint64_t v = 0;
  unsigned shift = 0;
  for (uint8_t b : bytes(n)) {
    v |= uint64_t{b} << shift;
    shift += 8;
  }
  return v;
}

double Reader::f64() { return std::bit_cast<double>(u64()); }

uint64_t Reader::varint() {
  size_t start = offset();
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t b = u8();
    if (!ok())
      return 0;
    // The tenth byte holds bit 63 only.
    if (shift == 63 && b > 1) {
      failAt(start, "number exceeds 64 bits");
      return 0;
    }
    v |= uint64_t{b & 0x7fu} << shift;
    if (b & 0x80)
      continue;
    if (b == 0 && shift != 0) {
      failAt(start, "number is not in its shortest form");
      return 0;
    }
    return v;
  }
}

int64_t Reader::svarint() {
  uint64_t z = varint();
  return static_cast<int64_t>((z >> 1) ^ (~(z & 1) + 1));
}

size_t Reader::count(size_t bytesEach) {
  assert(bytesEach >= 1);
  size_t start = offset();
  uint64_t n = varint();
  if (n > remaining() / bytesEach) {
    failAt(start,
           fmt::format("count {} exceeds the {} bytes left", n, remaining()));
    return 0;
  }
  return n;
}

std::string Reader::string(size_t maxLength) {
  size_t start = offset();
  uint64_t n = varint();
  if (n > maxLength) {
    failAt(start,
           fmt::format("string of {} bytes, at most {} allowed", n, maxLength));
    return {};
  }
  std::span<const uint8_t> b = bytes(n);
  return std::string(b.begin(), b.end());
}

std::string Reader::printable(size_t maxLength) {
  std::string text = string(maxLength);
  std::ranges::transform(text, text.begin(), core::printable);
  return text;
}

} // namespace mpc::core

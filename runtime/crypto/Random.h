//===- runtime/crypto/Random.h - keys and the system's randomness ---------===//
//
// Key128 is the only type that holds a key: it is moved, never copied by
// accident, wiped when it dies, and cannot be formatted or compared. A copy is
// spelled out: clone(). Authentication tags are compared with equalTags().
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/core/Result.h"
#include "runtime/core/Secret.h"

namespace mpc::crypto {

/// Fills `out` from the kernel's generator, getrandom(2).
Status osRandom(std::span<uint8_t> out);

/// Same bytes? In time that depends on the lengths only. Lengths are public.
bool equalTags(std::span<const uint8_t> a, std::span<const uint8_t> b);

class Key128 {
public:
  static constexpr size_t kBytes = 16;

  /// The bytes given; they stay with the caller, who wipes them.
  explicit Key128(std::span<const uint8_t, kBytes> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), kBytes);
  }
  static Result<Key128> random();

  Key128(const Key128 &) = delete;
  Key128 &operator=(const Key128 &) = delete;
  Key128(Key128 &&o) noexcept : bytes_(o.bytes_) { o.wipe(); }
  Key128 &operator=(Key128 &&o) noexcept {
    if (this != &o) {
      bytes_ = o.bytes_;
      o.wipe();
    }
    return *this;
  }
  ~Key128() { wipe(); }

  Key128 clone() const { return Key128(bytes()); }
  /// For ciphers, key derivation and the one file or link a key may enter.
  std::span<const uint8_t, kBytes> bytes() const { return bytes_; }

private:
  void wipe() { core::wipe(bytes_.data(), kBytes); }

  std::array<uint8_t, kBytes> bytes_;
};

} // namespace mpc::crypto

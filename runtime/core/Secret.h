//===- runtime/core/Secret.h - buffers that are wiped ---------------------===//
//
// SecretVector<T> holds shares, masks, keys. It is move-only, 64-byte aligned,
// of fixed size after allocation, and wiped when it dies; the memory of large
// ones stays among secrets instead (SecretHeap.h). It cannot be formatted,
// streamed or compared: secrets stay out of logs by construction. A copy is
// spelled out: clone().
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "runtime/core/SecretHeap.h"

namespace mpc::core {

/// Overwrites memory in a way the optimiser keeps.
inline void wipe(void *data, size_t nBytes) {
  if (nBytes)
    explicit_bzero(data, nBytes);
}

/// Same bytes? In time that depends on the lengths only, which are public.
inline bool equalSecrets(std::span<const uint8_t> a,
                         std::span<const uint8_t> b) {
  if (a.size() != b.size())
    return false;
  // volatile: the loop may not stop at the first difference.
  volatile uint8_t diff = 0;
  for (size_t i = 0; i < a.size(); ++i)
    diff = diff | (a[i] ^ b[i]);
  return diff == 0;
}

template <class T> class SecretVector {
  static_assert(std::is_trivially_copyable_v<T> &&
                    std::is_trivially_destructible_v<T>,
                "a secret buffer is wiped and moved as bytes");

public:
  using value_type = T;
  static constexpr size_t kAlign = 64;

  SecretVector() = default;
  /// n elements, uninitialised: whoever makes the buffer fills it.
  explicit SecretVector(size_t n) { allocate(n); }
  static SecretVector zeros(size_t n) {
    SecretVector v(n);
    if (n)
      std::memset(static_cast<void *>(v.data_), 0, n * sizeof(T));
    return v;
  }
  static SecretVector copyOf(std::span<const T> from) {
    SecretVector v(from.size());
    if (!from.empty())
      std::memcpy(static_cast<void *>(v.data_), from.data(), from.size_bytes());
    return v;
  }

  SecretVector(const SecretVector &) = delete;
  SecretVector &operator=(const SecretVector &) = delete;
  SecretVector(SecretVector &&o) noexcept
      : data_(std::exchange(o.data_, nullptr)),
        size_(std::exchange(o.size_, 0)) {}
  SecretVector &operator=(SecretVector &&o) noexcept {
    if (this != &o) {
      reset();
      data_ = std::exchange(o.data_, nullptr);
      size_ = std::exchange(o.size_, 0);
    }
    return *this;
  }
  ~SecretVector() { reset(); }

  SecretVector clone() const { return copyOf(span()); }

  /// Gives an empty vector its n uninitialised elements. Once only: a secret
  /// buffer never moves its contents behind its owner's back.
  void allocate(size_t n) {
    assert(!data_ && size_ == 0 && "allocated twice");
    if (n == 0)
      return;
    size_t nBytes;
    if (__builtin_mul_overflow(n, sizeof(T), &nBytes) ||
        nBytes > SIZE_MAX / 2) {
      outOfMemory(n);
    }
    data_ = static_cast<T *>(
        nBytes >= kSecretHeapFrom
            ? secretAllocate(nBytes)
            : std::aligned_alloc(kAlign,
                                 (nBytes + kAlign - 1) / kAlign * kAlign));
    if (!data_)
      outOfMemory(n);
    size_ = n;
  }

  /// Frees; the vector is empty again and may be allocated again.
  void reset() {
    const size_t nBytes = size_ * sizeof(T);
    if (nBytes >= kSecretHeapFrom) {
      secretFree(static_cast<void *>(data_), nBytes);
    } else if (data_) {
      wipe(static_cast<void *>(data_), nBytes);
      std::free(static_cast<void *>(data_));
    }
    data_ = nullptr;
    size_ = 0;
  }

  T *data() { return data_; }
  const T *data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }
  T &operator[](size_t i) {
    assert(i < size_);
    return data_[i];
  }
  const T &operator[](size_t i) const {
    assert(i < size_);
    return data_[i];
  }
  T *begin() { return data_; }
  T *end() { return data_ + size_; }
  const T *begin() const { return data_; }
  const T *end() const { return data_ + size_; }

private:
  [[noreturn]] static void outOfMemory(size_t n) {
    std::fprintf(stderr, "error: out of memory for %zu elements of %zu bytes\n",
                 n, sizeof(T));
    std::abort();
  }

  T *data_ = nullptr;
  size_t size_ = 0;
};

} // namespace mpc::core

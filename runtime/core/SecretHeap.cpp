//===- runtime/core/SecretHeap.cpp ----------------------------------------===//
#include "runtime/core/SecretHeap.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature) // clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MPC_PLAIN_HEAP 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) // gcc
#define MPC_PLAIN_HEAP 1
#endif

namespace mpc::core {

#ifdef MPC_PLAIN_HEAP

void *secretAllocate(size_t nBytes) {
  return std::aligned_alloc(64, (nBytes + 63) / 64 * 64);
}
void secretFree(void *block, size_t nBytes) {
  explicit_bzero(block, nBytes);
  std::free(block);
}

#else

namespace {

constexpr size_t kHugePage = size_t{2} << 20;
/// Larger blocks, those of weights and material, are the kernel's again.
constexpr size_t kLargestKept = (size_t{64} << 20) - 1;
/// Of blocks from kHugePage on.
constexpr size_t kMostKept = size_t{512} << 20;
/// Smaller blocks are cut from pieces of this size.
constexpr size_t kSlab = 4 * kHugePage;

/// Sizes are rounded up to eighths of a power of two: few lists, and at most
/// an eighth of a block unused.
size_t rounded(size_t nBytes) {
  const size_t step = std::bit_floor(nBytes) / 8;
  return (nBytes + step - 1) / step * step;
}
size_t listOf(size_t size) { // of a rounded size
  const auto log = static_cast<size_t>(std::bit_width(size)) - 1;
  return log * 8 + (size >> (log - 3)) % 8;
}

size_t sizeOfList(size_t list) {
  const size_t log = list / 8;
  return (8 + list % 8) << (log - 3);
}
/// A free block of one of so many next sizes will do, up to half as large
/// again: a page that is touched already is worth more than what it wastes.
constexpr size_t kLooser = 4;

/// Starts on a huge page and asks for huge pages: touched first they cost a
/// fault per 2 MiB instead of per 4 KiB.
void *map(size_t size) {
  const size_t all = size + kHugePage;
  void *p = ::mmap(nullptr, all, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return nullptr;
  const auto from = reinterpret_cast<uintptr_t>(p);
  const uintptr_t to = (from + kHugePage - 1) / kHugePage * kHugePage;
  if (to > from)
    ::munmap(p, to - from);
  if (const size_t rest = from + all - (to + size))
    ::munmap(reinterpret_cast<void *>(to + size), rest);
  void *block = reinterpret_cast<void *>(to);
  (void)::madvise(block, size, MADV_HUGEPAGE);
  return block;
}

size_t pages(size_t size) { return (size + 4095) / 4096 * 4096; }

class Heap {
public:
  void *allocate(size_t nBytes) {
    const size_t size = rounded(nBytes);
    if (size <= kLargestKept) {
      std::lock_guard lock(mutex_);
      const size_t own = listOf(size);
      for (size_t l = own; l <= own + kLooser; ++l) {
        if (free_[l].empty())
          continue;
        void *block = free_[l].back();
        free_[l].pop_back();
        const size_t whole = sizeOfList(l);
        kept_ -= whole >= kHugePage ? whole : 0;
        if (l != own)
          larger_[block] = whole;
        return block;
      }
      if (size < kHugePage)
        return cut(size);
    }
    return map(pages(size));
  }

  void release(void *block, size_t nBytes) {
    size_t size = rounded(nBytes);
    {
      std::lock_guard lock(mutex_);
      if (const auto it = larger_.find(block); it != larger_.end()) {
        size = it->second;
        larger_.erase(it);
      }
      if (size < kHugePage ||
          (size <= kLargestKept && kept_ + size <= kMostKept)) {
        kept_ += size >= kHugePage ? size : 0;
        free_[listOf(size)].push_back(block);
        return;
      }
    }
    ::munmap(block, pages(size));
  }

private:
  void *cut(size_t size) {
    if (left_ < size) { // what is left of a slab is lost: less than a block
      slab_ = static_cast<uint8_t *>(map(kSlab));
      left_ = slab_ ? kSlab : 0;
      if (!slab_)
        return nullptr;
    }
    uint8_t *block = slab_;
    slab_ += size; // rounded sizes are multiples of 8 KiB
    left_ -= size;
    return block;
  }

  std::mutex mutex_; ///< guards all below
  std::array<std::vector<void *>, 64 * 8> free_;
  /// Sizes of blocks in use that are larger than what was asked for needs.
  std::unordered_map<void *, size_t> larger_;
  size_t kept_ = 0;
  uint8_t *slab_ = nullptr;
  size_t left_ = 0;
};

/// Never destroyed: buffers may die after any static object.
Heap &heap() {
  static Heap *const theHeap = new Heap;
  return *theHeap;
}

} // namespace

void *secretAllocate(size_t nBytes) { return heap().allocate(nBytes); }
void secretFree(void *block, size_t nBytes) { heap().release(block, nBytes); }

#endif

} // namespace mpc::core

//===- runtime/core/SecretHeap.h - where large secret buffers live --------===//
//
// SecretVector's memory above kSecretHeapFrom bytes. A party makes and drops
// the same sizes layer after layer; giving the pages back to the kernel, or
// wiping them at every turn, would cost more than the arithmetic on them. So
// this memory only ever holds secrets: a block that is freed is kept for the
// next SecretVector of its size, unwiped, or goes back to the kernel, which
// clears pages before anybody else sees them. Nothing else allocates here.
//
// Process-wide, as malloc is, and for the same reason; safe among threads.
// Under a sanitizer every block is malloc's and wiped, so that misuse is seen.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>

namespace mpc::core {

/// Below this, SecretVector uses malloc and wipes.
inline constexpr size_t kSecretHeapFrom = size_t{64} << 10;

/// 64-byte aligned, uninitialised, or null. Large blocks lie on huge pages.
void *secretAllocate(size_t nBytes);
/// `nBytes` as it was allocated.
void secretFree(void *block, size_t nBytes);

} // namespace mpc::core

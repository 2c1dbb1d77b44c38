//===- runtime/core/DpfKey.h - what a distributed point function costs ----===//
//
// The size of a key (runtime/crypto/Dpf.h) and the shape that makes it small,
// for the runtime, which makes keys, and for the compiler, which prices them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>

namespace mpc::core {

/// A level of the tree: one correction of a node.
inline constexpr unsigned kDpfLevelBits = 128;

/// How many of the lowest levels are replaced by a payload that is wider by a
/// factor of two a level: as long as that lengthens a key by at most a byte,
/// since it saves an AES a node. At most 2, or 8 for bits: all of a node's
/// payload is hashed together.
constexpr unsigned dpfTermination(unsigned depth, unsigned words,
                                  unsigned ringBits) {
  const unsigned most = ringBits == 1 ? 8 : 2;
  unsigned t = 0;
  while (t < depth && t < most && (words << t) * ringBits <= kDpfLevelBits + 8)
    ++t;
  return t;
}

constexpr size_t dpfKeyBits(unsigned depth, unsigned words, unsigned ringBits,
                            unsigned terminate) {
  return size_t{depth - terminate} * kDpfLevelBits +
         (size_t{words} << terminate) * ringBits;
}

/// With the termination of above.
constexpr size_t dpfKeyBits(unsigned depth, unsigned words, unsigned ringBits) {
  return dpfKeyBits(depth, words, ringBits,
                    dpfTermination(depth, words, ringBits));
}

} // namespace mpc::core

//===- runtime/proto/Share.h - what one party holds of a register ---------===//
//
// Arrays of ring elements, each reduced to the ring of its register:
//
//   form       evaluator P_j      dealer P0       arrays
//   masked     a = m,  b = l_j    a = l1, b = l2  one word per element
//   additive   a = a_j            nothing         one word per element
//   bits       a = m,  b = l_j    a = l1, b = l2  64 elements a word, bit i is
//                                                 element i, padded with zeros
//   words      a = m,  b = l_j    a = l1, b = l2  the elements' bits, packed so
//
// A Share is secret: move-only, wiped, without a formatter.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Secret.h"

#include <cstddef>
#include <cstdint>

namespace mpc::proto {

using Words = core::SecretVector<uint64_t>;

struct Share {
  Words a, b;

  void reset() {
    a.reset();
    b.reset();
  }
};

/// Words of n packed bits.
constexpr size_t bitWords(size_t n) { return n / 64 + (n % 64 != 0); }

} // namespace mpc::proto

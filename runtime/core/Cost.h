//===- runtime/core/Cost.h - what an operation costs ----------------------===//
//
// Cost formulas live once: the compiler's report predicts with them and the
// protocol tests compare them with what the network layer measured, link by
// link. Bits are payload on one directed link; a message is counted in whole
// bytes, as it is sent. A round is one flush between P1 and P2.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <cstdint>

namespace mpc::core {

struct Cost {
  uint32_t rounds = 0;
  uint64_t p1ToP2Bits = 0;      ///< online
  uint64_t p2ToP1Bits = 0;      ///< online
  uint64_t p0ToP1Bits = 0;      ///< offline
  uint64_t p0ToP2Bits = 0;      ///< offline
  uint64_t gemmMacs = 0;        ///< online, the busier evaluator
  uint64_t offlineGemmMacs = 0; ///< offline, the busiest party

  /// One after the other: everything adds.
  constexpr Cost &operator+=(const Cost &o) {
    uint32_t r = rounds + o.rounds;
    mergeTraffic(o);
    rounds = r;
    return *this;
  }
  friend constexpr Cost operator+(Cost a, const Cost &b) { return a += b; }
  /// In the same rounds: traffic adds, rounds do not.
  static constexpr Cost together(Cost a, const Cost &b) {
    uint32_t r = std::max(a.rounds, b.rounds);
    a.mergeTraffic(b);
    a.rounds = r;
    return a;
  }
  friend constexpr bool operator==(const Cost &, const Cost &) = default;

  constexpr uint64_t onlineBits() const { return p1ToP2Bits + p2ToP1Bits; }
  constexpr uint64_t offlineBits() const { return p0ToP1Bits + p0ToP2Bits; }

private:
  constexpr void mergeTraffic(const Cost &o) {
    p1ToP2Bits += o.p1ToP2Bits;
    p2ToP1Bits += o.p2ToP1Bits;
    p0ToP1Bits += o.p0ToP1Bits;
    p0ToP2Bits += o.p0ToP2Bits;
    gemmMacs += o.gemmMacs;
    offlineGemmMacs += o.offlineGemmMacs;
  }
};

} // namespace mpc::core

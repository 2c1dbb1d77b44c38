//===- runtime/proto/Local.h - ops that act alike on every array ----------===//
//
// A local op is one function over a Machine; MPC_LOCAL_OP makes it the op's
// deal and begin.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/proto/Ops.h"

// clang-format off
#define MPC_LOCAL_OP(Name)                                                     \
  void deal##Name(Dealer &p) { local##Name(p); }                               \
  void begin##Name(Evaluator &p) { local##Name(p); }
// clang-format on

namespace mpc::proto {

/// fn(i, out array of n words) for each array this party holds of the result.
/// The array is made uninitialised and installed afterwards.
template <class F> void forEachArray(Machine &p, size_t nWords, F fn) {
  for (int i = 0; i < 2; ++i) {
    if (!p.holds(p.instr().out, i))
      continue;
    Words w(nWords);
    fn(i, w);
    Machine::array(p.out(), i) = std::move(w);
  }
}

} // namespace mpc::proto

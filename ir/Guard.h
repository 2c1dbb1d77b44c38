//===- ir/Guard.h - the output that says whether all was in range ---------===//
//
// A guarded program has one more output, of this name and 64 secret bits: zero
// if every checked value was in range (fixed.in_range). No model's output is
// called so; the backend makes a `guard` instruction of it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace mpc::ir {

inline constexpr const char *kGuardOutput = "<guard>";
inline constexpr int64_t kGuardBits = 64;

} // namespace mpc::ir

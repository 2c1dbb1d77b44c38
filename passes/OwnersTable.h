//===- passes/OwnersTable.h - rows of an owner's table, over Z_2 or not ---===//
//
// lower-to-shares chooses how a secret gather selects; assign-rings has to know
// what the choice will be.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "runtime/plan/Profile.h"
#include <algorithm>
#include <optional>

namespace mpc::passes {

/// The owner's tensor whose elements v is, in their order, if it is one.
inline std::optional<ir::ValueId> ownersTable(const ir::Module &m,
                                              ir::ValueId v) {
  while (m.op(v).opcode == ir::Opcode::Reshape ||
         m.op(v).opcode == ir::Opcode::FixedDrop)
    v = m.op(v).operands[0];
  if (m.op(v).opcode != ir::Opcode::Constant || m.type(v).isPublic())
    return std::nullopt;
  return v;
}

/// Bits of its words, at most those of the ring.
inline int ownersWordBits(const ir::Module &m, ir::ValueId weight, int ring) {
  const ir::Type &t = m.type(weight);
  return std::clamp(t.frac + t.intBits + 1, 1, ring);
}

/// Whether n rows of `width` numbers are selected over Z_2 and their words
/// converted, which costs one more round, rather than in the ring.
inline bool wordsAreCheaper(int64_t n, int64_t rows, int64_t width, int bits,
                            int ring, const plan::Profile &profile) {
  const auto count = static_cast<double>(n);
  const double words = static_cast<double>(rows + width * bits) / 8 *
                           profile.exchangedByteSeconds() +
                       static_cast<double>(width) * bits *
                           (ring - bits / 2.0 + 1.5) / 8 *
                           profile.dealtByteSeconds();
  const double arithmetic =
      static_cast<double>(rows * ring) / 8 * profile.exchangedByteSeconds();
  return count * (arithmetic - words) > profile.roundSeconds();
}

} // namespace mpc::passes

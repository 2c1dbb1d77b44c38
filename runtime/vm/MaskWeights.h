//===- runtime/vm/MaskWeights.h - the owner masks one tensor --------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/plan/Plan.h"

#include <functional>

namespace mpc::vm {

/// Masks weight `index` of a plan with the deployment's two streams, as its
/// form says, packs it at its ring, and gives `put` piece by piece.
Status maskWeight(const plan::WeightInfo &info, size_t index,
                  std::span<const uint64_t> tensor, const crypto::Prg &mask1,
                  const crypto::Prg &mask2,
                  const std::function<Status(std::span<const uint8_t>)> &put);

} // namespace mpc::vm

//===- runtime/vm/MaskWeights.h - the owner masks one tensor --------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/plan/WeightsFile.h"

#include <functional>

namespace mpc::vm {

/// Where the owner's weights come from: elements first, first + 1, ... of
/// weight `index`, reduced to its ring.
using ReadWeight = std::function<Status(size_t index, uint64_t first,
                                        std::span<uint64_t> out)>;
/// The argument outlives the result.
ReadWeight readFrom(const plan::Weights &weights);
ReadWeight readFrom(const plan::WeightsFile &file);

/// Masks weight `index` of a plan with the deployment's two streams, as its
/// form says, packs it at its ring, and gives `put` piece by piece. Memory
/// holds a piece only.
Status maskWeight(const plan::WeightInfo &info, size_t index,
                  const ReadWeight &read, const crypto::Prg &mask1,
                  const crypto::Prg &mask2,
                  const std::function<Status(std::span<const uint8_t>)> &put);

} // namespace mpc::vm

//===- runtime/vm/MaskWeights.cpp -----------------------------------------===//
#include "runtime/vm/MaskWeights.h"

#include "runtime/core/Ring.h"
#include "runtime/core/Secret.h"
#include "runtime/kernels/Pack.h"

#include <algorithm>
#include <vector>

namespace mpc::vm {
namespace {

/// A multiple of the pack group: pieces of a tensor pack independently.
constexpr size_t kPiece = 1 << 16;

/// Masks packed words: bits from firstBit on of the stream, by XOR.
void xorBits(const crypto::Prg &prg, crypto::PrgAddress at, uint64_t firstBit,
             std::span<uint8_t> bytes) {
  core::SecretVector<uint64_t> mask((bytes.size() + 7) / 8);
  prg.bits(at, firstBit, bytes.size() * 8, mask.span());
  const auto *with = reinterpret_cast<const uint8_t *>(mask.data());
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] ^= with[i];
}

} // namespace

Status maskWeight(const plan::WeightInfo &info, size_t index,
                  std::span<const uint64_t> tensor, const crypto::Prg &mask1,
                  const crypto::Prg &mask2,
                  const std::function<Status(std::span<const uint8_t>)> &put) {
  core::SecretVector<uint64_t> m(kPiece), l2(kPiece);
  std::vector<uint8_t> wire;
  const crypto::PrgAddress at{crypto::Purpose::Mask, index, 0};
  for (size_t first = 0; first < tensor.size(); first += kPiece) {
    const size_t n = std::min(kPiece, tensor.size() - first);
    wire.resize(core::packedBytes(n, info.ring));
    if (info.form == plan::Form::Words) {
      kernels::packBits(tensor.data() + first, n, info.ring, wire.data());
      xorBits(mask1, at, first * info.ring, wire);
      xorBits(mask2, at, first * info.ring, wire);
    } else {
      mask1.words(at, first, m.span().first(n));
      mask2.words(at, first, l2.span().first(n));
      for (size_t i = 0; i < n; ++i)
        m.data()[i] += l2.data()[i] + tensor[first + i];
      kernels::packBits(m.data(), n, info.ring, wire.data());
    }
    MPC_TRY(put(wire));
  }
  return {};
}

} // namespace mpc::vm

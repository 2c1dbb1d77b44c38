//===- runtime/vm/MaskWeights.cpp -----------------------------------------===//
#include "runtime/vm/MaskWeights.h"

#include "runtime/core/Ring.h"
#include "runtime/core/Secret.h"
#include "runtime/kernels/Pack.h"

#include <algorithm>
#include <vector>

namespace mpc::vm {
namespace {

/// A multiple of the pack group: pieces of a tensor pack independently. A
/// piece and its masks stay in the second-level cache.
constexpr size_t kPiece = 1 << 13;

/// Masks packed words: bits from firstBit on of the stream, by XOR.
void xorBits(const crypto::Prg &prg, crypto::PrgAddress at, uint64_t firstBit,
             std::span<uint8_t> bytes, std::span<uint64_t> scratch) {
  prg.bits(at, firstBit, bytes.size() * 8, scratch);
  const auto *with = reinterpret_cast<const uint8_t *>(scratch.data());
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] ^= with[i];
}

} // namespace

ReadWeight readFrom(const plan::Weights &weights) {
  return [&](size_t index, uint64_t first, std::span<uint64_t> out) -> Status {
    const auto from = std::span(weights.tensors[index]);
    std::ranges::copy(from.subspan(first, out.size()), out.begin());
    return {};
  };
}

ReadWeight readFrom(const plan::WeightsFile &file) {
  return [&](size_t index, uint64_t first, std::span<uint64_t> out) {
    return file.read(index, first, out);
  };
}

Status maskWeight(const plan::WeightInfo &info, size_t index,
                  const ReadWeight &read, const crypto::Prg &mask1,
                  const crypto::Prg &mask2,
                  const std::function<Status(std::span<const uint8_t>)> &put) {
  const auto size = static_cast<size_t>(core::numel(info.shape));
  core::SecretVector<uint64_t> x(kPiece), l(kPiece);
  core::SecretVector<uint8_t> wire(core::packedBytes(kPiece, info.ring));
  const crypto::PrgAddress at{crypto::Purpose::Mask, index, 0};
  for (size_t first = 0; first < size; first += kPiece) {
    const size_t n = std::min(kPiece, size - first);
    const std::span<uint64_t> m = x.span().first(n), mask = l.span().first(n);
    const auto out = wire.span().first(core::packedBytes(n, info.ring));
    MPC_TRY(read(index, first, m));
    if (info.form == plan::Form::Words) {
      kernels::packBits(m.data(), n, info.ring, out.data());
      xorBits(mask1, at, first * info.ring, out, l.span());
      xorBits(mask2, at, first * info.ring, out, l.span());
    } else {
      for (const crypto::Prg *prg : {&mask1, &mask2}) {
        prg->words(at, first, mask);
        for (size_t i = 0; i < n; ++i)
          m[i] += mask[i];
      }
      kernels::packBits(m.data(), n, info.ring, out.data());
    }
    MPC_TRY(put(out));
  }
  return {};
}

} // namespace mpc::vm

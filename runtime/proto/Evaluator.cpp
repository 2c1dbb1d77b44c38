//===- runtime/proto/Evaluator.cpp ----------------------------------------===//
#include "runtime/proto/Evaluator.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"
#include "runtime/proto/BitVector.h"

namespace mpc::proto {

using crypto::Purpose;

core::SecretVector<crypto::Block> Evaluator::drawRoots(size_t n) const {
  core::SecretVector<crypto::Block> roots(n);
  keys.k0.blocks(address(Purpose::DpfRoot), 0, roots.span());
  return roots;
}

std::span<const uint8_t> Evaluator::take(size_t n) {
  if (!status_ || n == 0)
    return {};
  auto bytes = source_.take(n);
  if (!bytes) {
    status_ = bytes.error();
    return {};
  }
  return *bytes;
}

void Evaluator::keepBytes(std::span<const uint8_t> bytes) {
  if (!status_)
    return;
  status_ = store->put(bytes.size(), [&](std::span<uint8_t> to) -> Status {
    std::copy_n(bytes.begin(), to.size(), to.begin());
    bytes = bytes.subspan(to.size());
    return {};
  });
}

void Evaluator::keep(const Words &v, unsigned ringBits) {
  core::SecretVector<uint8_t> bytes(core::packedBytes(v.size(), ringBits));
  kernels::packBits(v.data(), v.size(), ringBits, bytes.data(), pool);
  keepBytes(bytes.span());
}

void Evaluator::keepBits(const Words &bits, size_t n) {
  core::SecretVector<uint8_t> bytes(bitBytes(n));
  bitsToBytes(bits, n, bytes.span());
  keepBytes(bytes.span());
}

Words Evaluator::takeKeptBits(size_t n) {
  const std::span<const uint8_t> bytes = take(bitBytes(n));
  return bytes.empty() ? Words::zeros(bitWords(n)) : bitsFromBytes(bytes, n);
}

Words Evaluator::takeKept(size_t n, unsigned ringBits) {
  const std::span<const uint8_t> bytes = take(core::packedBytes(n, ringBits));
  if (bytes.empty())
    return Words::zeros(n);
  Words out(n);
  kernels::unpackBits(bytes.data(), n, ringBits, out.data(), pool);
  return out;
}

Words Evaluator::dealtWords(uint32_t slot, size_t n, unsigned ringBits) {
  if (party == 1)
    return prgWords(keys.k0, address(Purpose::Dealt, slot), n, ringBits, pool);
  return takeKept(n, ringBits);
}

Words Evaluator::dealtBits(Purpose purpose, uint32_t slot, size_t n) {
  if (party == 1)
    return prgBits(keys.k0, address(purpose, slot), n);
  return takeKeptBits(n);
}

uint8_t *Evaluator::sendRoom(size_t n, unsigned ringBits) {
  const size_t at = outgoing.size();
  outgoing.resize(at + core::packedBytes(n, ringBits));
  return outgoing.data() + at;
}

void Evaluator::sendWords(const Words &v, unsigned ringBits) {
  kernels::packBits(v.data(), v.size(), ringBits, sendRoom(v.size(), ringBits),
                    pool);
}

DealtWords::DealtWords(Evaluator &p, std::vector<unsigned> ringBits, size_t n)
    : p_(p), ringBits_(std::move(ringBits)) {
  size_t total = 0;
  for (unsigned bits : ringBits_) {
    offsets_.push_back(total);
    total += core::packedBytes(n, bits);
  }
  if (p.party == 2)
    wire_ = p.take(total);
}

void DealtWords::read(uint32_t slot, size_t first,
                      std::span<uint64_t> out) const {
  const unsigned bits = ringBits_[slot];
  if (p_.party == 1)
    p_.keys.k0.words(p_.address(Purpose::Dealt, slot), first, out, bits);
  else if (wire_.empty())
    std::ranges::fill(out, 0);
  else
    kernels::unpackBits(wire_.data() + offsets_[slot] +
                            core::packedBytes(first, bits),
                        out.size(), bits, out.data(), p_.pool.simd());
}

void Evaluator::sendBits(const Words &bits, size_t n) {
  const size_t at = outgoing.size();
  outgoing.resize(at + bitBytes(n));
  bitsToBytes(bits, n, std::span(outgoing).subspan(at));
}

void addReceived(Words &v, std::span<const uint8_t> bytes, unsigned ringBits,
                 kernels::ThreadPool &pool) {
  const uint64_t mask = core::ringMask(ringBits);
  constexpr size_t kPiece = kernels::kFusedPiece;
  const kernels::FusedKernels &fused = kernels::fusedKernels(pool.simd());
  pool.parallelFor(v.size(), kPiece, [&](size_t begin, size_t end) {
    alignas(64) uint64_t buffer[kPiece];
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      kernels::unpackBits(bytes.data() + core::packedBytes(at, ringBits), count,
                          ringBits, buffer, pool.simd());
      fused.addMasked(v.data() + at, buffer, count, mask);
    }
  });
}

void xorReceived(Words &bits, std::span<const uint8_t> bytes, size_t n) {
  Words theirs = bitsFromBytes(bytes, n);
  for (size_t i = 0; i < bits.size(); ++i)
    bits.data()[i] ^= theirs.data()[i];
}

} // namespace mpc::proto

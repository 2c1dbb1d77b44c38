//===- runtime/proto/Dealer.cpp -------------------------------------------===//
#include "runtime/proto/Dealer.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"
#include "runtime/proto/BitVector.h"

namespace mpc::proto {

using crypto::Purpose;

Words prgWords(const crypto::Prg &prg, crypto::PrgAddress at, size_t n,
               unsigned ringBits, kernels::ThreadPool &pool) {
  Words out(n);
  pool.parallelFor(n, 1 << 14, [&](size_t begin, size_t end) {
    prg.words(at, begin, out.span().subspan(begin, end - begin), ringBits);
  });
  return out;
}

Words prgBits(const crypto::Prg &prg, crypto::PrgAddress at, size_t n) {
  Words out(bitWords(n));
  prg.bits(at, 0, n, out.span());
  return out;
}

Words sumMod(const Words &x, const Words &y, unsigned ringBits,
             kernels::ThreadPool &pool) {
  const uint64_t mask = core::ringMask(ringBits);
  Words out(x.size());
  pool.parallelFor(out.size(), kernels::kElementGrain,
                   [&](size_t begin, size_t end) {
                     for (size_t i = begin; i < end; ++i)
                       out.data()[i] = (x.data()[i] + y.data()[i]) & mask;
                   });
  return out;
}

Words xorOf(const Words &x, const Words &y) {
  Words out(x.size());
  for (size_t i = 0; i < out.size(); ++i)
    out.data()[i] = x.data()[i] ^ y.data()[i];
  return out;
}

void Dealer::drawMasks(Share &to, size_t n, unsigned ringBits) {
  to.a = prgWords(keys.k01, address(Purpose::Mask), n, ringBits, pool);
  to.b = prgWords(keys.k02, address(Purpose::Mask), n, ringBits, pool);
}

void Dealer::drawBitMasks(Share &to, size_t n) {
  to.a = prgBits(keys.k01, address(Purpose::Mask), n);
  to.b = prgBits(keys.k02, address(Purpose::Mask), n);
}

core::SecretVector<crypto::Block> Dealer::drawRoots(int party, size_t n) const {
  core::SecretVector<crypto::Block> roots(n);
  (party == 1 ? keys.k01 : keys.k02)
      .blocks(address(Purpose::DpfRoot), 0, roots.span());
  return roots;
}

void Dealer::packDealt(uint32_t slot, size_t first, std::span<uint64_t> values,
                       std::span<uint64_t> share, unsigned ringBits,
                       uint8_t *to) const {
  keys.k01.words(address(Purpose::Dealt, slot), first, share);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] -= share[i];
  kernels::packBits(values.data(), values.size(), ringBits, to, pool.simd());
}

void Dealer::dealWords(uint32_t slot, Words values, unsigned ringBits,
                       size_t first) {
  assert(first % kernels::kPackGroup == 0);
  // A multiple of the pack group: pieces pack independently.
  constexpr size_t kPiece = kernels::kFusedPiece;
  const size_t n = values.size();
  core::SecretVector<uint8_t> wire(core::packedBytes(n, ringBits));
  pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words share(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      packDealt(slot, first + at, values.span().subspan(at, count),
                share.span().first(count), ringBits,
                wire.data() + core::packedBytes(at, ringBits));
    }
  });
  put(2, std::move(wire));
}

void Dealer::dealBits(Purpose purpose, uint32_t slot, Words bits, size_t n) {
  Words share = prgBits(keys.k01, address(purpose, slot), n);
  for (size_t i = 0; i < bits.size(); ++i)
    bits.data()[i] ^= share.data()[i];
  core::SecretVector<uint8_t> wire(bitBytes(n));
  bitsToBytes(bits, n, wire.span());
  put(2, std::move(wire));
}

} // namespace mpc::proto

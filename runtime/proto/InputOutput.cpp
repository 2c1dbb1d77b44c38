//===- runtime/proto/InputOutput.cpp - input, weight, output, flush -------===//
//
// Input masks are PRG(k0j, Mask, instruction), weight masks PRG(d0j, Mask,
// weight) under the deployment's keys, so that a weight is masked once however
// many sessions use it; a weight of words by XOR with its bits. An output hands
// the client m and l_j.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Prepare.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;

crypto::PrgAddress weightAddress(const plan::Instr &weight) {
  return {Purpose::Mask, static_cast<uint64_t>(weight.scalar(0)), 0};
}
crypto::PrgAddress weightAddress(const Machine &p) {
  return weightAddress(p.instr());
}

/// run(from, count) on pieces of [0, n) that stay in the first-level cache.
template <class Run>
void forPieces(size_t n, kernels::ThreadPool &pool, Run run) {
  constexpr size_t kPiece = kernels::kFusedPiece;
  pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; at += kPiece)
      run(at, std::min(kPiece, end - at));
  });
}

Words unpack(std::span<const uint8_t> bytes, size_t n, unsigned ring,
             kernels::ThreadPool &pool) {
  assert(bytes.size() == core::packedBytes(n, ring));
  Words out(n);
  kernels::unpackBits(bytes.data(), n, ring, out.data(), pool);
  return out;
}

core::SecretVector<uint8_t> pack(const Words &v, unsigned ring,
                                 kernels::ThreadPool &pool) {
  core::SecretVector<uint8_t> out(core::packedBytes(v.size(), ring));
  kernels::packBits(v.data(), v.size(), ring, out.data(), pool);
  return out;
}

} // namespace

void dealInput(Dealer &p) {
  p.drawMasks(p.out(), p.outSize(), p.outInfo().ring);
}

void prepareInput(Evaluator &p) {
  p.out().b = p.drawMask(p.outSize(), p.outInfo().ring);
}

void beginInput(Evaluator &p) {
  prepareInput(p);
  p.out().a = unpack(p.io.maskedInput(p.index()), p.outSize(), p.outInfo().ring,
                     p.pool);
}

void dealWeight(Dealer &p) {
  const unsigned ring = p.outInfo().ring;
  const size_t n = p.outSize();
  if (p.outInfo().form == plan::Form::Words) {
    p.out().a = prgBits(p.keys.d01, weightAddress(p), n * ring);
    p.out().b = prgBits(p.keys.d02, weightAddress(p), n * ring);
    return;
  }
  p.out().a = prgWords(p.keys.d01, weightAddress(p), n, ring, p.pool);
  p.out().b = prgWords(p.keys.d02, weightAddress(p), n, ring, p.pool);
}

void beginWeight(Evaluator &p) {
  const unsigned ring = p.outInfo().ring;
  const size_t n = p.outSize();
  const auto weight = static_cast<size_t>(p.imm(0));
  if (p.outInfo().form == plan::Form::Words) {
    p.out().b = prgBits(p.keys.d0, weightAddress(p), n * ring);
    p.out().a = bitsFromBytes(p.io.maskedWeight(weight), n * ring);
    p.io.weightRead(weight);
    return;
  }
  p.out().b = prgWords(p.keys.d0, weightAddress(p), n, ring, p.pool);
  p.out().a = unpack(p.io.maskedWeight(weight), n, ring, p.pool);
  p.io.weightRead(weight);
}

void weightMasks(const Dealer &p, const plan::Instr &weight, size_t first,
                 std::span<uint64_t> out) {
  const unsigned ring = p.plan.regs[weight.out].ring;
  const uint64_t mask = core::ringMask(ring);
  const crypto::PrgAddress at = weightAddress(weight);
  forPieces(out.size(), p.pool, [&](size_t from, size_t n) {
    alignas(64) uint64_t l2[kernels::kFusedPiece];
    const std::span<uint64_t> l1 = out.subspan(from, n);
    p.keys.d01.words(at, first + from, l1);
    p.keys.d02.words(at, first + from, {l2, n});
    for (size_t i = 0; i < n; ++i)
      l1[i] = (l1[i] + l2[i]) & mask;
  });
}

void weightHalves(const Evaluator &p, const plan::Instr &weight, size_t first,
                  std::span<uint64_t> m, std::span<uint64_t> own) {
  assert(first % 8 == 0 && "elements that start inside a byte");
  const unsigned ring = p.plan.regs[weight.out].ring;
  const uint64_t mask = core::ringMask(ring);
  const crypto::PrgAddress at = weightAddress(weight);
  const std::span<const uint8_t> bytes =
      p.io.maskedWeight(static_cast<size_t>(weight.scalar(0)));
  forPieces(m.size(), p.pool, [&](size_t from, size_t n) {
    uint64_t *const mine = own.data() + from;
    p.keys.d0.words(at, first + from, {mine, n}, ring);
    kernels::unpackBits(bytes.data() + core::packedBytes(first + from, ring), n,
                        ring, m.data() + from, p.pool.simd());
    if (p.party == 1)
      for (size_t i = 0; i < n; ++i)
        mine[i] = (m[from + i] - mine[i]) & mask;
  });
}

void dealOutput(Dealer &) {}
void beginOutput(Evaluator &p) {
  const unsigned ring = p.inInfo(0).ring;
  const auto m = pack(p.in(0).a, ring, p.pool);
  const auto l = pack(p.in(0).b, ring, p.pool);
  p.io.output(m.span(), l.span());
}

// Rounds are ended by the interpreter.
void dealFlush(Dealer &) {}
void beginFlush(Evaluator &) {}

} // namespace mpc::proto

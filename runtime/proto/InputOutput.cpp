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
#include "runtime/kernels/Pack.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;

crypto::PrgAddress weightAddress(const Machine &p) {
  return {Purpose::Mask, static_cast<uint64_t>(p.imm(0)), 0};
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

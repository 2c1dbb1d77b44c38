//===- runtime/proto/Fourier.cpp - fourier: additive <- masked, one step --===//
//
// A trigonometric sum of X = m - l from cosines and sines of multiples of l,
// dealt to P2 only, and public weights made from m (kernels/Fourier.h). The
// linear term slope X is local. Every harmonic's two planes have their own
// width and are packed by themselves; the dealt values of the whole tensor
// never exist at once.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::proto {
namespace {

using crypto::Purpose;
using kernels::FourierTable;

/// Pieces of planes pack independently.
constexpr size_t kPiece = kernels::kFourierPiece;
static_assert(kPiece % kernels::kPackGroup == 0);

/// Where each plane starts on the wire; last: the total.
std::vector<size_t> planeOffsets(const FourierTable &t, size_t n) {
  std::vector<size_t> at{0};
  for (size_t p = 0; p < t.planes(); ++p)
    at.push_back(at.back() + core::packedBytes(n, t.planeBits(p)));
  return at;
}

} // namespace

FourierTable fourierTable(const plan::Plan &plan, const plan::Instr &in) {
  FourierTable t;
  t.harmonics = kernels::fourierHarmonics(
      plan.consts[static_cast<size_t>(in.scalar(0))].data);
  t.window = static_cast<unsigned>(in.scalar(1));
  t.step = static_cast<uint64_t>(in.scalar(2));
  t.resultFrac = static_cast<unsigned>(in.scalar(3));
  t.offset = in.scalar(4);
  t.slope = in.scalar(5);
  t.ringBits = plan.regs[in.out].ring;
  return t;
}

void dealFourier(Dealer &p) {
  const FourierTable t = fourierTable(p.plan, p.instr());
  const size_t n = p.outSize(), planes = t.planes();
  const std::vector<size_t> offset = planeOffsets(t, n);
  Words lambda = lowMaskBits(p, 0, t.window);
  if (p.tap)
    tapLowBits(p, lambda, t.window);
  core::SecretVector<uint8_t> wire(offset.back());
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words dealt(planes * kPiece), share(kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      kernels::fourierDealt(t, {lambda.data() + at, count}, dealt.data(),
                            kPiece, p.pool.simd());
      for (size_t j = 0; j < planes; ++j) {
        p.keys.k01.words(p.address(Purpose::Dealt, static_cast<uint32_t>(j)),
                         at, share.span().first(count));
        uint64_t *v = dealt.data() + j * kPiece;
        for (size_t i = 0; i < count; ++i)
          v[i] -= share.data()[i];
        kernels::packBits(v, count, t.planeBits(j),
                          wire.data() + offset[j] +
                              core::packedBytes(at, t.planeBits(j)),
                          p.pool.simd());
      }
    }
  });
  p.put(2, wire.span());
}

void beginFourier(Evaluator &p) {
  const FourierTable t = fourierTable(p.plan, p.instr());
  const size_t n = p.outSize(), planes = t.planes();
  const std::vector<size_t> offset = planeOffsets(t, n);
  const std::span<const uint8_t> wire =
      p.party == 2 ? p.take(offset.back()) : std::span<const uint8_t>{};
  Words out = Words::zeros(n);
  if (p.party == 2 && wire.empty()) { // no elements, or no material
    p.out().a = std::move(out);
    return;
  }
  const uint64_t *m = p.in(0).a.data(), *l = p.in(0).b.data();
  const uint64_t ring = core::ringMask(t.ringBits);
  const auto slope = static_cast<uint64_t>(t.slope);
  p.pool.parallelFor(n, kPiece, [&](size_t begin, size_t end) {
    Words dealt(planes * kPiece);
    for (size_t at = begin; at < end; at += kPiece) {
      const size_t count = std::min(kPiece, end - at);
      for (size_t j = 0; j < planes; ++j) {
        uint64_t *v = dealt.data() + j * kPiece;
        if (p.party == 1)
          p.keys.k0.words(p.address(Purpose::Dealt, static_cast<uint32_t>(j)),
                          at, {v, count});
        else
          kernels::unpackBits(wire.data() + offset[j] +
                                  core::packedBytes(at, t.planeBits(j)),
                              count, t.planeBits(j), v, p.pool.simd());
      }
      uint64_t *y = out.data() + at;
      // P1 adds what is public.
      const uint64_t keep = p.party == 1 ? ~uint64_t{0} : 0;
      for (size_t i = 0; i < count; ++i)
        y[i] = (static_cast<uint64_t>(t.offset) & keep) +
               slope * ((m[at + i] & keep) - l[at + i]);
      kernels::fourierEvaluate(t, {m + at, count}, dealt.data(), kPiece,
                               {y, count}, p.pool.simd());
      for (size_t i = 0; i < count; ++i)
        y[i] &= ring;
    }
  });
  p.out().a = std::move(out);
}

} // namespace mpc::proto

//===- runtime/proto/Fourier.cpp - fourier: additive <- masked, one step --===//
//
// A trigonometric sum of X = m - l from cosines and sines of multiples of l,
// dealt to P2 only, and public weights made from m (kernels/Fourier.h). The
// linear term slope X is local. The dealt values come in pieces of elements; of
// a piece, every harmonic's two planes have their own width and are packed by
// themselves. Those of the whole tensor never exist at once, at P0 not even
// packed.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"

#include <algorithm>
#include <vector>

namespace mpc::proto {
namespace {

using crypto::Purpose;
using kernels::FourierTable;

/// Pieces of planes pack independently.
constexpr size_t kPiece = kernels::kFourierPiece;
static_assert(kPiece % kernels::kPackGroup == 0);

/// Pieces that P0 sends at once: enough for all threads.
constexpr size_t kSentPieces = 64;

/// Where pieces and their planes start on the wire.
class Layout {
public:
  explicit Layout(const FourierTable &t) {
    for (size_t p = 0; p < t.planes(); ++p) {
      bits_.push_back(t.planeBits(p));
      whole_ += core::packedBytes(kPiece, bits_.back());
    }
  }
  /// Of the piece that begins with element `first`, a multiple of kPiece.
  size_t piece(size_t first) const { return first / kPiece * whole_; }
  /// Bytes of n elements of one plane.
  size_t plane(size_t p, size_t n) const {
    return core::packedBytes(n, bits_[p]);
  }
  unsigned bits(size_t p) const { return bits_[p]; }
  /// Bytes of n elements, from a piece's beginning on.
  size_t bytes(size_t n) const {
    size_t last = 0;
    for (size_t p = 0; p < bits_.size(); ++p)
      last += plane(p, n % kPiece);
    return piece(n) + last;
  }

private:
  std::vector<unsigned> bits_;
  size_t whole_ = 0; ///< bytes of a whole piece
};

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
  const Layout layout(t);
  Words lambda = lowMaskBits(p, 0, t.window);
  if (p.tap)
    tapLowBits(p, lambda, t.window);
  constexpr size_t kSent = kSentPieces * kPiece;
  for (size_t first = 0; first < n; first += kSent) {
    const size_t sent = std::min(kSent, n - first);
    core::SecretVector<uint8_t> wire(layout.bytes(sent));
    p.pool.parallelFor(sent, kPiece, [&](size_t begin, size_t end) {
      Words dealt(planes * kPiece), share(kPiece);
      for (size_t at = begin; at < end; at += kPiece) {
        const size_t count = std::min(kPiece, end - at);
        kernels::fourierDealt(t, {lambda.data() + first + at, count},
                              dealt.data(), kPiece, p.pool.simd());
        uint8_t *to = wire.data() + layout.piece(at);
        for (size_t j = 0; j < planes; ++j) {
          p.packDealt(static_cast<uint32_t>(j), first + at,
                      {dealt.data() + j * kPiece, count},
                      share.span().first(count), layout.bits(j), to);
          to += layout.plane(j, count);
        }
      }
    });
    p.put(2, std::move(wire));
  }
}

void beginFourier(Evaluator &p) {
  const FourierTable t = fourierTable(p.plan, p.instr());
  const size_t n = p.outSize(), planes = t.planes();
  const Layout layout(t);
  const std::span<const uint8_t> wire =
      p.party == 2 ? p.take(layout.bytes(n)) : std::span<const uint8_t>{};
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
      size_t from = layout.piece(at);
      for (size_t j = 0; j < planes; ++j) {
        uint64_t *v = dealt.data() + j * kPiece;
        if (p.party == 1)
          p.keys.k0.words(p.address(Purpose::Dealt, static_cast<uint32_t>(j)),
                          at, {v, count});
        else
          kernels::unpackBits(wire.data() + from, count, layout.bits(j), v,
                              p.pool.simd());
        from += layout.plane(j, count);
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

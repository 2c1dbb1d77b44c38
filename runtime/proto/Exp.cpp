//===- runtime/proto/Exp.cpp - exp: additive <- masked, one step ----------===//
//
// e^x splits into a factor that depends on the mask and the public class ma,
// and a public one (kernels/ExpTable.h). P0 deals the first for each of the
// 2^depth classes, to P2 only; evaluators take the entry of their public class.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Fused.h"
#include "runtime/kernels/Pack.h"
#include "runtime/kernels/ThreadPool.h"

#include <algorithm>

namespace mpc::proto {
namespace {

constexpr size_t kGrain = 256;
/// Words dealt at a time: what P0 works on stays small and is used again.
constexpr size_t kDealt = size_t{1} << 18;

/// Elements whose entries are about `words` words, at least a pack group.
size_t elementsOf(size_t words, size_t classes) {
  constexpr size_t kGroup = kernels::kPackGroup;
  return std::max(words / classes / kGroup * kGroup, kGroup);
}

} // namespace

kernels::ExpParams expParams(const plan::Plan &, const plan::Instr &in) {
  kernels::ExpParams e;
  e.window = static_cast<unsigned>(in.scalar(0));
  e.depth = static_cast<unsigned>(in.scalar(1));
  e.inFrac = static_cast<unsigned>(in.scalar(2));
  e.tableFrac = static_cast<unsigned>(in.scalar(3));
  e.publicFrac = static_cast<unsigned>(in.scalar(4));
  return e;
}

void dealExp(Dealer &p) {
  const kernels::ExpParams e = expParams(p.plan, p.instr());
  const size_t n = p.outSize(), classes = e.classes();
  const unsigned h = e.lowBits();
  Words lambda = lowMaskBits(p, 0, e.window);
  if (p.tap)
    tapLowBits(p, lambda, h);
  const size_t piece = elementsOf(kDealt, classes);
  for (size_t first = 0; first < n; first += piece) {
    const size_t count = std::min(piece, n - first);
    Words table(count * classes);
    p.pool.parallelFor(count, kGrain, [&](size_t begin, size_t end) {
      kernels::expTableRows(
          e, lambda.span().subspan(first + begin, end - begin),
          table.span().subspan(begin * classes, (end - begin) * classes),
          p.pool.simd());
    });
    p.dealWords(0, std::move(table), p.outInfo().ring, first * classes);
  }
}

void beginExp(Evaluator &p) {
  const kernels::ExpParams e = expParams(p.plan, p.instr());
  const size_t n = p.outSize(), classes = e.classes();
  const unsigned h = e.lowBits(), k = p.outInfo().ring;
  const uint64_t ring = core::ringMask(k), window = core::ringMask(e.window);
  const DealtWords dealt(p, {k}, n * classes);
  Words out(n);
  const Words &x = p.in(0).a;
  // Entries pass through the first-level cache.
  const size_t piece = elementsOf(kernels::kFusedPiece, classes);
  p.pool.parallelFor(n, piece, [&](size_t begin, size_t end) {
    Words table(piece * classes), factor(piece);
    for (size_t at = begin; at < end; at += piece) {
      const size_t count = std::min(piece, end - at);
      dealt.read(0, at * classes, table.span().first(count * classes));
      const std::span<uint64_t> factors = factor.span().first(count);
      kernels::expPublic(e, x.span().subspan(at, count), factors,
                         p.pool.simd());
      for (size_t i = 0; i < count; ++i) {
        const uint64_t m = x.data()[at + i] & window; // public
        out.data()[at + i] =
            (table.data()[i * classes + (m >> h)] * factors[i]) & ring;
      }
    }
  });
  p.out().a = std::move(out);
}

} // namespace mpc::proto

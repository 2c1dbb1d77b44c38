//===- runtime/crypto/SplineShare.cpp -------------------------------------===//
#include "runtime/crypto/SplineShare.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "runtime/core/DpfKey.h"
#include "runtime/core/Ring.h"
#include "runtime/crypto/DpfTree.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::crypto {
namespace {

constexpr size_t kTileNodes = 512; ///< of all elements in flight

uint64_t dotPortable(const kernels::PreparedSpline &spline, uint64_t m,
                     const Block *blocks, const DpfShape &shape) {
  constexpr unsigned kPoints = 64;
  const kernels::SplineTable &t = spline.table();
  std::array<int64_t, kPoints *(kernels::SplineTable::kMaxDegree + 1)> w;
  uint64_t sum = 0;
  for (unsigned p = 0; p < t.segments(); p += kPoints) {
    const unsigned count = std::min(kPoints, t.segments() - p);
    spline.weights(m, p, count, w.data());
    for (unsigned j = 0; j <= t.degree; ++j)
      for (unsigned slot = 0; slot < shape.slots(); ++slot) {
        const unsigned lane = shape.laneOf(slot, j);
        const unsigned bit = lane * shape.laneBits() % 128;
        const Block *from = blocks + shape.blockOf(lane) +
                            (p >> shape.terminate) * shape.blocksPerNode;
        const int64_t *wj = w.data() + j * count + slot;
        for (unsigned i = 0; i < count >> shape.terminate; ++i) {
          const Block &b = from[i * shape.blocksPerNode];
          uint64_t v = (bit < 64 ? b.lo : b.hi) >> (bit % 64);
          sum += v * static_cast<uint64_t>(wj[i << shape.terminate]);
        }
      }
  }
  return sum;
}

} // namespace

DpfParams splineDpf(const kernels::SplineTable &t) {
  DpfParams p;
  p.depth = t.segmentBits;
  p.words = t.words();
  p.ringBits = t.ringBits;
  p.terminate = core::dpfTermination(p.depth, p.words, p.ringBits);
  return p;
}

void splineDeal(const kernels::SplineTable &table,
                std::span<const uint64_t> lambda, const Block *roots1,
                const Block *roots2, uint8_t *keys, kernels::ThreadPool &pool) {
  const size_t n = lambda.size();
  core::SecretVector<uint64_t> alpha(n), payload(n * table.words());
  kernels::splinePayload(table, lambda, alpha.span(), payload.span());
  dpfGenerate(splineDpf(table), n, alpha.data(), payload.data(), roots1, roots2,
              keys, pool);
}

void splineEvaluate(const kernels::PreparedSpline &spline, int party,
                    std::span<const uint64_t> m, const Block *roots,
                    const uint8_t *keys, std::span<uint64_t> acc,
                    kernels::ThreadPool &pool, AesLevel aes) {
  const kernels::SplineTable &t = spline.table();
  assert(acc.size() == m.size() && (party == 1 || party == 2));
  const size_t n = m.size();
  DpfParams p = splineDpf(t);
  p.aes = std::min(aes, bestAesLevel());
  const SplineDot fused =
      p.aes == AesLevel::Vaes && t.segments() >= kSplineDotPoints
          ? splineDotAvx512()
          : nullptr;
  const unsigned levels = p.depth - p.terminate;
  const size_t tile = std::clamp<size_t>(kTileNodes >> levels, 1, 64);
  const size_t nTiles = (n + tile - 1) / tile;
  const size_t grain = std::max<size_t>(1, 512 / tile);
  pool.parallelFor(nTiles, grain, [&](size_t begin, size_t end) {
    // The whole tree at once: 2^12 segments at most.
    DpfWalk walk(p, party, tile, levels);
    for (size_t i = begin; i < end; ++i) {
      const size_t first = i * tile, count = std::min(tile, n - first);
      walk.load(roots, keys, n, first, count);
      walk.expand(0);
      uint64_t *sums = acc.data() + first;
      if (fused)
        fused(spline, walk.shape(),
              {m.data() + first, count, walk.roundKeys(), walk.nodes(),
               walk.corrections()},
              sums);
      else
        for (size_t e = 0; e < count; ++e)
          sums[e] =
              dotPortable(spline, m[first + e], walk.convert(e), walk.shape());
      for (size_t e = 0; e < count; ++e)
        sums[e] = core::reduce(party == 2 ? -sums[e] : sums[e], t.ringBits);
    }
  });
}

} // namespace mpc::crypto

//===- runtime/crypto/SplineShare.cpp -------------------------------------===//
#include "runtime/crypto/SplineShare.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "runtime/core/Ring.h"
#include "runtime/crypto/DpfTree.h"
#include "runtime/kernels/ThreadPool.h"

namespace mpc::crypto {
namespace {

constexpr size_t kTileNodes = 512; ///< of all elements in flight

uint64_t dotPortable(const kernels::PreparedSpline &spline, uint64_t m,
                     const Block *blocks, size_t stride, Lane lane) {
  constexpr unsigned kPoints = 64;
  const kernels::SplineTable &t = spline.table();
  const unsigned laneBits = static_cast<unsigned>(lane);
  std::array<int64_t, kPoints *(kernels::SplineTable::kMaxDegree + 1)> w;
  uint64_t sum = 0;
  for (unsigned p = 0; p < t.segments(); p += kPoints) {
    const unsigned count = std::min(kPoints, t.segments() - p);
    spline.weights(m, p, count, w.data());
    for (unsigned j = 0; j <= t.degree; ++j) {
      const unsigned bit = j * laneBits % 128;
      const Block *from = blocks + j * laneBits / 128 * stride + p;
      const int64_t *wj = w.data() + j * count;
      for (unsigned i = 0; i < count; ++i) {
        uint64_t v = (bit < 64 ? from[i].lo : from[i].hi) >> (bit % 64);
        sum += v * static_cast<uint64_t>(wj[i]);
      }
    }
  }
  return sum;
}

SplineDot chooseDot(const kernels::SplineTable &t, AesLevel aes) {
  if (aes == AesLevel::Vaes && t.segmentBits >= 3 && splineDotAvx512())
    return splineDotAvx512();
  return dotPortable;
}

} // namespace

DpfParams splineDpf(const kernels::SplineTable &t) {
  DpfParams p;
  p.depth = t.segmentBits;
  p.words = t.words();
  p.ringBits = t.ringBits;
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
  const SplineDot dot = chooseDot(t, p.aes);
  const size_t tile = std::clamp<size_t>(kTileNodes >> t.segmentBits, 1, 64);
  const size_t nTiles = (n + tile - 1) / tile;
  const size_t grain = std::max<size_t>(1, 512 / tile);
  pool.parallelFor(nTiles, grain, [&](size_t begin, size_t end) {
    // The whole tree at once: 2^12 segments at most.
    DpfWalk walk(p, party, tile, t.segmentBits);
    for (size_t i = begin; i < end; ++i) {
      const size_t first = i * tile, count = std::min(tile, n - first);
      walk.load(roots, keys, n, first, count);
      walk.expand(0);
      for (size_t e = 0; e < count; ++e) {
        uint64_t sum = dot(spline, m[first + e], walk.convert(e), walk.stride(),
                           walk.shape().lane);
        acc[first + e] = core::reduce(party == 2 ? -sum : sum, t.ringBits);
      }
    }
  });
}

} // namespace mpc::crypto

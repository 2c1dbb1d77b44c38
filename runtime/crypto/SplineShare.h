//===- runtime/crypto/SplineShare.h - splines of masked values, shared ----===//
//
// One-round evaluation of a spline (runtime/kernels/Spline.h) on a masked
// input: the dealer shares the powers of the mask's low part in a DPF at the
// mask's high part; each evaluator multiplies all leaves with public weights.
//
//   P0:       splineDeal(table, lambda, roots1, roots2, keys, pool)
//   P1, P2:   splineEvaluate(prepared, party, m, roots, keys, acc, pool)
//
// acc1 + acc2 mod 2^K == prepared.plain(X, lambda), to the bit.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <span>

#include "runtime/crypto/Dpf.h"
#include "runtime/kernels/Spline.h"

namespace mpc::crypto {

/// The point function a table needs: depth d, D + 1 words of K bits. Key bytes
/// follow from dpfKeyBytes.
DpfParams splineDpf(const kernels::SplineTable &table);

/// Keys for the masks lambda (low n bits are used), to each evaluator the
/// same dpfKeyBytes(splineDpf(table), n) bytes. Constant time in the masks.
void splineDeal(const kernels::SplineTable &table,
                std::span<const uint64_t> lambda, const Block *roots1,
                const Block *roots2, uint8_t *keys, kernels::ThreadPool &pool);

/// This party's additive shares of the results, reduced to K bits. m is the
/// public masked input; bits above n are dropped. aes limits the instructions
/// used, for tests.
void splineEvaluate(const kernels::PreparedSpline &spline, int party,
                    std::span<const uint64_t> m, const Block *roots,
                    const uint8_t *keys, std::span<uint64_t> acc,
                    kernels::ThreadPool &pool, AesLevel aes = bestAesLevel());

/// Elements whose trees are expanded.
struct SplineLeaves {
  const uint64_t *m; ///< [element]
  size_t count;
  const Block *roundKeys;
  const Block *nodes;       ///< [element][2^(d - terminate)]
  const Block *corrections; ///< [element][block]
};

/// sums[e] = sum_p sum_j w[p][j] leaf[p][j] modulo 2^64 (its low K bits are
/// meant), party 1's sign. Needs kSplineDotPoints points and is null where the
/// build has no such instructions.
using SplineDot = void (*)(const kernels::PreparedSpline &spline,
                           const struct DpfShape &shape, const SplineLeaves &in,
                           uint64_t *sums);
SplineDot splineDotAvx512();
inline constexpr unsigned kSplineDotPoints = 16;

} // namespace mpc::crypto

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

/// sum_p sum_j w[p][j] leaf[p][j] of one element modulo 2^64 (its low K bits
/// are meant), party 1's sign. blocks: block b of leaf p at [b * stride + p],
/// words of `lane` bits. The AVX-512 form needs d >= 3 and is null where the
/// build has none.
using SplineDot = uint64_t (*)(const kernels::PreparedSpline &spline,
                               uint64_t m, const Block *blocks, size_t stride,
                               Lane lane);
SplineDot splineDotAvx512();

} // namespace mpc::crypto

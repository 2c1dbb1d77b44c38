//===- runtime/crypto/Dpf.h - distributed point functions -----------------===//
//
// The dealer shares, for each element of a batch, the function on 2^depth
// points that is `payload` (a tuple of words in Z_{2^ringBits}) at a secret
// point alpha and 0 elsewhere. Each evaluator expands its key to additive
// shares of all points; neither learns alpha or the payload.
//
// Construction: Boyle, Gilboa, Ishai (CCS 2016), tree of fixed-key AES (Aes.h),
// with tuple payloads and early termination: the lowest `terminate` levels of
// the tree are replaced by a wider payload, which pays for narrow payloads. The
// control bit is bit 0 of a node and never part of a payload: payloads are
// hashed from nodes with tweaks of their own. Roots are not sent: they come
// from the pairwise PRG, one block an element and party (Purpose::DpfRoot).
//
// Wire: dpfKeyBits a element, identical for both evaluators, packed without
// gaps in element order: for each level from the root 128 bits of seed
// correction (bit 0 is zero) and the left and right control corrections, then
// 2^terminate * words payload corrections of ringBits bits.
//
// Leaves, shares and alphas are uint64_t; results are reduced to ringBits.
// Element e's leaf p is leaves[(e * nLeaves + p - firstLeaf) * words + j].
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "runtime/core/Result.h"
#include "runtime/crypto/Aes.h"

namespace mpc::kernels {
class ThreadPool;
}

namespace mpc::crypto {

struct DpfParams {
  static constexpr unsigned kMaxDepth = 20;
  static constexpr unsigned kMaxWords = 8;
  static constexpr unsigned kLevelBits = 128 + 2;

  unsigned depth = 0;     ///< 2^depth points, depth <= 20
  unsigned words = 1;     ///< of the payload, 1..8
  unsigned ringBits = 64; ///< of a word, 1..64
  unsigned terminate = 0; ///< levels replaced by payload, <= depth
  AesLevel aes = bestAesLevel();

  size_t points() const { return size_t{1} << depth; }
};

/// In range, and the widened payload fits: 2^terminate * words words in at most
/// 1024 bits, a word taking 64 bits, or 32 if ringBits <= 32, or 1 if it is 1.
Status validate(const DpfParams &p);

/// The `terminate` that makes keys shortest.
unsigned dpfBestTermination(unsigned depth, unsigned words, unsigned ringBits);

/// Bits an element, bytes a batch of n, from the dealer to each evaluator.
size_t dpfKeyBits(const DpfParams &p);
size_t dpfKeyBytes(const DpfParams &p, size_t n);

/// Keys for n elements. alpha[e] < 2^depth, payload[e * words + j] (bits above
/// ringBits are dropped), roots of both parties, out: dpfKeyBytes(p, n). Time
/// and memory accesses do not depend on alpha, payload or roots.
void dpfGenerate(const DpfParams &p, size_t n, const uint64_t *alpha,
                 const uint64_t *payload, const Block *roots1,
                 const Block *roots2, uint8_t *out, kernels::ThreadPool &pool);

/// All leaves: n * 2^depth * words. party is 1 or 2.
void dpfEvalFull(const DpfParams &p, int party, size_t n, const Block *roots,
                 const uint8_t *keys, uint64_t *leaves,
                 kernels::ThreadPool &pool);

/// Leaves [firstLeaf, firstLeaf + nLeaves) of each element.
void dpfEvalRange(const DpfParams &p, int party, size_t n, const Block *roots,
                  const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
                  uint64_t *leaves, kernels::ThreadPool &pool);

/// For ringBits == 1: the same as packed bits, leaf p's word j being bit
/// (p - firstLeaf) * words + j of ceil(nLeaves * words / 64) words an element.
void dpfEvalBits(const DpfParams &p, int party, size_t n, const Block *roots,
                 const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
                 uint64_t *packed, kernels::ThreadPool &pool);

/// Streaming form: the visitor gets pieces of at most 2^14 words, each leaf of
/// the range once. It is called from several threads, for one element possibly
/// at the same time, in no order; memory stays bounded whatever the depth.
using DpfVisitor = std::function<void(size_t element, uint64_t firstLeaf,
                                      std::span<const uint64_t> leafWords)>;
void dpfVisit(const DpfParams &p, int party, size_t n, const Block *roots,
              const uint8_t *keys, uint64_t firstLeaf, uint64_t nLeaves,
              kernels::ThreadPool &pool, const DpfVisitor &visit);

/// acc[e] = sum over leaves p and words j of w(e, p, j) * leaf[e][p][j]. The
/// callback writes the public weights of `count` leaves from firstLeaf on to
/// w[(p - firstLeaf) * words + j]; it is called from several threads.
using DpfWeights = std::function<void(size_t element, uint64_t firstLeaf,
                                      uint64_t count, uint64_t *w)>;
void dpfWeightedSum(const DpfParams &p, int party, size_t n, const Block *roots,
                    const uint8_t *keys, uint64_t *acc,
                    kernels::ThreadPool &pool, const DpfWeights &weights);

} // namespace mpc::crypto

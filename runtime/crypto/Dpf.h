//===- runtime/crypto/Dpf.h - distributed point functions -----------------===//
//
// The dealer shares, for each element of a batch, the function on 2^depth
// points that is `payload` (a tuple of words in Z_{2^ringBits}) at a secret
// point alpha and 0 elsewhere. Each evaluator expands its key to additive
// shares of all points; neither learns alpha or the payload.
//
// Construction: the correlated tree of Guo, Yang, Wang, Zhang, Xie, Liu, Zhao
// (Half-Tree, EUROCRYPT 2023) for the point function of Boyle, Gilboa, Ishai
// (CCS 2016), on fixed-key AES (Aes.h). A node x has the children
//   left = H(x, 0) ^ t c,   right = left ^ x,   t = bit 0 of x,
// so one AES a node, where c is the level's correction. On the path to alpha
// the parties' nodes differ by Delta, off it they are equal:
//   Delta = root1 ^ root2,   c = H(x1, 0) ^ H(x2, 0) ^ (1 - alpha_i) Delta,
// x1, x2 = x1 ^ Delta being the nodes on the path. (Difference of the children
// on side s: (t1 ^ t2) c ^ H(x1) ^ H(x2) ^ s Delta = (s ^ 1 ^ alpha_i) Delta.)
// Delta's bit 0 is one: bit 0 of root 1 is set to zero, of root 2 to one; so
// control bits differ exactly on the path and need no corrections.
// A node's payload is H(x, 2), H(x, 3), ... as words, plus t times a
// correction; at alpha that of the other evaluator's leaf is H(x ^ Delta, .).
//
// Security: an evaluator knows its root, and Delta is uniform in 127 bits to it
// (the other root comes from a PRG it has no key for). All else it gets is, on
// its nodes x along the path, H(x ^ Delta, 0) ^ b Delta ^ known, and words of
// H(x ^ Delta, i), i >= 2, plus known: answers of the oracle of circular
// correlation robustness, at inputs x ^ sigma^-1(i) that are distinct but with
// probability 2^-127 a pair. So corrections look random, whatever alpha and
// payload are. The paper's last level, which uses two hashes, is for leaves
// that are themselves payload; here payloads are hashed with tweaks of their
// own, and every level is a half one. Each element has its own Delta; C
// corrections against p evaluations of AES bound the advantage by about
// C (C + p) / 2^126.
//
// Early termination: the lowest `terminate` levels are replaced by a wider
// payload. Roots are not sent: they come from the pairwise PRG, one block an
// element and party (Purpose::DpfRoot).
//
// Wire: dpfKeyBits an element, identical for both evaluators: for each level
// from the root the 128-bit corrections of all elements, then all payload
// corrections packed to ringBits bits, 2^terminate * words an element, word by
// word.
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

  unsigned depth = 0;     ///< 2^depth points, depth <= 20
  unsigned words = 1;     ///< of the payload, 1..8
  unsigned ringBits = 64; ///< of a word, 1..64
  /// Levels replaced by payload, <= depth; core::dpfTermination tells the best.
  unsigned terminate = 0;
  AesLevel aes = bestAesLevel();

  size_t points() const { return size_t{1} << depth; }
};

/// In range, and the widened payload fits: 2^terminate * words words in at most
/// 1024 bits, a word taking 64 bits, or 32 if ringBits <= 32, or 1 if it is 1.
Status validate(const DpfParams &p);

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

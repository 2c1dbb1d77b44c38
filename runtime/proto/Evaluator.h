//===- runtime/proto/Evaluator.h - P1 or P2 at one instruction ------------===//
//
// `begin` of an op takes the op's material, computes, and appends its payload
// to the outgoing message of the round; `finish` reads the peer's payload,
// which always has the size of its own. Online lookups are addressed by
// masked, hence public, values only.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/proto/Dealer.h"
#include "runtime/proto/Machine.h"
#include "runtime/proto/Material.h"
#include "runtime/proto/Statics.h"

#include <vector>

namespace mpc::proto {

/// The generators of P_j: with the dealer, with the other evaluator (zero
/// shares only), and the deployment's (weight masks only).
struct EvaluatorKeys {
  const crypto::Prg &k0;
  const crypto::Prg &k12;
  const crypto::Prg &d0;
};

/// Where an evaluator's masked inputs and weights come from, and its outputs
/// go. Bytes are packed at the ring of the value.
class EvaluatorIo {
public:
  virtual ~EvaluatorIo() = default;
  virtual std::span<const uint8_t> maskedInput(uint32_t instr) = 0;
  virtual std::span<const uint8_t> maskedWeight(size_t weight) = 0;
  /// What maskedWeight() returned is no longer looked at.
  virtual void weightRead(size_t) {}
  virtual void output(std::span<const uint8_t> m,
                      std::span<const uint8_t> l) = 0;
};

class Evaluator final : public Machine {
public:
  Evaluator(const plan::Plan &plan, int party, EvaluatorKeys keys,
            kernels::ThreadPool &pool, MaterialSource &source, EvaluatorIo &io)
      : Machine(plan, party, pool), keys(keys), io(io), source_(source) {}

  const EvaluatorKeys keys;
  EvaluatorIo &io;
  /// Weights packed once per deployment, if they are.
  const StaticOperands *statics = nullptr;
  /// Where the offline pass keeps what it made.
  MaterialStore *store = nullptr;
  /// The round's message so far.
  std::vector<uint8_t> outgoing;
  /// Online multiply-accumulates of matrix products so far.
  uint64_t gemmMacs = 0;
  uint64_t offlineGemmMacs = 0; ///< of prepare

  /// Offline: keeps n values for this instruction's begin.
  void keep(const Words &v, unsigned ringBits);
  /// Online: what keep() kept.
  Words takeKept(size_t n, unsigned ringBits);
  void keepBits(const Words &bits, size_t n);
  Words takeKeptBits(size_t n);

  crypto::PrgAddress address(crypto::Purpose p, uint32_t slot = 0) const {
    return {p, index(), slot};
  }
  /// The fresh mask l'_j of an exchange's result.
  Words drawMask(size_t n, unsigned ringBits) const {
    return prgWords(keys.k0, address(crypto::Purpose::Mask), n, ringBits, pool);
  }
  Words drawBitMask(size_t n) const {
    return prgBits(keys.k0, address(crypto::Purpose::Mask), n);
  }
  /// DPF roots, one block an element.
  core::SecretVector<crypto::Block> drawRoots(size_t n) const;

  /// This party's shares of what the dealer dealt, in the order dealt.
  Words dealtWords(uint32_t slot, size_t n, unsigned ringBits);
  Words dealtBits(crypto::Purpose purpose, uint32_t slot, size_t n);
  /// n bytes of material; empty after a failure.
  std::span<const uint8_t> take(size_t n);

  void sendWords(const Words &v, unsigned ringBits);
  /// Room for n packed elements, to be filled before anything else is sent.
  uint8_t *sendRoom(size_t n, unsigned ringBits);
  void sendBits(const Words &bits, size_t n);

  /// The first failure of the material's source. Values computed after one are
  /// meaningless and must not be sent.
  const Status &status() const { return status_; }

private:
  void keepBytes(std::span<const uint8_t> bytes);

  MaterialSource &source_;
  Status status_;
};

/// Dealt values of an instruction's slots 0, 1, ..., n each, readable by pieces
/// and by several threads. Made where the op takes its material.
class DealtWords {
public:
  DealtWords(Evaluator &p, std::vector<unsigned> ringBits, size_t n);
  /// Elements first, first + 1, ... of a slot; first is a multiple of the pack
  /// group.
  void read(uint32_t slot, size_t first, std::span<uint64_t> out) const;

private:
  const Evaluator &p_;
  std::vector<unsigned> ringBits_;
  std::vector<size_t> offsets_;
  std::span<const uint8_t> wire_; ///< P2's; empty after a failure
};

/// What party j multiplies the other operand's m with: my - ly1, or ly2 (which
/// is then subtracted).
Words ownHalf(const Evaluator &p, size_t operand);
/// What it multiplies a row selector's m with: m ^ l1, or l2, of operand 1.
Words ownTable(const Evaluator &p);

/// v += what the peer sent, mod 2^ringBits.
void addReceived(Words &v, std::span<const uint8_t> bytes, unsigned ringBits,
                 kernels::ThreadPool &pool);
/// bits ^= what the peer sent.
void xorReceived(Words &bits, std::span<const uint8_t> bytes, size_t n);

} // namespace mpc::proto

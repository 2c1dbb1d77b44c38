//===- runtime/proto/Dealer.h - P0 at one instruction ---------------------===//
//
// P0 knows both halves of every mask and deals correlations of them. The share
// of P1 is always PRG(k01, purpose, instruction, slot); the difference goes to
// P2 on the wire. Nothing here may branch on, or be addressed by, a mask.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/proto/Machine.h"
#include "runtime/proto/Material.h"
#include "runtime/proto/Statics.h"

namespace mpc::proto {

/// Elements [0, n) of a stream, reduced; in parallel.
Words prgWords(const crypto::Prg &prg, crypto::PrgAddress at, size_t n,
               unsigned ringBits, kernels::ThreadPool &pool);
/// n packed bits of a stream.
Words prgBits(const crypto::Prg &prg, crypto::PrgAddress at, size_t n);

/// x + y mod 2^ringBits.
Words sumMod(const Words &x, const Words &y, unsigned ringBits,
             kernels::ThreadPool &pool);

/// x ^ y, word by word.
Words xorOf(const Words &x, const Words &y);

/// The pairwise generators of P0. Deployment keys serve weight masks only.
struct DealerKeys {
  const crypto::Prg &k01, &k02;
  const crypto::Prg &d01, &d02;
};

class Dealer final : public Machine {
public:
  Dealer(const plan::Plan &plan, DealerKeys keys, kernels::ThreadPool &pool,
         MaterialSink &sink)
      : Machine(plan, 0, pool), keys(keys), sink_(sink) {}

  const DealerKeys keys;
  /// Weights packed once per deployment, if they are.
  const StaticOperands *statics = nullptr;
  /// Multiply-accumulates of matrix products so far.
  uint64_t gemmMacs = 0;

  /// The address of this instruction's stream.
  crypto::PrgAddress address(crypto::Purpose p, uint32_t slot = 0) const {
    return {p, index(), slot};
  }
  /// a and b of the result: the fresh masks of an exchange.
  void drawMasks(Share &to, size_t n, unsigned ringBits);
  void drawBitMasks(Share &to, size_t n);

  /// DPF roots of both parties, one block an element each.
  core::SecretVector<crypto::Block> drawRoots(int party, size_t n) const;

  /// Deals n values of Z_{2^ringBits}: to P2 values - PRG(k01, Dealt). They are
  /// elements first, first + 1, ... of the slot; first is a multiple of the
  /// pack group, and all pieces but the last are.
  void dealWords(uint32_t slot, Words values, unsigned ringBits,
                 size_t first = 0);
  /// P2's part of a piece of them, packed at `to`; values become it, share is
  /// as long. For several threads; put() the whole then.
  void packDealt(uint32_t slot, size_t first, std::span<uint64_t> values,
                 std::span<uint64_t> share, unsigned ringBits,
                 uint8_t *to) const;
  /// Deals n bits.
  void dealBits(crypto::Purpose purpose, uint32_t slot, Words bits, size_t n);

  void put(int party, core::SecretVector<uint8_t> bytes) {
    if (status_ && !bytes.empty())
      status_ = sink_.put(party, std::move(bytes));
  }
  /// The first failure of the sink.
  const Status &status() const { return status_; }

private:
  MaterialSink &sink_;
  Status status_;
};

} // namespace mpc::proto

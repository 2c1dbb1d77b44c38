//===- runtime/proto/OneHot.cpp - one_hot: additive [n, rows] <- masked ---===//
//
// Boyle, Gilboa, Ishai 2016: the dealer shares E, 1 at the index's mask l and 0
// elsewhere; with public m = x + l mod 2^window the selector of row i is
// E[(m - i) mod 2^window]. All rows are computed: nothing about the index
// shows in memory access or time.
//
//===----------------------------------------------------------------------===//
#include "runtime/crypto/Dpf.h"
#include "runtime/proto/Ops.h"
#include "runtime/proto/Univariate.h"

#include "runtime/core/DpfKey.h"
#include "runtime/core/Ring.h"

#include <algorithm>

namespace mpc::proto {

crypto::DpfParams oneHotDpf(const plan::Plan &plan, const plan::Instr &in) {
  crypto::DpfParams d;
  d.depth = static_cast<unsigned>(in.scalar(0));
  d.words = 1;
  d.ringBits = plan.regs[in.out].ring;
  d.terminate = core::dpfTermination(d.depth, d.words, d.ringBits);
  return d;
}

void dealRowSelector(Dealer &p) {
  const crypto::DpfParams dpf = oneHotDpf(p.plan, p.instr());
  const size_t n = p.inSize(0);
  Words alpha = dpf.depth ? lowMaskBits(p, 0, dpf.depth) : Words::zeros(n);
  Words payload(n);
  std::fill(payload.begin(), payload.end(), 1);
  const auto roots1 = p.drawRoots(1, n), roots2 = p.drawRoots(2, n);
  core::SecretVector<uint8_t> keys(crypto::dpfKeyBytes(dpf, n));
  crypto::dpfGenerate(dpf, n, alpha.data(), payload.data(), roots1.data(),
                      roots2.data(), keys.data(), p.pool);
  p.put(1, keys.clone());
  p.put(2, std::move(keys));
}

void dealOneHot(Dealer &p) { dealRowSelector(p); }

void beginOneHot(Evaluator &p) {
  const crypto::DpfParams dpf = oneHotDpf(p.plan, p.instr());
  const size_t n = p.inSize(0), points = dpf.points();
  const auto rows = static_cast<size_t>(p.imm(1));
  const auto roots = p.drawRoots(n);
  const std::span<const uint8_t> keys = p.take(crypto::dpfKeyBytes(dpf, n));
  if (keys.empty()) {
    p.out().a = Words::zeros(p.outSize());
    return;
  }
  Words leaves(n * points);
  crypto::dpfEvalFull(dpf, p.party, n, roots.data(), keys.data(), leaves.data(),
                      p.pool);
  Words out(p.outSize());
  const Words &m = p.in(0).a;
  for (size_t e = 0; e < n; ++e)
    for (size_t i = 0; i < rows; ++i)
      out.data()[e * rows + i] =
          leaves.data()[e * points + ((m.data()[e] - i) & (points - 1))];
  p.out().a = std::move(out);
}

} // namespace mpc::proto

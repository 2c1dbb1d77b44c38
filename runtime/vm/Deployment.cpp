//===- runtime/vm/Deployment.cpp ------------------------------------------===//
#include "runtime/vm/Deployment.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"

#include <fmt/format.h>

namespace mpc::vm {
namespace {

using crypto::Key128;
using net::Channel;

/// A multiple of the pack group: pieces of a tensor pack independently.
constexpr size_t kPiece = 1 << 16;

/// Masks packed words: bits from firstBit on of the stream, by XOR.
void xorBits(const crypto::Prg &prg, crypto::PrgAddress at, uint64_t firstBit,
             std::span<uint8_t> bytes) {
  core::SecretVector<uint64_t> mask((bytes.size() + 7) / 8);
  prg.bits(at, firstBit, bytes.size() * 8, mask.span());
  const auto *with = reinterpret_cast<const uint8_t *>(mask.data());
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] ^= with[i];
}

Result<crypto::Prg> receiveKey(Channel &owner) {
  core::SecretVector<uint8_t> key(Key128::kBytes);
  MPC_TRY(owner.recv(key.span()));
  return crypto::Prg(Key128(
      std::span<const uint8_t, Key128::kBytes>(key.data(), Key128::kBytes)));
}

Status acknowledge(Channel &owner) {
  const uint8_t done = 1;
  return owner.send({&done, 1});
}

Status awaitAcknowledgement(Channel &party) {
  uint8_t done = 0;
  MPC_TRY(party.recv({&done, 1}));
  if (done != 1)
    return party.errorAbout("did not acknowledge the deployment");
  return {};
}

} // namespace

Status deploy(const plan::Plan &plan, const plan::Weights &weights, Channel &p0,
              Channel &p1, Channel &p2) {
  if (weights.tensors.size() != plan.weights.size())
    return Error{fmt::format("{} weights, the plan has {}",
                             weights.tensors.size(), plan.weights.size())};
  for (Channel *c : {&p0, &p1, &p2})
    c->setContext("deployment of weights");
  Result<Key128> d01 = Key128::random(), d02 = Key128::random();
  if (!d01)
    return d01.error();
  if (!d02)
    return d02.error();
  MPC_TRY(p0.send(d01->bytes()));
  MPC_TRY(p0.send(d02->bytes()));
  MPC_TRY(p1.send(d01->bytes()));
  MPC_TRY(p2.send(d02->bytes()));

  const crypto::Prg mask1(std::move(*d01)), mask2(std::move(*d02));
  core::SecretVector<uint64_t> m(kPiece), l2(kPiece);
  std::vector<uint8_t> wire;
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    const plan::WeightInfo &info = plan.weights[w];
    const std::vector<uint64_t> &tensor = weights.tensors[w];
    if (static_cast<int64_t>(tensor.size()) != core::numel(info.shape))
      return Error{fmt::format("weight '{}' has {} elements, the plan says {}",
                               info.name, tensor.size(),
                               core::numel(info.shape))};
    const crypto::PrgAddress at{crypto::Purpose::Mask, w, 0};
    for (size_t first = 0; first < tensor.size(); first += kPiece) {
      const size_t n = std::min(kPiece, tensor.size() - first);
      wire.resize(core::packedBytes(n, info.ring));
      if (info.form == plan::Form::Words) {
        kernels::packBits(tensor.data() + first, n, info.ring, wire.data());
        xorBits(mask1, at, first * info.ring, wire);
        xorBits(mask2, at, first * info.ring, wire);
      } else {
        mask1.words(at, first, m.span().first(n));
        mask2.words(at, first, l2.span().first(n));
        for (size_t i = 0; i < n; ++i)
          m.data()[i] += l2.data()[i] + tensor[first + i];
        kernels::packBits(m.data(), n, info.ring, wire.data());
      }
      MPC_TRY(p1.sendStream(wire));
      MPC_TRY(p2.sendStream(wire));
    }
  }
  MPC_TRY(p1.flush());
  MPC_TRY(p2.flush());
  MPC_TRY(awaitAcknowledgement(p0));
  MPC_TRY(awaitAcknowledgement(p1));
  return awaitAcknowledgement(p2);
}

Result<DealerDeployment> receiveDealerDeployment(Channel &owner) {
  owner.setContext("deployment of weights");
  Result<crypto::Prg> d01 = receiveKey(owner);
  if (!d01)
    return d01.error();
  Result<crypto::Prg> d02 = receiveKey(owner);
  if (!d02)
    return d02.error();
  MPC_TRY(acknowledge(owner));
  return DealerDeployment{std::move(*d01), std::move(*d02)};
}

Result<EvaluatorDeployment> receiveEvaluatorDeployment(const plan::Plan &plan,
                                                       Channel &owner) {
  owner.setContext("deployment of weights");
  Result<crypto::Prg> d0 = receiveKey(owner);
  if (!d0)
    return d0.error();
  EvaluatorDeployment d{std::move(*d0), {}};
  for (const plan::WeightInfo &w : plan.weights) {
    d.masked.emplace_back(
        core::packedBytes(static_cast<size_t>(core::numel(w.shape)), w.ring));
    MPC_TRY(owner.recvStream(d.masked.back()));
  }
  MPC_TRY(acknowledge(owner));
  return d;
}

} // namespace mpc::vm

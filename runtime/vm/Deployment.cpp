//===- runtime/vm/Deployment.cpp ------------------------------------------===//
#include "runtime/vm/Deployment.h"

#include "runtime/core/Ring.h"
#include "runtime/proto/Ops.h"
#include "runtime/vm/MaskWeights.h"
#include "runtime/vm/WeightsIo.h"

#include <fmt/format.h>

namespace mpc::vm {
namespace {

using crypto::Key128;
using net::Channel;

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

/// Static instructions deal nothing and take nothing.
class NoSink final : public proto::MaterialSink {
public:
  Status put(int, core::SecretVector<uint8_t>) override {
    return Error{"a static instruction dealt material"};
  }
};
class NoSource final : public proto::MaterialSource {
public:
  Result<std::span<const uint8_t>> take(size_t) override {
    return Error{"a static instruction took material"};
  }
};
/// Weights as the owner sends them, received when one of them is read.
class ArrivingWeights final : public WeightsIo {
public:
  ArrivingWeights(const plan::Plan &plan, EvaluatorDeployment &d,
                  Channel &owner)
      : WeightsIo(d), plan_(plan), deployment_(d), owner_(owner) {}

  std::span<const uint8_t> maskedWeight(size_t weight) override {
    receive(weight + 1);
    return deployment_.masked[weight].span();
  }
  /// The rest; the first failure of any.
  Status finish() {
    receive(plan_.weights.size());
    return status_;
  }

private:
  void receive(size_t until) {
    for (; next_ < until; ++next_) {
      const plan::WeightInfo &w = plan_.weights[next_];
      auto &to = deployment_.masked[next_];
      to.allocate(
          core::packedBytes(static_cast<size_t>(core::numel(w.shape)), w.ring));
      if (status_)
        status_ = owner_.recvStream(to.span());
    }
  }

  const plan::Plan &plan_;
  EvaluatorDeployment &deployment_;
  Channel &owner_;
  size_t next_ = 0;
  Status status_;
};

/// Packs, and frees each masked weight once nothing reads it any more.
void packFrom(WeightsIo &io, const plan::Plan &plan, int party,
              EvaluatorDeployment &deployment, kernels::ThreadPool &pool,
              size_t budget) {
  const crypto::Prg &d0 = deployment.d0;
  NoSource source;
  proto::Evaluator evaluator(plan, party, {d0, d0, d0}, pool, source, io);
  proto::findStatic(evaluator);
  const std::vector<bool> skipped = proto::skippedWith(evaluator, budget);
  // How often a weight is still to be read here; more if sessions read it.
  std::vector<size_t> reads(plan.weights.size(), 0);
  for (uint32_t i = 0; i < plan.code.size(); ++i)
    if (plan.code[i].op == plan::PlanOp::Weight)
      reads[static_cast<size_t>(plan.code[i].scalar(0))] +=
          skipped[i] ? 1 : plan.code.size();
  io.afterRead = [&](size_t weight) {
    if (--reads[weight] == 0)
      deployment.masked[weight].reset();
  };
  deployment.statics = proto::packStatics(evaluator, budget);
  io.afterRead = nullptr;
}

} // namespace

Status deploy(const plan::Plan &plan, const ReadWeight &weights, Channel &p0,
              Channel &p1, Channel &p2) {
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
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    MPC_TRY(maskWeight(plan.weights[w], w, weights, mask1, mask2,
                       [&](std::span<const uint8_t> wire) -> Status {
                         MPC_TRY(p1.sendStream(wire));
                         return p2.sendStream(wire);
                       }));
  }
  MPC_TRY(p1.flush());
  MPC_TRY(p2.flush());
  MPC_TRY(awaitAcknowledgement(p0));
  MPC_TRY(awaitAcknowledgement(p1));
  return awaitAcknowledgement(p2);
}

Status deploy(const plan::Plan &plan, const plan::Weights &weights, Channel &p0,
              Channel &p1, Channel &p2) {
  if (weights.tensors.size() != plan.weights.size())
    return Error{fmt::format("{} weights, the plan has {}",
                             weights.tensors.size(), plan.weights.size())};
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    const plan::WeightInfo &info = plan.weights[w];
    if (static_cast<int64_t>(weights.tensors[w].size()) !=
        core::numel(info.shape))
      return Error{fmt::format("weight '{}' has {} elements, the plan says {}",
                               info.name, weights.tensors[w].size(),
                               core::numel(info.shape))};
  }
  return deploy(plan, readFrom(weights), p0, p1, p2);
}

void packWeights(const plan::Plan &plan, DealerDeployment &deployment,
                 kernels::ThreadPool &pool, size_t budget) {
  // Static instructions draw weight masks only: no session has a part in it.
  const crypto::Prg &d01 = deployment.d01, &d02 = deployment.d02;
  NoSink sink;
  proto::Dealer dealer(plan, {d01, d02, d01, d02}, pool, sink);
  proto::findStatic(dealer);
  deployment.statics = proto::packStatics(dealer, budget);
}

void packWeights(const plan::Plan &plan, int party,
                 EvaluatorDeployment &deployment, kernels::ThreadPool &pool,
                 size_t budget) {
  WeightsIo io(deployment);
  packFrom(io, plan, party, deployment, pool, budget);
}

Result<DealerDeployment> receiveDealerDeployment(const plan::Plan &plan,
                                                 Channel &owner,
                                                 kernels::ThreadPool &pool,
                                                 size_t packBudget) {
  owner.setContext("deployment of weights");
  Result<crypto::Prg> d01 = receiveKey(owner);
  if (!d01)
    return d01.error();
  Result<crypto::Prg> d02 = receiveKey(owner);
  if (!d02)
    return d02.error();
  DealerDeployment d{std::move(*d01), std::move(*d02)};
  packWeights(plan, d, pool, packBudget);
  MPC_TRY(acknowledge(owner));
  return d;
}

Result<EvaluatorDeployment>
receiveEvaluatorDeployment(const plan::Plan &plan, int party, Channel &owner,
                           kernels::ThreadPool &pool, size_t packBudget) {
  owner.setContext("deployment of weights");
  Result<crypto::Prg> d0 = receiveKey(owner);
  if (!d0)
    return d0.error();
  EvaluatorDeployment d{std::move(*d0)};
  d.masked.resize(plan.weights.size());
  ArrivingWeights io(plan, d, owner);
  packFrom(io, plan, party, d, pool, packBudget);
  MPC_TRY(io.finish());
  MPC_TRY(acknowledge(owner));
  return d;
}

} // namespace mpc::vm

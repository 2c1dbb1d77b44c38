//===- runtime/vm/EvaluatorOffline.cpp - the offline phase of P1 or P2 ----===//
//
// Instruction by instruction, what can be computed ahead (proto/Prepare.h) and
// the instruction's material from P0; so both work at the same part of the plan
// and no buffer grows. What is needed online goes to the store, in plan order.
//
//===----------------------------------------------------------------------===//
#include "runtime/vm/Liveness.h"
#include "runtime/vm/Party.h"
#include "runtime/vm/WeightsIo.h"

#include "runtime/plan/PlanCost.h"
#include "runtime/proto/Ops.h"

namespace mpc::vm {
namespace {

/// What one instruction was dealt, consumed at once.
class Dealt final : public proto::MaterialSource {
public:
  Status receive(size_t n, net::Channel &p0) {
    if (bytes_.size() < n) {
      bytes_.reset();
      bytes_.allocate(n);
    }
    size_ = n;
    taken_ = 0;
    return p0.recvStream(bytes_.span().first(n));
  }
  Result<std::span<const uint8_t>> take(size_t n) override {
    if (n > size_ - taken_)
      return Error{"an instruction takes more than it is dealt"};
    taken_ += n;
    return std::span<const uint8_t>(bytes_.span().subspan(taken_ - n, n));
  }

private:
  core::SecretVector<uint8_t> bytes_;
  size_t size_ = 0, taken_ = 0;
};

std::vector<uint8_t> staticRegs(const plan::Plan &plan) {
  const std::vector<bool> fixed = plan::inputIndependent(plan);
  return {fixed.begin(), fixed.end()};
}

} // namespace

uint64_t materialBytes(const plan::Plan &plan, int party) {
  const std::vector<uint8_t> isStatic = staticRegs(plan);
  const std::vector<plan::PlanCost> costs = plan::instrCosts(plan);
  uint64_t total = 0;
  for (size_t i = 0; i < plan.code.size(); ++i) {
    if (!proto::dealtOffline(plan.code[i], isStatic))
      total += party == 1 ? costs[i].p0ToP1 : costs[i].p0ToP2;
    total += proto::keptBytes(plan, plan.code[i], isStatic);
  }
  return total;
}

Status evaluatorOffline(const plan::Plan &plan, int party,
                        const EvaluatorDeployment &deployment,
                        const EvaluatorSession &session, net::Channel &p0,
                        kernels::ThreadPool &pool, proto::MaterialStore &store,
                        PartyReport &report) {
  p0.setContext("offline phase");
  const uint64_t cpu = cpuNs();
  const std::vector<plan::PlanCost> costs = plan::instrCosts(plan);
  const Liveness liveness(plan);
  Dealt dealt;
  WeightsIo io(deployment);
  proto::Evaluator machine(
      plan, party, {session.k0, session.k12, deployment.d0}, pool, dealt, io);
  machine.statics = &deployment.statics;
  machine.store = &store;
  machine.masksOnly = true;
  proto::findStatic(machine);
  for (uint32_t i = 0; i < plan.code.size(); ++i) {
    if (deployment.statics.skips(i))
      continue;
    machine.at(i);
    const size_t bytes = party == 1 ? costs[i].p0ToP1 : costs[i].p0ToP2;
    const bool atOnce = proto::dealtOffline(machine.instr(), machine.isStatic);
    if (atOnce) {
      Stopwatch wait(report.offlineWaitNs);
      MPC_TRY(dealt.receive(bytes, p0));
    }
    {
      Stopwatch busy(report.opTime(machine.instr().op).offlineNs);
      proto::prepare(machine);
      MPC_TRY(machine.status());
      // What an exchange would make pending exists at once here.
      liveness.release(machine, i);
      liveness.releasePending(machine, i);
    }
    if (!atOnce) {
      Stopwatch wait(report.offlineWaitNs);
      MPC_TRY(store.put(
          bytes, [&](std::span<uint8_t> to) { return p0.recvStream(to); }));
    }
  }
  report.offlineEndNs = nowNs();
  report.offlineCpuNs = cpuNs() - cpu;
  report.offlineGemmMacs = machine.offlineGemmMacs;
  return {};
}

} // namespace mpc::vm

//===- runtime/vm/EvaluatorOnline.cpp - the online phase of P1 or P2 ------===//
//
// Per round all begins, one exchange of the concatenated payloads, all
// finishes.
//
//===----------------------------------------------------------------------===//
#include "runtime/vm/Client.h"
#include "runtime/vm/Liveness.h"
#include "runtime/vm/Party.h"
#include "runtime/vm/WeightsIo.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/proto/Ops.h"

#include <fmt/format.h>

namespace mpc::vm {
namespace {

using net::Channel;
using plan::PlanOp;

/// Counts what an instruction takes.
class Counted final : public proto::MaterialSource {
public:
  explicit Counted(proto::MaterialSource &from) : from_(from) {}
  Result<std::span<const uint8_t>> take(size_t n) override {
    taken += n;
    return from_.take(n);
  }
  uint64_t taken = 0; ///< of this instruction

private:
  proto::MaterialSource &from_;
};

class Io final : public WeightsIo {
public:
  Io(const plan::Plan &plan, const EvaluatorDeployment &deployment)
      : WeightsIo(deployment), offsets_(plan.code.size(), {0, 0}) {
    size_t at = 0;
    for (size_t i = 0; i < plan.code.size(); ++i) {
      if (plan.code[i].op != PlanOp::Input)
        continue;
      const plan::RegInfo &r = plan.regs[plan.code[i].out];
      const size_t n =
          core::packedBytes(static_cast<size_t>(r.numel()), r.ring);
      offsets_[i] = {at, n};
      at += n;
    }
    inputs.resize(at);
    outputs.reserve(outputBytes(plan)); // a growing buffer would leave copies
  }

  std::span<const uint8_t> maskedInput(uint32_t instr) override {
    return std::span(inputs).subspan(offsets_[instr].first,
                                     offsets_[instr].second);
  }
  void output(std::span<const uint8_t> m, std::span<const uint8_t> l) override {
    outputs.insert(outputs.end(), m.begin(), m.end());
    outputs.insert(outputs.end(), l.begin(), l.end());
  }

  std::vector<uint8_t> inputs, outputs;

private:
  std::vector<std::pair<size_t, size_t>> offsets_;
};

class Run {
public:
  Run(const plan::Plan &plan, int party, const EvaluatorDeployment &deployment,
      const EvaluatorSession &session, Channel &peer, Channel &client,
      kernels::ThreadPool &pool, const PartyOptions &options,
      proto::MaterialSource &source, PartyReport &report)
      : plan_(plan), statics_(deployment.statics), peer_(peer), client_(client),
        material_(source), io_(plan, deployment), liveness_(plan),
        machine_(plan, party, {session.k0, session.k12, deployment.d0}, pool,
                 material_, io_),
        report_(report) {
    machine_.tap = options.tap;
    machine_.statics = &deployment.statics;
    proto::findStatic(machine_);
  }

  Status online();

private:
  Status sendMaskWords();
  Status flush(uint32_t at);

  struct Pending {
    uint32_t instr;
    size_t offset, bytes;
  };

  const plan::Plan &plan_;
  const proto::StaticOperands &statics_;
  Channel &peer_, &client_;
  Counted material_;
  Io io_;
  Liveness liveness_;
  proto::Evaluator machine_;
  PartyReport &report_;
  std::vector<Pending> pending_;
  std::vector<uint8_t> incoming_;
};

/// What the instruction's begin takes from the store.
uint64_t storedBytes(const proto::Machine &m, const plan::PlanCost &cost) {
  const uint64_t dealt = m.party == 1 ? cost.p0ToP1 : cost.p0ToP2;
  return (proto::dealtOffline(m.instr(), m.isStatic) ? 0 : dealt) +
         proto::keptBytes(m.plan, m.instr(), m.isStatic);
}

/// l_j of each input, to the client.
Status Run::sendMaskWords() {
  std::vector<uint8_t> words;
  words.reserve(inputBytes(plan_)); // a growing buffer would leave copies
  for (uint32_t i = 0; i < plan_.code.size(); ++i) {
    if (plan_.code[i].op != PlanOp::Input)
      continue;
    machine_.at(i);
    const unsigned ring = machine_.outInfo().ring;
    const proto::Words l = machine_.drawMask(machine_.outSize(), ring);
    const size_t at = words.size();
    words.resize(at + core::packedBytes(l.size(), ring));
    kernels::packBits(l.data(), l.size(), ring, words.data() + at);
  }
  Status sent = client_.send(words);
  core::wipe(words.data(), words.size());
  return sent;
}

Status Run::flush(uint32_t at) {
  const uint32_t round = static_cast<uint32_t>(++report_.rounds);
  const std::string &node = plan_.locations[plan_.code[pending_[0].instr].loc];
  peer_.setContext(node.empty() ? fmt::format("round {}", round)
                                : fmt::format("round {} ('{}')", round, node));
  // Payloads have equal sizes both ways.
  incoming_.resize(machine_.outgoing.size());
  {
    Stopwatch wait(report_.onlineWaitNs);
    MPC_TRY(peer_.exchange(machine_.outgoing, incoming_));
  }
  for (const Pending &p : pending_) {
    machine_.at(p.instr);
    Stopwatch busy(report_.opTime(machine_.instr().op).onlineNs);
    proto::finish(machine_, std::span(incoming_).subspan(p.offset, p.bytes));
    liveness_.releasePending(machine_, p.instr);
  }
  pending_.clear();
  machine_.outgoing.clear();
  machine_.at(at);
  return {};
}

Status Run::online() {
  const net::Counters peerBefore = peer_.counters();
  const net::Counters clientBefore = client_.counters();
  client_.setContext("inputs");
  MPC_TRY(sendMaskWords());
  MPC_TRY(client_.recv(io_.inputs));
  const uint64_t start = nowNs(), cpu = cpuNs();
  const std::vector<plan::PlanCost> costs = plan::instrCosts(plan_);
  for (uint32_t i = 0; i < plan_.code.size(); ++i) {
    if (statics_.skips(i)) {
      liveness_.release(machine_, i);
      continue;
    }
    machine_.at(i);
    const plan::Instr &in = plan_.code[i];
    if (in.op == PlanOp::Flush) {
      MPC_TRY(flush(i));
      continue;
    }
    Stopwatch busy(report_.opTime(in.op).onlineNs);
    ++report_.opTime(in.op).count;
    material_.taken = 0;
    const size_t offset = machine_.outgoing.size();
    proto::begin(machine_);
    MPC_TRY(machine_.status());
    if (material_.taken != storedBytes(machine_, costs[i]))
      return Error{fmt::format("instruction {} ('{}') left offline material "
                               "unused",
                               i, plan_.locations[in.loc])};
    if (plan::info(in.op).exchange)
      pending_.push_back({i, offset, machine_.outgoing.size() - offset});
    liveness_.release(machine_, i);
  }
  client_.setContext("outputs");
  const Status sent = client_.send(io_.outputs);
  core::wipe(io_.outputs.data(), io_.outputs.size()); // holds masks
  MPC_TRY(sent);
  report_.onlineNs = nowNs() - start;
  report_.onlineCpuNs = cpuNs() - cpu;
  report_.onlineGemmMacs = machine_.gemmMacs;
  report_.onlineSent[machine_.party == 1 ? 2 : 1] =
      (peer_.counters() - peerBefore).payloadSent;
  report_.onlineSent[3] = (client_.counters() - clientBefore).payloadSent;
  return {};
}

} // namespace

Status evaluatorOnline(const plan::Plan &plan, int party,
                       const EvaluatorDeployment &deployment,
                       const EvaluatorSession &session, Channel &peer,
                       Channel &client, kernels::ThreadPool &pool,
                       const PartyOptions &options,
                       proto::MaterialSource &source, PartyReport &report) {
  return Run(plan, party, deployment, session, peer, client, pool, options,
             source, report)
      .online();
}

} // namespace mpc::vm

//===- runtime/vm/Evaluator.cpp - the session of P1 or P2 -----------------===//
//
// Offline: instruction by instruction, what can be computed ahead (see
// proto/Prepare.h), then the instruction's material from P0; so both work at
// the same part of the plan and no buffer grows. Online: per round all begins,
// one exchange of the concatenated payloads, all finishes.
//
//===----------------------------------------------------------------------===//
#include "runtime/vm/Client.h"
#include "runtime/vm/Liveness.h"
#include "runtime/vm/Party.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/proto/Ops.h"

#include <fmt/format.h>

namespace mpc::vm {
namespace {

using net::Channel;
using plan::PlanOp;

/// Material received ahead, an array an instruction, freed when taken.
class StoredMaterial final : public proto::MaterialSource {
public:
  explicit StoredMaterial(size_t instructions) : parts_(instructions) {}

  Status receive(uint32_t instr, size_t n, Channel &p0) {
    if (n == 0)
      return {};
    parts_[instr].allocate(n);
    return p0.recvStream(parts_[instr].span());
  }
  void at(uint32_t instr) {
    instr_ = instr;
    used_ = 0;
  }
  Result<std::span<const uint8_t>> take(size_t n) override {
    const core::SecretVector<uint8_t> &part = parts_[instr_];
    if (n > part.size() - used_)
      return Error{fmt::format("the offline material of instruction {} has {} "
                               "bytes, {} are needed",
                               instr_, part.size(), used_ + n)};
    used_ += n;
    return part.span().subspan(used_ - n, n);
  }
  /// Frees this instruction's; whether all of it was taken.
  bool finish() {
    const bool all = used_ == parts_[instr_].size();
    parts_[instr_].reset();
    return all;
  }

private:
  std::vector<core::SecretVector<uint8_t>> parts_;
  uint32_t instr_ = 0;
  size_t used_ = 0;
};

class Io final : public proto::EvaluatorIo {
public:
  Io(const plan::Plan &plan, const EvaluatorDeployment &deployment)
      : deployment_(deployment), offsets_(plan.code.size(), {0, 0}) {
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
  std::span<const uint8_t> maskedWeight(size_t weight) override {
    return deployment_.masked[weight];
  }
  void output(std::span<const uint8_t> m, std::span<const uint8_t> l) override {
    outputs.insert(outputs.end(), m.begin(), m.end());
    outputs.insert(outputs.end(), l.begin(), l.end());
  }

  std::vector<uint8_t> inputs, outputs;

private:
  const EvaluatorDeployment &deployment_;
  std::vector<std::pair<size_t, size_t>> offsets_;
};

/// One evaluator's session, phase by phase.
class Run {
public:
  Run(const plan::Plan &plan, int party, const EvaluatorDeployment &deployment,
      EvaluatorSession &session, Channel &p0, Channel &peer, Channel &client,
      kernels::ThreadPool &pool, const PartyOptions &options)
      : plan_(plan), p0_(p0), peer_(peer), client_(client),
        material_(plan.code.size()), io_(plan, deployment), liveness_(plan),
        machine_(plan, party, {session.k0, session.k12, deployment.d0}, pool,
                 material_, io_) {
    machine_.tap = options.tap;
    machine_.packBudget = options.packBudget;
    proto::findStatic(machine_);
  }

  Status offline();
  Status online();
  PartyReport report;

private:
  Status sendMaskWords();
  Status flush(uint32_t at);

  struct Pending {
    uint32_t instr;
    size_t offset, bytes;
  };

  const plan::Plan &plan_;
  Channel &p0_, &peer_, &client_;
  StoredMaterial material_;
  Io io_;
  Liveness liveness_;
  proto::Evaluator machine_;
  std::vector<Pending> pending_;
  std::vector<bool> skip_; ///< by instruction: nothing is left to do online
  std::vector<uint8_t> incoming_;
};

Status Run::offline() {
  p0_.setContext("offline phase");
  const std::vector<plan::PlanCost> costs = plan::instrCosts(plan_);
  machine_.masksOnly = true;
  for (uint32_t i = 0; i < plan_.code.size(); ++i) {
    machine_.at(i);
    proto::prepare(machine_);
    // What an exchange would make pending exists at once here.
    liveness_.release(machine_, i);
    liveness_.releasePending(machine_, i);
    const size_t bytes =
        machine_.party == 1 ? costs[i].p0ToP1 : costs[i].p0ToP2;
    MPC_TRY(material_.receive(i, bytes, p0_));
  }
  machine_.masksOnly = false;
  skip_ = proto::doneOffline(machine_);
  report.offlineEndNs = nowNs();
  report.offlineGemmMacs = machine_.offlineGemmMacs;
  return {};
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
  const uint32_t round = static_cast<uint32_t>(++report.rounds);
  const std::string &node = plan_.locations[plan_.code[pending_[0].instr].loc];
  peer_.setContext(node.empty() ? fmt::format("round {}", round)
                                : fmt::format("round {} ('{}')", round, node));
  // Payloads have equal sizes both ways.
  incoming_.resize(machine_.outgoing.size());
  MPC_TRY(peer_.exchange(machine_.outgoing, incoming_));
  for (const Pending &p : pending_) {
    machine_.at(p.instr);
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
  const uint64_t start = nowNs();
  for (uint32_t i = 0; i < plan_.code.size(); ++i) {
    machine_.at(i);
    if (skip_[i]) {
      liveness_.release(machine_, i);
      continue;
    }
    if (plan_.code[i].op == PlanOp::Flush) {
      MPC_TRY(flush(i));
      continue;
    }
    material_.at(i);
    const size_t offset = machine_.outgoing.size();
    proto::begin(machine_);
    MPC_TRY(machine_.status());
    if (!material_.finish())
      return Error{fmt::format("instruction {} ('{}') left offline material "
                               "unused",
                               i, plan_.locations[plan_.code[i].loc])};
    if (plan::info(plan_.code[i].op).exchange)
      pending_.push_back({i, offset, machine_.outgoing.size() - offset});
    liveness_.release(machine_, i);
  }
  client_.setContext("outputs");
  const Status sent = client_.send(io_.outputs);
  core::wipe(io_.outputs.data(), io_.outputs.size()); // holds masks
  MPC_TRY(sent);
  report.onlineNs = nowNs() - start;
  report.onlineGemmMacs = machine_.gemmMacs;
  report.onlineSent[machine_.party == 1 ? 2 : 1] =
      (peer_.counters() - peerBefore).payloadSent;
  report.onlineSent[3] = (client_.counters() - clientBefore).payloadSent;
  return {};
}

} // namespace

Result<PartyReport> runEvaluator(const plan::Plan &plan, int party,
                                 const EvaluatorDeployment &deployment,
                                 Channel &p0, Channel &peer, Channel &client,
                                 kernels::ThreadPool &pool,
                                 const PartyOptions &options) {
  auto session =
      beginEvaluatorSession(party, p0, peer, options.token, plan.hash());
  if (!session)
    return session.error();
  Run run(plan, party, deployment, *session, p0, peer, client, pool, options);
  MPC_TRY(run.offline());
  MPC_TRY(run.online());
  return run.report;
}

} // namespace mpc::vm

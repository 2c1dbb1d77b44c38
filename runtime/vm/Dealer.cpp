//===- runtime/vm/Dealer.cpp - P0's session -------------------------------===//
#include "runtime/vm/Liveness.h"
#include "runtime/vm/OpenSession.h"
#include "runtime/vm/Party.h"

#include "runtime/proto/Ops.h"

namespace mpc::vm {
namespace {

using net::Channel;

/// Material straight to the evaluators' channels.
class ChannelSink final : public proto::MaterialSink {
public:
  ChannelSink(Channel &p1, Channel &p2, uint64_t &waitNs)
      : p1_(p1), p2_(p2), waitNs_(waitNs) {}
  Status put(int party, std::span<const uint8_t> bytes) override {
    Stopwatch wait(waitNs_);
    return (party == 1 ? p1_ : p2_).sendStream(bytes);
  }

private:
  Channel &p1_, &p2_;
  uint64_t &waitNs_;
};

} // namespace

Result<PartyReport> runDealer(const plan::Plan &file,
                              const DealerDeployment &deployment, Channel &p1,
                              Channel &p2, kernels::ThreadPool &pool,
                              const PartyOptions &options) {
  OpenSession open(file);
  auto session =
      beginDealerSession(p1, p2, options.token, file.hash(), open.agreement());
  if (!session)
    return session.error();
  MPC_TRY(open.receiveAgreed(p1, session->digests));
  const plan::Plan &plan = open.plan();

  PartyReport report;
  const net::Counters before1 = p1.counters(), before2 = p2.counters();
  report.offlineBeginNs = nowNs();
  const uint64_t cpu = cpuNs();
  p1.setContext("offline phase");
  p2.setContext("offline phase");
  ChannelSink sink(p1, p2, report.offlineWaitNs);
  proto::Dealer dealer(
      plan, {session->k01, session->k02, deployment.d01, deployment.d02}, pool,
      sink);
  dealer.tap = options.tap;
  dealer.statics = &deployment.statics;
  proto::findStatic(dealer);
  const Liveness liveness(plan);
  for (uint32_t i = 0; i < plan.code.size(); ++i) {
    if (deployment.statics.skips(i))
      continue;
    dealer.at(i);
    OpTime &time = report.opTime(dealer.instr().op);
    const uint64_t start = nowNs(), waited = report.offlineWaitNs;
    proto::deal(dealer);
    MPC_TRY(dealer.status());
    // P1 gets little: without this it waits until the end for its first bytes,
    // while P2's fill frame after frame.
    MPC_TRY(p1.flush());
    liveness.release(dealer, i);
    ++time.count;
    time.offlineNs += nowNs() - start - (report.offlineWaitNs - waited);
  }
  MPC_TRY(p2.flush());
  report.offlineEndNs = nowNs();
  report.offlineCpuNs = cpuNs() - cpu;
  report.offlineGemmMacs = dealer.gemmMacs;
  report.offlineSent[1] = (p1.counters() - before1).payloadSent;
  report.offlineSent[2] = (p2.counters() - before2).payloadSent;
  return report;
}

} // namespace mpc::vm

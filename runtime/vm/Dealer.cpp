//===- runtime/vm/Dealer.cpp - P0's session -------------------------------===//
#include "runtime/vm/Liveness.h"
#include "runtime/vm/OpenSession.h"
#include "runtime/vm/Party.h"
#include "runtime/vm/SendAhead.h"

#include "runtime/proto/Ops.h"

namespace mpc::vm {
using net::Channel;

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
  SendAhead sink(p1, p2);
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
    const uint64_t start = nowNs(), waited = sink.waitNs();
    proto::deal(dealer);
    MPC_TRY(dealer.status());
    liveness.release(dealer, i);
    ++time.count;
    time.offlineNs += nowNs() - start - (sink.waitNs() - waited);
  }
  MPC_TRY(sink.finish());
  report.offlineWaitNs = sink.waitNs();
  report.offlineEndNs = nowNs();
  report.offlineCpuNs = cpuNs() - cpu;
  report.offlineGemmMacs = dealer.gemmMacs;
  report.offlineSent[1] = (p1.counters() - before1).payloadSent;
  report.offlineSent[2] = (p2.counters() - before2).payloadSent;
  return report;
}

} // namespace mpc::vm

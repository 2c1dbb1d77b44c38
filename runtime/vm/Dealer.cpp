//===- runtime/vm/Dealer.cpp - P0's session -------------------------------===//
#include "runtime/vm/Liveness.h"
#include "runtime/vm/Party.h"

#include "runtime/proto/Ops.h"

namespace mpc::vm {
namespace {

using net::Channel;

/// Material straight to the evaluators' channels.
class ChannelSink final : public proto::MaterialSink {
public:
  ChannelSink(Channel &p1, Channel &p2) : p1_(p1), p2_(p2) {}
  Status put(int party, std::span<const uint8_t> bytes) override {
    return (party == 1 ? p1_ : p2_).sendStream(bytes);
  }

private:
  Channel &p1_, &p2_;
};

} // namespace

Result<PartyReport> runDealer(const plan::Plan &plan,
                              const DealerDeployment &deployment, Channel &p1,
                              Channel &p2, kernels::ThreadPool &pool,
                              const PartyOptions &options) {
  auto session = beginDealerSession(p1, p2, options.token, plan.hash());
  if (!session)
    return session.error();

  PartyReport report;
  const net::Counters before1 = p1.counters(), before2 = p2.counters();
  report.offlineBeginNs = nowNs();
  p1.setContext("offline phase");
  p2.setContext("offline phase");
  ChannelSink sink(p1, p2);
  proto::Dealer dealer(
      plan, {session->k01, session->k02, deployment.d01, deployment.d02}, pool,
      sink);
  dealer.tap = options.tap;
  proto::findStatic(dealer);
  const Liveness liveness(plan);
  for (uint32_t i = 0; i < plan.code.size(); ++i) {
    dealer.at(i);
    proto::deal(dealer);
    MPC_TRY(dealer.status());
    liveness.release(dealer, i);
  }
  MPC_TRY(p1.flush());
  MPC_TRY(p2.flush());
  report.offlineEndNs = nowNs();
  report.offlineGemmMacs = dealer.gemmMacs;
  report.offlineSent[1] = (p1.counters() - before1).payloadSent;
  report.offlineSent[2] = (p2.counters() - before2).payloadSent;
  return report;
}

} // namespace mpc::vm

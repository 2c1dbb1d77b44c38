//===- runtime/vm/Party.cpp - deployment and one session ------------------===//
#include "runtime/vm/Party.h"

#include "runtime/proto/Univariate.h"

namespace mpc::vm {
namespace {

using net::Channel;

Result<PartyReport> run(const plan::Plan &plan, int party,
                        const PartyLinks &links, kernels::ThreadPool &pool,
                        const PartyOptions &options) {
  MPC_TRY(proto::checkParameters(plan));
  if (party == 0) {
    auto deployment = receiveDealerDeployment(*links.owner);
    if (!deployment)
      return deployment.error();
    return runDealer(plan, *deployment, *links.p1, *links.p2, pool, options);
  }
  auto deployment = receiveEvaluatorDeployment(plan, *links.owner);
  if (!deployment)
    return deployment.error();
  return runEvaluator(plan, party, *deployment, *links.p0,
                      party == 1 ? *links.p2 : *links.p1, *links.client, pool,
                      options);
}

} // namespace

Result<PartyReport> runParty(const plan::Plan &plan, int party,
                             const PartyLinks &links, kernels::ThreadPool &pool,
                             const PartyOptions &options) {
  Result<PartyReport> report = run(plan, party, links, pool, options);
  const auto channels = links.all();
  if (!report) {
    for (Channel *c : channels)
      if (c)
        (void)c->sendError(report.error().message); // best effort
    return report;
  }
  report->party = static_cast<uint64_t>(party);
  report->peakRss = peakRssBytes();
  for (size_t i = 0; i < channels.size(); ++i)
    if (channels[i]) {
      // The session is over: a peer that is already gone is no failure.
      (void)channels[i]->close();
      report->wireSent[i] = channels[i]->counters().wireSent;
    }
  return report;
}

int nearness(const Error &e) {
  // Channel's words for what a peer told, and for a peer that is gone.
  if (e.message.find(" failed: ") != std::string::npos)
    return 0;
  return e.message.find(" closed the connection") != std::string::npos ? 1 : 2;
}

} // namespace mpc::vm

//===- runtime/vm/Party.cpp - deployment and one session ------------------===//
#include "runtime/vm/Party.h"

#include "runtime/proto/Univariate.h"
#include "runtime/vm/OpenSession.h"
#include "runtime/vm/StoredSession.h"
#include "runtime/vm/StreamedMaterial.h"

#include <fmt/format.h>
#include <thread>
#include <unistd.h>

namespace mpc::vm {
namespace {

using net::Channel;

/// Both phases at once: the online phase waits for what it needs.
Result<PartyReport> streamed(const plan::Plan &plan, int party,
                             const EvaluatorDeployment &deployment,
                             const PartyLinks &links, Channel &peer,
                             kernels::ThreadPool &pool,
                             const PartyOptions &options) {
  OpenSession open(plan);
  MPC_TRY(open.receive(*links.client));
  PartyReport report;
  auto session = open.begin(party, *links.p0, peer, options.token, report);
  if (!session)
    return session.error();
  const uint64_t cpu = cpuNs();
  StreamedMaterial material;
  Status offline, online;
  {
    // P0's stream on a thread of its own; each phase has its own channels.
    std::jthread ahead([&] {
      offline = evaluatorOffline(open.plan(), party, deployment, *session,
                                 *links.p0, pool, material, report);
      report.offlineCpuNs = threadCpuNs();
      material.endPutting(offline);
    });
    online = evaluatorOnline(open.plan(), party, deployment, *session, peer,
                             *links.client, pool, options, material, report);
    material.endTaking(online);
  }
  report.onlineCpuNs = cpuNs() - cpu - report.offlineCpuNs;
  // The one that failed for want of the other says the same.
  if (!online && !offline)
    return nearness(offline.error()) >= nearness(online.error())
               ? offline.error()
               : online.error();
  MPC_TRY(online);
  return report;
}

Result<PartyReport> stored(const plan::Plan &plan, int party,
                           const EvaluatorDeployment &deployment,
                           const PartyLinks &links, Channel &peer,
                           kernels::ThreadPool &pool,
                           const PartyOptions &options) {
  const std::string base =
      fmt::format("{}/party{}", options.materialDir, party);
  const std::string path = base + ".material";
  PartyReport report;
  OpenSession open(plan);
  MPC_TRY(open.receive(*links.client));
  auto id = storeSession(open, party, deployment, *links.p0, peer, pool,
                         options, path, nullptr, report);
  if (!id)
    return id.error();
  auto spent = material::SpentLog::open(base + ".spent");
  if (!spent)
    return spent.error();
  auto session = openSession(plan, party, path, nullptr);
  if (!session)
    return session.error();
  MPC_TRY(serveSession(open.plan(), party, deployment, std::move(*session),
                       *spent, peer, *links.client, pool, options, report));
  ::unlink(path.c_str()); // spent: of no more use to anybody
  return report;
}

Result<PartyReport> run(const plan::Plan &plan, int party,
                        const PartyLinks &links, kernels::ThreadPool &pool,
                        const PartyOptions &options) {
  MPC_TRY(proto::checkParameters(plan));
  if (party == 0) {
    auto deployment =
        receiveDealerDeployment(plan, *links.owner, pool, options.packBudget);
    if (!deployment)
      return deployment.error();
    return runDealer(plan, *deployment, *links.p1, *links.p2, pool, options);
  }
  auto deployment = receiveEvaluatorDeployment(plan, party, *links.owner, pool,
                                               options.packBudget);
  if (!deployment)
    return deployment.error();
  Channel &peer = party == 1 ? *links.p2 : *links.p1;
  return options.materialDir.empty()
             ? streamed(plan, party, *deployment, links, peer, pool, options)
             : stored(plan, party, *deployment, links, peer, pool, options);
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

//===- runtime/vm/Party.h - the interpreters of P0, P1 and P2 -------------===//
//
// Session keys, offline phase, online phase. Channels have said hello, weights
// are deployed. P0 acts in the offline phase only; an evaluator's two phases
// are apart: hours may lie between them (StoredSession.h).
// On failure every other channel is told why, so that no peer waits.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/ThreadPool.h"
#include "runtime/net/Channel.h"
#include "runtime/plan/Plan.h"
#include "runtime/proto/Machine.h"
#include "runtime/proto/Material.h"
#include "runtime/vm/Deployment.h"
#include "runtime/vm/Session.h"
#include "runtime/vm/Stats.h"

namespace mpc::vm {

struct PartyOptions {
  SessionToken token = {};
  proto::Tap *tap = nullptr; ///< test harness only
  size_t packBudget = kDefaultPackBudget;
  /// Where evaluators write their material before the online phase begins;
  /// empty: it stays in memory.
  std::string materialDir = {};
};

/// Precondition of all: the plan is verified.
Result<PartyReport> runDealer(const plan::Plan &plan,
                              const DealerDeployment &deployment,
                              net::Channel &p1, net::Channel &p2,
                              kernels::ThreadPool &pool,
                              const PartyOptions &options);

/// P1's or P2's offline phase, and what it keeps of it for its online phase:
/// materialBytes() in all.
Status evaluatorOffline(const plan::Plan &plan, int party,
                        const EvaluatorDeployment &deployment,
                        const EvaluatorSession &session, net::Channel &p0,
                        kernels::ThreadPool &pool, proto::MaterialStore &store,
                        PartyReport &report);
uint64_t materialBytes(const plan::Plan &plan, int party);

/// The online phase, from what the offline phase of the same session kept.
/// A session's masks serve once: see material/SpentLog.h.
Status evaluatorOnline(const plan::Plan &plan, int party,
                       const EvaluatorDeployment &deployment,
                       const EvaluatorSession &session, net::Channel &peer,
                       net::Channel &client, kernels::ThreadPool &pool,
                       const PartyOptions &options,
                       proto::MaterialSource &source, PartyReport &report);

/// All of a party's channels, for set-up and tear-down.
struct PartyLinks {
  net::Channel *p0 = nullptr, *p1 = nullptr, *p2 = nullptr;
  net::Channel *client = nullptr, *owner = nullptr;
  /// Indexed as in PartyReport.
  std::array<net::Channel *, 5> all() const {
    return {p0, p1, p2, client, owner};
  }
};

/// Deployment and one session as `party`; tells all peers of a failure.
Result<PartyReport> runParty(const plan::Plan &plan, int party,
                             const PartyLinks &links, kernels::ThreadPool &pool,
                             const PartyOptions &options);

/// How near an error is to its cause: 2 what a party found itself, 1 a peer
/// that went away, 0 what a peer told. Of several, the nearest is to be shown.
int nearness(const Error &e);

} // namespace mpc::vm

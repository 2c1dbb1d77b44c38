//===- runtime/vm/StoredSession.h - offline now, online later -------------===//
//
// An evaluator's offline phase written to a file (material/MaterialFile.h), and
// the online phase from it. The file's payload is the session's keys, then the
// evaluator's store in plan order: private to the party, as its share of the
// weights is. P0 does not notice: it deals as in a streamed session.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/material/MaterialFile.h"
#include "runtime/material/SpentLog.h"
#include "runtime/vm/OpenSession.h"
#include "runtime/vm/Party.h"

namespace mpc::vm {

/// Agrees on a session with P0 and the other evaluator, runs the offline phase
/// and writes `path`. `seal` (null: none) protects the file at rest. The
/// session's id, by which both evaluators find their halves again.
/// A plan with public inputs needs them before: it is dealt for them alone.
Result<core::Digest>
storeSession(const OpenSession &open, int party,
             const EvaluatorDeployment &deployment, net::Channel &p0,
             net::Channel &peer, kernels::ThreadPool &pool,
             const PartyOptions &options, const std::string &path,
             material::ChunkSeal *seal, PartyReport &report);

/// A stored session, opened: of this plan and party, not yet used.
struct StoredSession {
  EvaluatorSession session;
  material::MaterialReader material;
};
Result<StoredSession> openSession(const plan::Plan &plan, int party,
                                  const std::string &path,
                                  material::ChunkSeal *seal);

/// The online phase: checks that the other evaluator stands at the same
/// session, marks it spent, serves the client.
Status serveSession(const plan::Plan &plan, int party,
                    const EvaluatorDeployment &deployment, StoredSession stored,
                    material::SpentLog &spent, net::Channel &peer,
                    net::Channel &client, kernels::ThreadPool &pool,
                    const PartyOptions &options, PartyReport &report);

} // namespace mpc::vm

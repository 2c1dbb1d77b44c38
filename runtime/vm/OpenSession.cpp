//===- runtime/vm/OpenSession.cpp -----------------------------------------===//
#include "runtime/vm/OpenSession.h"

#include "runtime/plan/PlanCost.h"
#include "runtime/pub/Open.h"

namespace mpc::vm {

using net::Channel;

Status OpenSession::receive(Channel &from) {
  if (!needed())
    return {};
  from.setContext("public inputs");
  bytes_.resize(plan::publicInputBytes(plan_));
  MPC_TRY(from.recv(bytes_));
  auto opened = pub::openPlan(plan_, bytes_);
  if (!opened)
    return opened.error();
  opened_ = std::move(*opened);
  return {};
}

Agreement OpenSession::agreement() const {
  Agreement a;
  if (!needed())
    return a;
  if (opened_)
    a.digests = pub::digests(*opened_, bytes_);
  for (size_t i = 0; i <= plan_.open.inputs.size(); ++i)
    a.names.push_back(pub::digestName(plan_, i));
  return a;
}

Result<EvaluatorSession> OpenSession::begin(int party, Channel &p0,
                                            Channel &peer,
                                            const SessionToken &token,
                                            PartyReport &report) const {
  if (!received())
    return Error{"the plan's public inputs must be known before its offline "
                 "phase"};
  auto session =
      beginEvaluatorSession(party, p0, peer, token, plan_.hash(), agreement());
  if (!session || party != 1 || !needed())
    return session;
  const uint64_t before = p0.counters().payloadSent;
  p0.setContext("public inputs");
  MPC_TRY(p0.send(bytes_));
  report.openSent = p0.counters().payloadSent - before;
  return session;
}

Status OpenSession::receiveAgreed(Channel &p1,
                                  const std::vector<core::Digest> &agreed) {
  MPC_TRY(receive(p1));
  if (!needed())
    return {};
  const std::vector<core::Digest> own = pub::digests(*opened_, bytes_);
  for (size_t i = 0; i < own.size(); ++i)
    if (own[i] != agreed[i])
      return p1.errorAbout("passed on another value of " +
                           pub::digestName(plan_, i) +
                           " than the evaluators hold");
  return {};
}

} // namespace mpc::vm

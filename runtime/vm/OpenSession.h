//===- runtime/vm/OpenSession.h - public inputs at a session's start ------===//
//
// The client gives the public inputs to P1 and P2, P1 passes them on to P0; the
// session's set-up compares digests of all three (Session.h). From then on each
// party runs the plan with its session constants filled in. A plan without
// public inputs and section costs nothing here.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/vm/Session.h"

#include "runtime/plan/Plan.h"
#include "runtime/vm/Stats.h"

namespace mpc::vm {

/// A party's plan of one session.
class OpenSession {
public:
  explicit OpenSession(const plan::Plan &plan) : plan_(plan) {}

  /// P1, P2: from the client. Checks every value against its declared range.
  Status receive(net::Channel &from);
  /// What the set-up compares.
  Agreement agreement() const;
  /// P1, P2: the set-up; P1 then passes the public inputs on to P0.
  Result<EvaluatorSession> begin(int party, net::Channel &p0,
                                 net::Channel &peer, const SessionToken &token,
                                 PartyReport &report) const;
  /// P0: from P1; they must have the digests that P1 and P2 agree in.
  Status receiveAgreed(net::Channel &p1,
                       const std::vector<core::Digest> &agreed);

  const plan::Plan &file() const { return plan_; }
  bool received() const { return !needed() || opened_; }
  /// What to run: lives as long as this and the plan.
  const plan::Plan &plan() const { return opened_ ? *opened_ : plan_; }

private:
  bool needed() const { return !plan_.open.empty(); }

  const plan::Plan &plan_;
  std::vector<uint8_t> bytes_;
  std::optional<plan::Plan> opened_;
};

} // namespace mpc::vm

//===- runtime/service/DealerDesk.cpp -------------------------------------===//
#include "runtime/service/DealerDesk.h"

#include "runtime/vm/Party.h"

#include <fmt/format.h>

namespace mpc::service {

Status DealerDesk::checkDeployment(Guest &guest) {
  guest.channel->setContext("session set-up");
  vm::DeploymentId theirs;
  MPC_TRY(guest.channel->recv(theirs));
  if (theirs != core_.deployment)
    return guest.channel->errorAbout(
        fmt::format("has another deployment: its shares are of {}, this "
                    "side's of {}",
                    core::hex(theirs).substr(0, 16),
                    core::hex(core_.deployment).substr(0, 16)));
  return {};
}

Status DealerDesk::deal(const Token &token, Guest &one, Guest &two) {
  std::lock_guard lock(work_);
  vm::PartyOptions options;
  options.token = token;
  auto report = vm::runDealer(core_.plan, deployment_, *one.channel,
                              *two.channel, core_.pool, options);
  if (!report)
    return report.error();
  core_.metrics.offlineBytes += report->offlineSent[1] + report->offlineSent[2];
  return {};
}

void DealerDesk::handle(Guest guest) {
  const auto start = std::chrono::steady_clock::now();
  const Token token = guest.hello.sessionId;
  const std::string session = core::hex(token).substr(0, 12);
  const auto failed = [&](Guest &g, const Error &e) {
    (void)g.channel->sendError(e.message);
    ++core_.metrics.preparationsFailed;
    core_.log.warn(
        "prepare_failed",
        {{"session", session}, {"peer", g.label}, {"error", e.message}});
  };
  Status fits = core_.network.answer(guest);
  if (fits)
    fits = checkDeployment(guest);
  if (!fits)
    return failed(guest, fits.error());

  Guest other;
  {
    std::unique_lock lock(mutex_);
    const auto it = waiting_.find(token);
    if (it == waiting_.end()) {
      waiting_[token] = &guest;
      const bool taken =
          paired_.wait_for(lock, core_.config.limits.peerTimeout,
                           [&] { return !waiting_.count(token); });
      if (taken)
        return; // the other one's thread has moved the guest out
      waiting_.erase(token);
      lock.unlock();
      return failed(
          guest,
          Error{fmt::format("the other evaluator did not come for session {} "
                            "within {} s",
                            session, core_.config.limits.peerTimeout.count())});
    }
    if (it->second->hello.role == guest.hello.role) {
      lock.unlock();
      return failed(guest, Error{"this session's token was used before"});
    }
    other = std::move(*it->second);
    waiting_.erase(it);
  }
  paired_.notify_all();
  const bool first = guest.hello.role == net::Role::Party1;
  Guest &one = first ? guest : other, &two = first ? other : guest;
  if (Status done = deal(token, one, two); !done) {
    failed(one, done.error());
    (void)two.channel->sendError(done.error().message);
    return;
  }
  for (Guest *g : {&one, &two})
    (void)g->channel->close();
  ++core_.metrics.sessionsPrepared;
  const double seconds = secondsSince(start);
  core_.metrics.prepareSeconds.observe(seconds);
  core_.log.info("prepared", {{"session", session}, {"seconds", seconds}});
}

} // namespace mpc::service

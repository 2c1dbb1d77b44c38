//===- runtime/service/Evaluators.cpp - what P1 and P2 do alike, and P2 ---===//
#include "runtime/service/Evaluators.h"

#include "runtime/vm/OpenSession.h"
#include "runtime/vm/Party.h"

#include <filesystem>
#include <fmt/format.h>

namespace mpc::service {

using namespace std::chrono_literals;

namespace {

/// A client proves with this that it is still there; it answers at once.
constexpr milliseconds kClientTimeout{10'000};

std::string shortId(const Token &t) { return core::hex(t).substr(0, 12); }

} // namespace

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

void Evaluator::receive(Guest guest) {
  Status admitted = requests_.admit(guest.client);
  if (!admitted) {
    ++core_.metrics.requestsRefused;
    core_.log.warn("request_refused",
                   {{"request", shortId(guest.hello.sessionId)},
                    {"client", guest.label},
                    {"error", admitted.error().message}});
    (void)guest.channel->sendError(admitted.error().message);
    return;
  }
  if (Status answered = core_.network.answer(guest); !answered) {
    requests_.leave(guest.client);
    return;
  }
  core_.log.info("request_waits", {{"request", shortId(guest.hello.sessionId)},
                                   {"client", guest.label}});
  requests_.enter({std::move(guest)});
  core_.metrics.waiting = requests_.waiting();
}

void Evaluator::fail(Request &request, const Error &e) {
  (void)request.guest.channel->sendError(e.message);
  ++core_.metrics.requestsFailed;
  const double seconds = secondsSince(request.arrived);
  core_.metrics.requestSeconds.observe(seconds);
  core_.log.warn("request_failed", {{"request", shortId(request.id())},
                                    {"client", request.guest.label},
                                    {"seconds", seconds},
                                    {"error", e.message}});
}

void Evaluator::sweep() {
  for (auto &[request, why] : requests_.sweep(Clock::now()))
    fail(request, why);
  core_.metrics.waiting = requests_.waiting();
  core_.metrics.stock = stock_.size();
}

void Evaluator::refuseAll(const std::string &why) {
  for (Request &r : requests_.clear())
    fail(r, Error{why});
}

Status Evaluator::roomForOne() const {
  const uint64_t bytes = vm::materialBytes(core_.plan, core_.party);
  if ((stock_.size() + 1) * bytes <= core_.config.limits.materialBytes)
    return {};
  return Error{fmt::format("material_bytes of party {} allows no session more: "
                           "{} of {} bytes are there",
                           core_.party, stock_.size(), bytes)};
}

Status Evaluator::prepareFor(vm::OpenSession &open, const Token &token,
                             net::Channel &client, net::Channel &link) {
  const uint8_t turn = 1; // until then it sends nothing (Requests::sweep)
  MPC_TRY(client.send({&turn, 1}));
  MPC_TRY(open.receive(client));
  return store(open, token, link);
}

Status Evaluator::online(const Token &token, Request &request,
                         net::Channel &link) {
  vm::OpenSession open(core_.plan);
  request.guest.channel->setDeadline(kClientTimeout);
  if (!core_.plan.open.empty())
    MPC_TRY(prepareFor(open, token, *request.guest.channel, link));
  auto stored = vm::openSession(core_.plan, core_.party, stock_.pathOf(token),
                                stock_.seal());
  if (!stored)
    return stored.error();
  net::Channel &client = *request.guest.channel;
  vm::PartyReport report;
  const auto start = Clock::now();
  link.setSession(sessionTag(token));
  MPC_TRY(vm::serveSession(open.plan(), core_.party, deployment_,
                           std::move(*stored), stock_.spent(), link, client,
                           core_.pool, {}, report));
  link.setSession(0);
  link.setContext("");
  core_.metrics.rounds += report.rounds;
  for (uint64_t sent : report.onlineSent)
    core_.metrics.onlineBytes += sent;
  core_.metrics.onlineSeconds.observe(secondsSince(start));
  // The client closes once both halves agreed and its result is written.
  client.setContext("confirmation");
  return client.awaitClose();
}

Status Evaluator::serve(const Token &token, Request &request,
                        net::Channel &link) {
  core_.metrics.serving = 1;
  core_.log.info("serving", {{"request", shortId(request.id())},
                             {"session", shortId(token)}});
  Status done = online(token, request, link);
  core_.metrics.serving = 0;
  stock_.drop(token); // spent, or never to be used: its session has failed
  if (!done) {
    fail(request, done.error());
    return done;
  }
  ++core_.metrics.requestsAnswered;
  const double seconds = secondsSince(request.arrived);
  core_.metrics.requestSeconds.observe(seconds);
  core_.log.info("request_answered", {{"request", shortId(request.id())},
                                      {"client", request.guest.label},
                                      {"session", shortId(token)},
                                      {"seconds", seconds}});
  return {};
}

Status Evaluator::store(const vm::OpenSession &open, const Token &token,
                        net::Channel &link) {
  auto p0 = core_.network.call(0, net::Intent::Prepare, token,
                               core_.config.limits.peerTimeout);
  if (!p0)
    return p0.error();
  MPC_TRY((*p0)->send(core_.deployment));
  vm::PartyOptions options;
  options.token = token;
  vm::PartyReport report;
  link.setSession(sessionTag(token));
  const auto start = Clock::now();
  auto stored =
      vm::storeSession(open, core_.party, deployment_, **p0, link, core_.pool,
                       options, stock_.pathOf(token), stock_.seal(), report);
  if (!stored) {
    (void)(*p0)->sendError(stored.error().message);
    return stored.error();
  }
  link.setSession(0);
  link.setContext("");
  ++core_.metrics.sessionsPrepared;
  core_.metrics.prepareSeconds.observe(secondsSince(start));
  return {};
}

Status Evaluator::prepare(const Token &token, net::Channel &link) {
  const auto start = Clock::now();
  Status done = store(vm::OpenSession(core_.plan), token, link);
  if (done) { // the other one's file is there as well
    // P1 may name the session to P2 as soon as it has heard from it.
    if (core_.party == 2)
      stock_.add(token);
    link.setContext("end of preparation");
    const uint8_t mine = 1;
    uint8_t theirs = 0;
    done = link.exchange({&mine, 1}, {&theirs, 1});
    link.setContext("");
  }
  if (!done) {
    stock_.drop(token);
    return done;
  }
  if (core_.party == 1)
    stock_.add(token);
  core_.metrics.stock = stock_.size();
  core_.log.info("prepared", {{"session", shortId(token)},
                              {"seconds", secondsSince(start)},
                              {"stock", stock_.size()}});
  return {};
}

//===----------------------------------------------------------------------===//
// P2
//===----------------------------------------------------------------------===//

Status Follower::obey(const Command &command, net::Channel &link) {
  const auto answer = [&](Reply::Code code, std::string text = {},
                          std::vector<Token> tokens = {}) {
    return link.send(Reply{code, std::move(text), std::move(tokens)}.encode());
  };
  if (command.deployment != core_.deployment)
    return answer(Reply::Code::Refused,
                  fmt::format("another deployment: party 2's share is of {}",
                              core::hex(core_.deployment).substr(0, 16)));
  switch (command.kind) {
  case Command::Kind::Inventory:
    return answer(
        Reply::Code::Ok, "",
        stock_.keepOnly({command.tokens.begin(), command.tokens.end()}));
  case Command::Kind::Prepare: {
    // One more than P1 keeps: one may be in use.
    const uint64_t room = core_.config.limits.stock + 2;
    if (stock_.size() >= room || !roomForOne())
      return answer(Reply::Code::Refused,
                    fmt::format("party 2 holds {} prepared sessions of {} "
                                "bytes, more are not allowed there",
                                stock_.size(),
                                vm::materialBytes(core_.plan, core_.party)));
    MPC_TRY(answer(Reply::Code::Ok));
    return prepare(command.token, link);
  }
  case Command::Kind::Serve: {
    const bool ahead = core_.plan.open.empty();
    if (Status room = roomForOne(); !ahead && !room)
      return answer(Reply::Code::Refused, room.error().message);
    if (ahead && !stock_.take(command.token))
      return answer(Reply::Code::NoMaterial, "party 2 lacks this session");
    auto request =
        requests_.take(command.request, Clock::now() + kClientTimeout);
    if (!request) {
      if (ahead)
        stock_.add(command.token); // nothing of it was used
      return answer(Reply::Code::NoRequest,
                    "the client did not come to party 2");
    }
    core_.metrics.waiting = requests_.waiting();
    if (Status s = answer(Reply::Code::Ok); !s) {
      stock_.drop(command.token);
      fail(*request, s.error());
      return s;
    }
    return serve(command.token, *request, link);
  }
  }
  return Error{"unknown command"};
}

void Follower::follow(Guest guest) {
  net::Channel &link = *guest.channel;
  if (!core_.network.answer(guest))
    return;
  for (;;) {
    // Idle for as long as there is nothing to do; keep-alive ends a link whose
    // other end is gone without a word.
    link.setDeadline(24h);
    auto bytes = link.recvUpTo(kMaxLeadBytes);
    if (!bytes)
      return;
    link.setDeadline(core_.config.limits.peerTimeout);
    ++active_;
    auto command = Command::decode(*bytes);
    Status done = command ? obey(*command, link)
                          : Status(link.errorAbout("sent no command: " +
                                                   command.error().message));
    --active_;
    if (!done) {
      (void)link.sendError(done.error().message);
      core_.log.warn("link_ended", {{"error", done.error().message}});
      return;
    }
  }
}

} // namespace mpc::service

//===- runtime/service/Leader.cpp - P1: what is prepared and served next --===//
#include "runtime/service/Evaluators.h"

#include "runtime/vm/Party.h"

#include <fmt/format.h>

namespace mpc::service {

using namespace std::chrono_literals;

Leader::~Leader() { stop(); }

void Leader::start(size_t target, bool serving) {
  stocking_ = std::jthread(
      [this, target](std::stop_token stop) { stockLoop(stop, target); });
  if (serving)
    serving_ = std::jthread([this](std::stop_token stop) { serveLoop(stop); });
}

void Leader::stop() {
  for (std::jthread *t : {&serving_, &stocking_})
    t->request_stop();
  for (std::jthread *t : {&serving_, &stocking_})
    if (t->joinable())
      t->join();
}

std::string Leader::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void Leader::note(const std::string &trouble) {
  std::lock_guard lock(mutex_);
  if (trouble != trouble_ && !trouble.empty())
    core_.log.warn("cannot_prepare", {{"error", trouble}});
  trouble_ = trouble;
}

Status Leader::connect(Link &link) {
  if (link && !link->checkSilent())
    link.reset();
  if (link)
    return {};
  auto token = randomToken();
  if (!token)
    return token.error();
  auto c = core_.network.call(2, net::Intent::Lead, *token,
                              core_.config.limits.peerTimeout);
  if (!c)
    return c.error();
  link = std::move(*c);
  return {};
}

Result<Reply> Leader::command(Link &link, const Command &command) {
  Status sent = link->send(command.encode());
  if (!sent)
    return sent.error();
  auto bytes = link->recvUpTo(kMaxLeadBytes);
  if (!bytes)
    return bytes.error();
  return Reply::decode(*bytes);
}

//===----------------------------------------------------------------------===//
// Stock
//===----------------------------------------------------------------------===//

/// What only one of the two holds is of no use to either.
Status Leader::syncStock() {
  const bool fresh = !stockLink_ || !stockLink_->checkSilent();
  MPC_TRY(connect(stockLink_));
  if (!fresh)
    return {};
  Command c;
  c.kind = Command::Kind::Inventory;
  c.deployment = core_.deployment;
  c.tokens = stock_.tokens();
  if (c.tokens.size() > kMaxTokens)
    c.tokens.resize(kMaxTokens);
  auto reply = command(stockLink_, c);
  if (!reply)
    return reply.error();
  if (reply->code != Reply::Code::Ok)
    return Error{"party 2 refuses: " + reply->text};
  for (const Token &t : reply->tokens)
    stock_.drop(t);
  return {};
}

Status Leader::prepareOne() {
  MPC_TRY(syncStock());
  Command c;
  c.kind = Command::Kind::Prepare;
  c.deployment = core_.deployment;
  auto token = randomToken();
  if (!token)
    return token.error();
  c.token = *token;
  MPC_TRY(roomForOne());
  auto reply = command(stockLink_, c);
  if (!reply)
    return reply.error();
  if (reply->code != Reply::Code::Ok)
    return Error{"party 2 refuses: " + reply->text};
  return prepare(*token, *stockLink_);
}

void Leader::stockLoop(std::stop_token stop, size_t target) {
  auto pause = 250ms;
  const auto wait = [&](milliseconds t) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, t, [] { return false; });
  };
  while (!stop.stop_requested()) {
    if (stock_.size() >= std::max(target, wanted_.load())) {
      wait(50ms);
      continue;
    }
    if (Status s = prepareOne(); !s) {
      ++core_.metrics.preparationsFailed;
      note(s.error().message);
      if (stockLink_)
        (void)stockLink_->sendError(s.error().message);
      stockLink_.reset();
      wait(pause);
      pause = std::min<decltype(pause)>(2 * pause, 4s);
    } else {
      note("");
      pause = 250ms;
    }
  }
  stockLink_.reset();
}

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

Result<bool> Leader::serveWith(const Token &token, Request &request) {
  Command c;
  c.kind = Command::Kind::Serve;
  c.deployment = core_.deployment;
  c.token = token;
  c.request = request.id();
  // A link that lay idle may turn out dead: once more with a new one. P2 has
  // not begun with the session then: that takes an answer of P1's.
  Result<Reply> reply = Error{};
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool idle = serveLink_ != nullptr;
    if (Status s = connect(serveLink_); !s) {
      reply = s.error();
      break;
    }
    reply = command(serveLink_, c);
    if (reply)
      break;
    serveLink_.reset();
    if (!idle)
      break;
  }
  if (!reply) {
    stock_.drop(token);
    return reply.error();
  }
  switch (reply->code) {
  case Reply::Code::Ok:
    if (Status done = serve(token, request, *serveLink_); !done) {
      (void)serveLink_->sendError(done.error().message);
      serveLink_.reset();
    }
    return true; // serve() has reported it
  case Reply::Code::NoMaterial:
    stock_.drop(token);
    return false;
  case Reply::Code::NoRequest:
    if (core_.plan.open.empty())
      stock_.add(token); // nothing of it was used
    return Error{reply->text};
  case Reply::Code::Refused:
    stock_.drop(token);
    return Error{"party 2 refuses: " + reply->text};
  }
  return Error{"unknown answer"};
}

Status Leader::serveOne(Request &request, std::stop_token stop) {
  const auto deadline = request.arrived + core_.config.limits.requestTimeout;
  for (;;) {
    MPC_TRY(request.guest.channel->checkSilent());
    std::optional<Token> token;
    if (core_.plan.open.empty()) {
      ++wanted_;
      token = stock_.take(stop, deadline);
      --wanted_;
    } else {
      MPC_TRY(roomForOne());
      auto fresh = randomToken();
      if (!fresh)
        return fresh.error();
      token = *fresh;
    }
    if (!token) {
      const std::string why = trouble();
      return Error{"no offline material in time" +
                   (why.empty() ? "" : ": " + why)};
    }
    auto served = serveWith(*token, request);
    if (!served)
      return served.error();
    if (*served)
      return {};
  }
}

void Leader::serveLoop(std::stop_token stop) {
  while (auto request = requests_.next(stop)) {
    core_.metrics.waiting = requests_.waiting();
    if (Status s = serveOne(*request, stop); !s)
      fail(*request, s.error());
  }
  serveLink_.reset();
}

} // namespace mpc::service

//===- runtime/service/Query.cpp ------------------------------------------===//
#include "runtime/service/Query.h"

#include <algorithm>

namespace mpc::service {

Query::~Query() {
  for (auto &c : to_)
    if (c)
      (void)c->sendError(failure_);
}

void Query::confirm() {
  for (auto &c : to_) {
    if (c)
      (void)c->close();
    c.reset();
  }
}

Result<vm::ClientResult> Query::run(const plan::Plan &plan,
                                    const vm::EncodedInputs &inputs,
                                    milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto token = randomToken();
  if (!token)
    return token.error();
  id_ = core::hex(*token).substr(0, 12);
  const milliseconds greeting =
      std::min<milliseconds>(timeout, network_.config().limits.peerTimeout);
  // P2 first: when P1 gives this request its turn, P2 knows of it.
  for (const int party : {2, 1}) {
    auto c = network_.call(party, net::Intent::Query, *token, greeting);
    if (!c)
      return c.error();
    to_[static_cast<size_t>(party)] = std::move(*c);
  }
  const auto left = std::chrono::duration_cast<milliseconds>(
      deadline - std::chrono::steady_clock::now());
  for (const int party : {1, 2})
    to_[static_cast<size_t>(party)]->setDeadline(
        std::max(left, milliseconds(1)));
  // Public inputs travel first, when the parties are ready to prepare for them.
  if (!plan.open.empty())
    for (const int party : {1, 2}) {
      net::Channel &c = *to_[static_cast<size_t>(party)];
      uint8_t turn = 0;
      c.setContext("waiting for a turn");
      if (Status s = c.recv({&turn, 1}); !s) {
        failure_ = s.error().message;
        return s.error();
      }
    }
  auto result = vm::runClient(plan, inputs, *to_[1], *to_[2]);
  if (!result)
    failure_ = result.error().message;
  return result;
}

} // namespace mpc::service

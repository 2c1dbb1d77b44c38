//===- runtime/service/DealerDesk.h - P0 of many sessions -----------------===//
//
// Both evaluators call P0 with the token of a session they prepare; when both
// are there, P0 deals, one session after the other. It keeps nothing of them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Core.h"

#include <condition_variable>
#include <map>
#include <mutex>

namespace mpc::service {

class DealerDesk {
public:
  DealerDesk(Core &core, const vm::DealerDeployment &deployment)
      : core_(core), deployment_(deployment) {}

  /// Serves one evaluator that called to prepare; in its own thread.
  void handle(Guest guest);

private:
  Status checkDeployment(Guest &guest);
  Status deal(const Token &token, Guest &one, Guest &two);

  Core &core_;
  const vm::DealerDeployment &deployment_;
  std::mutex mutex_;
  std::condition_variable paired_;
  std::map<Token, Guest *> waiting_; ///< its thread waits for the other one
  std::mutex work_;                  ///< one session at a time
};

} // namespace mpc::service

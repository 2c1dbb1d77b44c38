//===- runtime/service/Core.h - what the parts of a daemon share ----------===//
#pragma once

#include "runtime/kernels/ThreadPool.h"
#include "runtime/plan/Plan.h"
#include "runtime/service/Log.h"
#include "runtime/service/Metrics.h"
#include "runtime/service/Network.h"
#include "runtime/vm/ShareFile.h"

namespace mpc::service {

/// Outlives everything that refers to it.
struct Core {
  int party;
  const Config &config;
  const plan::Plan &plan;
  vm::DeploymentId deployment;
  const Network &network;
  kernels::ThreadPool &pool;
  Log &log;
  Metrics metrics = {};
  /// Of P1 and P2; nobody is admitted any more.
  std::atomic<bool> draining = false;
};

inline double secondsSince(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t)
      .count();
}

} // namespace mpc::service

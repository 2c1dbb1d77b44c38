//===- runtime/service/Metrics.h - what a party counts --------------------===//
//
// Counters and gauges of one daemon, printed in Prometheus' text format.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace mpc::service {

/// Seconds, in Prometheus' cumulative buckets.
class Histogram {
public:
  static constexpr std::array<double, 12> kBounds = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};
  void observe(double seconds);
  /// Lines of the metric `name`, help and type included.
  std::string text(const std::string &name, const std::string &help) const;

private:
  mutable std::mutex mutex_;
  std::array<uint64_t, kBounds.size()> buckets_ = {};
  uint64_t count_ = 0;
  double sum_ = 0;
};

struct Metrics {
  using Count = std::atomic<uint64_t>;
  Count requestsAnswered = 0, requestsFailed = 0, requestsRefused = 0;
  Count sessionsPrepared = 0, preparationsFailed = 0;
  Count connectionsRefused = 0;
  Count rounds = 0, onlineBytes = 0, offlineBytes = 0;
  Count waiting = 0, stock = 0, serving = 0; ///< gauges
  std::array<Count, 3> peerUp = {};          ///< gauges, by party
  Histogram requestSeconds, onlineSeconds, prepareSeconds;

  std::string text(int party) const;
};

} // namespace mpc::service

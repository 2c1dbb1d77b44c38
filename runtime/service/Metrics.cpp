//===- runtime/service/Metrics.cpp ----------------------------------------===//
#include "runtime/service/Metrics.h"

#include <fmt/format.h>

namespace mpc::service {

void Histogram::observe(double seconds) {
  std::lock_guard lock(mutex_);
  ++count_;
  sum_ += seconds;
  for (size_t i = 0; i < kBounds.size(); ++i)
    buckets_[i] += seconds <= kBounds[i];
}

std::string Histogram::text(const std::string &name,
                            const std::string &help) const {
  std::lock_guard lock(mutex_);
  std::string out =
      fmt::format("# HELP {0} {1}\n# TYPE {0} histogram\n", name, help);
  for (size_t i = 0; i < kBounds.size(); ++i)
    out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, kBounds[i],
                       buckets_[i]);
  out += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count "
                     "{1}\n",
                     name, count_, sum_);
  return out;
}

std::string Metrics::text(int party) const {
  std::string out;
  const auto metric = [&](const char *name, const char *type, const char *help,
                          uint64_t value) {
    out += fmt::format("# HELP mpcc_{0} {1}\n# TYPE mpcc_{0} {2}\nmpcc_{0} "
                       "{3}\n",
                       name, help, type, value);
  };
  metric("requests_answered_total", "counter", "Requests answered",
         requestsAnswered);
  metric("requests_failed_total", "counter", "Requests reported failed",
         requestsFailed);
  metric("requests_refused_total", "counter", "Requests not admitted",
         requestsRefused);
  metric("sessions_prepared_total", "counter", "Offline phases completed",
         sessionsPrepared);
  metric("preparations_failed_total", "counter", "Offline phases that failed",
         preparationsFailed);
  metric("connections_refused_total", "counter",
         "Connections that proved no role", connectionsRefused);
  metric("rounds_total", "counter", "Rounds between the evaluators", rounds);
  metric("online_bytes_total", "counter", "Payload sent in online phases",
         onlineBytes);
  metric("offline_bytes_total", "counter", "Payload sent in offline phases",
         offlineBytes);
  metric("requests_waiting", "gauge", "Requests in the queue", waiting);
  metric("requests_serving", "gauge", "Requests being computed", serving);
  metric("material_stock", "gauge", "Prepared sessions", stock);
  out += "# HELP mpcc_peer_up Whether the other party answered last time\n"
         "# TYPE mpcc_peer_up gauge\n";
  for (int i = 0; i < 3; ++i)
    if (i != party)
      out += fmt::format("mpcc_peer_up{{party=\"{}\"}} {}\n", i,
                         peerUp[static_cast<size_t>(i)].load());
  out += requestSeconds.text("mpcc_request_seconds",
                             "From arrival to answer or failure");
  out += onlineSeconds.text("mpcc_online_seconds", "Online phases");
  out += prepareSeconds.text("mpcc_prepare_seconds", "Offline phases");
  return out;
}

} // namespace mpc::service

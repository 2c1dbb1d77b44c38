//===- runtime/service/Health.h - /healthz, /readyz, /metrics -------------===//
//
// Plain HTTP/1.1 for probes and Prometheus on a loopback port of its own; each
// connection gets one answer and is closed. It serves three fixed pages and
// reads nothing but the request's first line.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Door.h"

#include <functional>

namespace mpc::service {

struct HealthPages {
  std::function<std::string()> awaits;  ///< empty: ready
  std::function<std::string()> metrics; ///< in Prometheus' text format
};

/// The whole answer to a request that starts with these bytes.
std::string httpAnswer(std::string_view request, const HealthPages &pages);

class Health {
public:
  Health(tcp::Listener listener, HealthPages pages);
  uint16_t port() const { return door_.port(); }

private:
  void serve(tcp::Fd fd);
  HealthPages pages_;
  Door door_;
};

} // namespace mpc::service

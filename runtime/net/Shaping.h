//===- runtime/net/Shaping.h - a slower network on one machine ------------===//
//
// A decorator that gives a link a latency and a rate: a byte sent at time t
// becomes available at t + (bytes before it and itself) / rate + latency. Both
// ends must be shaped, each for what it sends. The sender stamps each chunk
// with the time it is due and the receiving decorator holds it back until then,
// so no thread is needed, and a receiver busy computing loses no time twice.
// The stamps are the machine's monotonic clock: both ends live on one machine.
//
// This is a simulation for tests and benchmarks, not a protocol layer: stamps
// come from the peer. The stamps do not count as wire bytes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Link.h"

#include <algorithm>
#include <memory>

namespace mpc::net {

struct LinkShape {
  std::chrono::microseconds latency{0}; ///< one way: half the round trip
  double bytesPerSecond = 0;            ///< 0: unlimited

  static LinkShape lan() { return {std::chrono::microseconds(200), 125e6}; }
  static LinkShape wan() { return {std::chrono::microseconds(20'000), 12.5e6}; }
};

/// When bytes are due: a line that transmits one chunk after another.
class LineSchedule {
public:
  using Clock = std::chrono::steady_clock;

  explicit LineSchedule(LinkShape shape) : shape_(shape) {}

  /// Puts nBytes on the line at `now` (never decreasing).
  Clock::time_point due(Clock::time_point now, size_t nBytes) {
    free_ = std::max(free_, now);
    if (shape_.bytesPerSecond > 0)
      free_ += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(static_cast<double>(nBytes) /
                                        shape_.bytesPerSecond));
    return free_ + shape_.latency;
  }

private:
  LinkShape shape_;
  Clock::time_point free_{};
};

std::unique_ptr<Link> shapingLink(std::unique_ptr<Link> inner, LinkShape shape);

} // namespace mpc::net

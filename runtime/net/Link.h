//===- runtime/net/Link.h - what a transport has to provide ---------------===//
//
// A Link moves raw bytes to and from one peer: in memory, through a socket,
// through a decorator. It knows nothing of frames, messages or names; Channel
// builds those on top, once for all transports. One primitive does everything,
// so that sending and receiving at once cannot deadlock.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mpc::net {

/// Gather and scatter lists; empty parts are allowed and skipped.
using OutParts = std::span<const std::span<const uint8_t>>;
using InParts = std::span<const std::span<uint8_t>>;

inline constexpr size_t kMaxParts = 6;

/// How one Link::move went.
struct Moved {
  enum class Outcome {
    Progress, ///< sent + received > 0
    TimedOut, ///< nothing moved within the timeout
    Closed,   ///< the peer is gone: end of stream, or no longer accepts bytes
    Failed,   ///< anything else; `detail` says what
  };
  Outcome outcome = Outcome::Progress;
  size_t sent = 0;
  size_t received = 0;
  std::string detail = {};
};

/// An ordered, reliable, duplex stream of bytes to one peer. Used by one thread
/// at a time; the two ends may live in different threads or processes.
class Link {
public:
  Link() = default;
  Link(const Link &) = delete;
  Link &operator=(const Link &) = delete;
  virtual ~Link() = default;

  /// Sends a prefix of `out` and receives a prefix of `in`, in either order or
  /// both, and returns as soon as at least one byte moved. Waits for at most
  /// `timeout` (0: does not wait). A caller that was told of a partial send
  /// goes on with the rest of the same bytes. Out and in are not both empty.
  virtual Moved move(OutParts out, InParts in,
                     std::chrono::milliseconds timeout) = 0;

  /// Bytes that went over the wire, with whatever the transport adds.
  virtual uint64_t wireSent() const = 0;
  virtual uint64_t wireReceived() const = 0;
};

} // namespace mpc::net

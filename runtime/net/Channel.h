//===- runtime/net/Channel.h - checked messages to one peer ---------------===//
//
// An ordered, reliable, duplex channel to one peer, over any Link.
//
//   Channel ch(std::move(link), "party 2");
//   ch.setContext("round 17 ('/layer.3/Softmax')");
//   MPC_TRY(ch.exchange(mine, theirs));
//
// Sizes are known from the plan, so a receiver states the length it expects and
// the peer's claim is only compared with it: nothing is ever allocated because
// the peer asked. Every error names the peer and the context:
//   round 17 ('/layer.3/Softmax'): party 2 sent 320 bytes, expected 640
// The first failure is final: later calls return the same error.
//
// Messages and stream bytes share one order. Stream bytes are buffered; every
// other call that talks to the peer sends the buffered ones first, so flush()
// is needed only when no such call follows.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/net/Frame.h"
#include "runtime/net/Link.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpc::net {

/// What went over a channel since it was made. Payload: bytes of messages and
/// streams. Wire: with frame headers, error and close frames, and whatever the
/// transport adds. The difference of two snapshots measures a phase.
struct Counters {
  uint64_t payloadSent = 0, payloadReceived = 0;
  uint64_t wireSent = 0, wireReceived = 0;
  uint64_t messagesSent = 0, messagesReceived = 0;
  uint64_t streamFramesSent = 0, streamFramesReceived = 0;

  Counters operator-(const Counters &before) const;
  bool operator==(const Counters &) const = default;
};

/// A channel to one peer. Used by one thread at a time. Buffered stream bytes
/// not yet flushed are dropped by the destructor, which does no I/O.
class Channel final {
public:
  static constexpr std::chrono::milliseconds kDefaultDeadline{60'000};

  Channel(std::unique_ptr<Link> link, std::string peerName);
  Channel(const Channel &) = delete;
  Channel &operator=(const Channel &) = delete;
  ~Channel();

  /// Sends one message; the bytes are copied or written before the return.
  /// Two peers that both send() large messages and then recv() wait for each
  /// other: use exchange().
  Status send(std::span<const uint8_t> message);

  /// Receives the next message, which must have exactly out.size() bytes.
  Status recv(std::span<uint8_t> out);

  /// Receives the next message of at most maxBytes: small control messages.
  Result<std::vector<uint8_t>> recvUpTo(size_t maxBytes);

  /// Sends one message and receives one, both ways at once, of any size.
  Status exchange(std::span<const uint8_t> out, std::span<uint8_t> in);

  /// Appends to the outgoing stream, in frames of up to 256 KB.
  Status sendStream(std::span<const uint8_t> bytes);
  /// Sends what sendStream() buffered.
  Status flush();
  /// Receives exactly out.size() stream bytes, whatever the frames.
  Status recvStream(std::span<uint8_t> out);

  /// Tells the peer why this side gives up; the peer reports "party 1 failed:
  /// ...". Works on a failed channel unless a frame was cut short. The text is
  /// cut to 4 KB. Buffered stream bytes are dropped. The channel ends.
  Status sendError(std::string_view text);

  /// Flushes and announces an orderly end. The channel ends.
  Status close();
  /// Whether the peer is there and, as it has to be before its turn, silent.
  /// Does not wait.
  Status checkSilent();
  /// Waits for the peer's close(). The channel ends.
  Status awaitClose();

  /// Puts a decorator around the link, between two messages; the peer does the
  /// same at the same point of the conversation.
  void decorate(
      const std::function<std::unique_ptr<Link>(std::unique_ptr<Link>)> &wrap) {
    link_ = wrap(std::move(link_));
  }

  /// How long the peer may make no progress at all before a call fails.
  void setDeadline(std::chrono::milliseconds d) {
    deadline_ = std::min<std::chrono::milliseconds>(d, std::chrono::hours(24));
  }
  std::chrono::milliseconds deadline() const { return deadline_; }

  /// Put in front of errors; empty: nothing.
  void setContext(std::string context) { context_ = std::move(context); }
  const std::string &context() const { return context_; }

  /// Frames both ways carry this number from now on; both sides set it between
  /// the same two messages.
  void setSession(uint64_t session) { session_ = session; }

  void setPeerName(std::string name) { peer_ = std::move(name); }
  const std::string &peerName() const { return peer_; }

  Counters counters() const;

  /// "<context>: <peer name> <what>", as this channel's own errors read; for
  /// complaints about the content of a message.
  Error errorAbout(std::string_view what) const;

private:
  struct In;
  struct Out;

  Status transfer(Out &out, In *in);
  Status receive(In &in);
  Status checkHeader(In &in);
  Status failMoved(const Moved &moved, const Out &out, In *in);
  Error fail(std::string_view what);
  std::string errorText(In &in, uint64_t length);
  std::optional<std::string> lastWords(In *in);
  void addPendingStream(Out &out);
  Status sendStreamFrame(std::span<const uint8_t> bytes);
  Status sendControl(FrameType type, std::span<const uint8_t> payload);
  Status readyForMessage();

  std::unique_ptr<Link> link_;
  std::string peer_;
  std::string context_;
  std::chrono::milliseconds deadline_ = kDefaultDeadline;
  Counters counts_; ///< the wire fields stay 0: the link counts those
  uint64_t session_ = 0;
  uint32_t sendSequence_ = 0;
  uint32_t recvSequence_ = 0;
  std::vector<uint8_t> streamOut_; ///< waits for the next frame
  std::vector<uint8_t> streamIn_;  ///< the rest of a frame, read ahead
  size_t streamInPos_ = 0;
  uint64_t streamLeft_ = 0; ///< bytes of the current frame still in the link
  std::optional<Error> failure_;
  bool sendCutShort_ = false; ///< part of a frame is out: no other may follow
};

} // namespace mpc::net

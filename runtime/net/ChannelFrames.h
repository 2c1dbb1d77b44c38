//===- runtime/net/ChannelFrames.h - frames of a transfer -----------------===//
//
// Private to Channel: what one transfer() sends and receives.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Channel.h"

#include <array>
#include <cassert>

namespace mpc::net {

/// Frames to send: at most one stream frame and one other.
struct Channel::Out {
  Out(uint32_t firstSequence, uint64_t session)
      : firstSequence(firstSequence), session(session) {}

  uint32_t firstSequence;
  uint64_t session;
  std::array<FrameBytes, 2> headers;
  std::array<std::span<const uint8_t>, 4> parts;
  std::array<size_t, 2> ends = {}; ///< where each frame ends
  size_t nFrames = 0;
  size_t sent = 0;
  bool pendingStream = false; ///< the first frame is what streamOut_ holds

  void add(FrameType type, std::span<const uint8_t> payload) {
    const uint32_t sequence = firstSequence + static_cast<uint32_t>(nFrames);
    headers[nFrames] =
        encodeFrameHeader({type, sequence, payload.size(), session});
    parts[2 * nFrames] = headers[nFrames];
    parts[2 * nFrames + 1] = payload;
    ends[nFrames] = total() + kFrameHeaderBytes + payload.size();
    ++nFrames;
  }
  size_t total() const { return nFrames == 0 ? 0 : ends[nFrames - 1]; }
  bool done() const { return sent == total(); }
  bool cutShort() const { return sent > 0 && sent != ends[0] && !done(); }
  /// The number of the first frame of which nothing was sent.
  uint32_t nextSequence() const {
    return firstSequence + (sent > 0) + (nFrames == 2 && sent > ends[0]);
  }
  void advance(size_t n) {
    sent += n;
    for (auto &p : parts) {
      const size_t k = std::min(n, p.size());
      p = p.subspan(k);
      n -= k;
    }
    assert(n == 0 && "a link sent more than it was given");
  }
};

/// One frame to receive, or just its header (an empty payload span while
/// maxLength is larger), or the rest of one whose header is known.
struct Channel::In {
  FrameType type = FrameType::Message;
  uint64_t minLength = 0;
  uint64_t maxLength = 0;
  std::span<uint8_t> payload = {};
  FrameBytes header = {};
  size_t got = 0; ///< header bytes included
  bool checked = false;
  uint64_t length = 0; ///< valid once checked

  static In exactly(std::span<uint8_t> out) {
    return {FrameType::Message, out.size(), out.size(), out};
  }
  static In rest(std::span<uint8_t> out) {
    In in{FrameType::Stream, 0, 0, out};
    in.got = kFrameHeaderBytes;
    in.checked = true;
    return in;
  }
  size_t total() const { return kFrameHeaderBytes + payload.size(); }
  bool done() const { return got == total(); }
  std::array<std::span<uint8_t>, 2> parts() {
    const size_t h = std::min(got, kFrameHeaderBytes);
    return {std::span(header).subspan(h), payload.subspan(got - h)};
  }
};

} // namespace mpc::net

//===- runtime/net/Recording.h - what a party sent and saw, for tests -----===//
//
// A decorator that copies all bytes that pass a link into a Transcript, which
// the test owns and which outlives the link.
//
//   Transcript view;
//   Channel ch(recordingLink(std::move(link), view), "party 2");
//   ... splitFrames(view.received) ...
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Frame.h"
#include "runtime/net/Link.h"

#include <memory>
#include <vector>

namespace mpc::net {

/// Bytes as they passed, frame headers included.
struct Transcript {
  std::vector<uint8_t> sent;
  std::vector<uint8_t> received;
};

std::unique_ptr<Link> recordingLink(std::unique_ptr<Link> inner,
                                    Transcript &transcript);

struct RecordedFrame {
  FrameType type;
  std::vector<uint8_t> payload;
};

/// The frames of one direction. Stops at the first byte that is no whole frame.
std::vector<RecordedFrame> splitFrames(std::span<const uint8_t> bytes);

/// All message and stream bytes of one direction, without headers.
std::vector<uint8_t> payloadOf(std::span<const uint8_t> bytes);

} // namespace mpc::net

//===- runtime/net/Channel.cpp - messages, streams, ends ------------------===//
#include "runtime/core/Secret.h"
#include "runtime/net/ChannelFrames.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace mpc::net {

using std::chrono::milliseconds;

Counters Counters::operator-(const Counters &b) const {
  return {payloadSent - b.payloadSent,
          payloadReceived - b.payloadReceived,
          wireSent - b.wireSent,
          wireReceived - b.wireReceived,
          messagesSent - b.messagesSent,
          messagesReceived - b.messagesReceived,
          streamFramesSent - b.streamFramesSent,
          streamFramesReceived - b.streamFramesReceived};
}

Channel::Channel(std::unique_ptr<Link> link, std::string peerName)
    : link_(std::move(link)), peer_(std::move(peerName)) {
  assert(link_);
}

Channel::~Channel() {
  // Streams carry correlated randomness: it must not stay in freed memory.
  for (auto *buffer : {&streamOut_, &streamIn_})
    core::wipe(buffer->data(), buffer->capacity());
}

Counters Channel::counters() const {
  Counters c = counts_;
  c.wireSent = link_->wireSent();
  c.wireReceived = link_->wireReceived();
  return c;
}

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

Status Channel::send(std::span<const uint8_t> message) {
  Out out(sendSequence_, session_);
  addPendingStream(out);
  out.add(FrameType::Message, message);
  MPC_TRY(transfer(out, nullptr));
  ++counts_.messagesSent;
  counts_.payloadSent += message.size();
  return {};
}

Status Channel::recv(std::span<uint8_t> buffer) {
  MPC_TRY(readyForMessage());
  In in = In::exactly(buffer);
  MPC_TRY(receive(in));
  ++counts_.messagesReceived;
  counts_.payloadReceived += buffer.size();
  return {};
}

Result<std::vector<uint8_t>> Channel::recvUpTo(size_t maxBytes) {
  MPC_TRY(readyForMessage());
  In head{FrameType::Message, 0, maxBytes};
  MPC_TRY(receive(head));
  std::vector<uint8_t> message(head.length); // <= maxBytes, the caller's limit
  In body = In::rest(message);
  MPC_TRY(receive(body));
  ++counts_.messagesReceived;
  counts_.payloadReceived += message.size();
  return message;
}

Status Channel::exchange(std::span<const uint8_t> mine,
                         std::span<uint8_t> theirs) {
  MPC_TRY(readyForMessage());
  Out out(sendSequence_, session_);
  addPendingStream(out);
  out.add(FrameType::Message, mine);
  In in = In::exactly(theirs);
  MPC_TRY(transfer(out, &in));
  ++counts_.messagesSent;
  ++counts_.messagesReceived;
  counts_.payloadSent += mine.size();
  counts_.payloadReceived += theirs.size();
  return {};
}

Status Channel::readyForMessage() {
  if (failure_)
    return *failure_;
  const uint64_t unread = streamLeft_ + (streamIn_.size() - streamInPos_);
  if (unread > 0)
    return fail(fmt::format("sent {} stream bytes more than were read before "
                            "the next message",
                            unread));
  return {};
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

Status Channel::sendStream(std::span<const uint8_t> bytes) {
  if (failure_)
    return *failure_;
  while (!bytes.empty()) {
    if (streamOut_.empty() && bytes.size() >= kMaxStreamFrameBytes) {
      MPC_TRY(sendStreamFrame(bytes.first(kMaxStreamFrameBytes)));
      bytes = bytes.subspan(kMaxStreamFrameBytes);
      continue;
    }
    streamOut_.reserve(kMaxStreamFrameBytes); // never moves: see ~Channel
    const size_t n =
        std::min(bytes.size(), kMaxStreamFrameBytes - streamOut_.size());
    streamOut_.insert(streamOut_.end(), bytes.begin(), bytes.begin() + n);
    bytes = bytes.subspan(n);
    if (streamOut_.size() == kMaxStreamFrameBytes)
      MPC_TRY(flush());
  }
  return {};
}

Status Channel::sendStreamFrame(std::span<const uint8_t> bytes) {
  Out out(sendSequence_, session_);
  out.add(FrameType::Stream, bytes);
  MPC_TRY(transfer(out, nullptr));
  ++counts_.streamFramesSent;
  counts_.payloadSent += bytes.size();
  return {};
}

Status Channel::flush() {
  Out out(sendSequence_, session_);
  addPendingStream(out);
  return transfer(out, nullptr);
}

void Channel::addPendingStream(Out &out) {
  if (failure_ || streamOut_.empty())
    return;
  out.add(FrameType::Stream, streamOut_);
  out.pendingStream = true;
}

Status Channel::recvStream(std::span<uint8_t> out) {
  // Requests below this are served from a frame read ahead as a whole.
  constexpr size_t kReadAheadBelow = 16 * 1024;
  if (failure_)
    return *failure_;
  while (!out.empty()) {
    if (const size_t have = streamIn_.size() - streamInPos_; have > 0) {
      const size_t n = std::min(have, out.size());
      std::memcpy(out.data(), streamIn_.data() + streamInPos_, n);
      streamInPos_ += n;
      out = out.subspan(n);
      continue;
    }
    streamIn_.clear();
    streamInPos_ = 0;
    if (streamLeft_ == 0) {
      In head{FrameType::Stream, 1, kMaxStreamFrameBytes};
      MPC_TRY(receive(head));
      streamLeft_ = head.length;
      ++counts_.streamFramesReceived;
    }
    const bool ahead =
        out.size() < std::min<uint64_t>(streamLeft_, kReadAheadBelow);
    std::span<uint8_t> target = out.first(std::min(out.size(), streamLeft_));
    if (ahead) {
      streamIn_.reserve(kMaxStreamFrameBytes);
      streamIn_.resize(streamLeft_);
      streamInPos_ = streamIn_.size(); // nothing to serve until it is here
      target = streamIn_;
    }
    In body = In::rest(target);
    MPC_TRY(receive(body));
    streamLeft_ -= target.size();
    counts_.payloadReceived += target.size();
    if (ahead)
      streamInPos_ = 0;
    else
      out = out.subspan(target.size());
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Ends
//===----------------------------------------------------------------------===//

Status Channel::sendControl(FrameType type, std::span<const uint8_t> payload) {
  Out out(sendSequence_, session_);
  if (type == FrameType::Close)
    addPendingStream(out);
  out.add(type, payload);
  return transfer(out, nullptr);
}

Status Channel::sendError(std::string_view text) {
  if (sendCutShort_)
    return failure_ ? *failure_ : errorAbout("cannot be told of an error");
  text = text.substr(0, kMaxErrorTextBytes);
  const std::optional<Error> before = std::exchange(failure_, std::nullopt);
  // A failing side must end in bounded time, also when the peer is stuck.
  const milliseconds deadline =
      std::exchange(deadline_, std::min(deadline_, milliseconds(2000)));
  streamOut_.clear();
  const Status status = sendControl(
      FrameType::Error,
      {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
  deadline_ = deadline;
  if (before)
    failure_ = before;
  else if (status)
    failure_ = errorAbout(fmt::format("was told: {}", text));
  return status;
}

Status Channel::close() {
  MPC_TRY(sendControl(FrameType::Close, {}));
  failure_ = errorAbout("is no longer connected: this side ended the session");
  return {};
}

Status Channel::checkSilent() {
  if (failure_)
    return *failure_;
  uint8_t byte;
  const std::span<uint8_t> one(&byte, 1);
  const Moved m = link_->move({}, std::span(&one, 1), milliseconds(0));
  if (m.outcome == Moved::Outcome::TimedOut)
    return {};
  return fail(m.outcome == Moved::Outcome::Progress ? "spoke out of turn"
                                                    : "closed the connection");
}

Status Channel::awaitClose() {
  MPC_TRY(readyForMessage());
  In in{FrameType::Close, 0, 0};
  MPC_TRY(receive(in));
  failure_ = errorAbout("is no longer connected: it ended the session");
  return {};
}

} // namespace mpc::net

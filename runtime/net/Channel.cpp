//===- runtime/net/Channel.cpp - framing, checks and errors ---------------===//
//
// Every call becomes one transfer(): a list of frames to send and at most one
// to receive, moved at the same time. recv() hands the header and the caller's
// buffer to the link together, so a message costs one system call; bytes that
// arrive under a header that turns out wrong only reach a channel that failed.
//
//===----------------------------------------------------------------------===//
#include "runtime/net/Channel.h"

#include "runtime/core/Secret.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace mpc::net {

using std::chrono::milliseconds;

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
// The engine
//===----------------------------------------------------------------------===//

/// Receives while sending what sendStream() buffered: the peer may need those
/// bytes before it answers.
Status Channel::receive(In &in) {
  Out out(sendSequence_, session_);
  addPendingStream(out);
  return transfer(out, &in);
}

Status Channel::transfer(Out &out, In *in) {
  if (failure_)
    return *failure_;
  while (!out.done() || (in && !in->done())) {
    std::array<std::span<uint8_t>, 2> inParts;
    if (in)
      inParts = in->parts();
    const Moved moved = link_->move(out.parts, inParts, deadline_);
    out.advance(moved.sent);
    sendSequence_ = out.nextSequence();
    sendCutShort_ = out.cutShort();
    if (in) {
      in->got += moved.received;
      if (!in->checked && in->got >= kFrameHeaderBytes)
        MPC_TRY(checkHeader(*in));
    }
    if (moved.outcome != Moved::Outcome::Progress)
      return failMoved(moved, out, in);
  }
  if (out.pendingStream) {
    ++counts_.streamFramesSent;
    counts_.payloadSent += streamOut_.size();
    streamOut_.clear();
  }
  return {};
}

Status Channel::checkHeader(In &in) {
  in.checked = true;
  const auto h = decodeFrameHeader(in.header);
  if (!h)
    // A few bytes only: this text reaches other parties, and out of step the
    // bytes may be anything.
    return fail(fmt::format("sent bytes that are no frame: {:02x} ...",
                            fmt::join(std::span(in.header).first(4), " ")));
  if (h->sequence != recvSequence_)
    return fail(fmt::format("sent frame number {}, expected {}", h->sequence,
                            recvSequence_));
  ++recvSequence_;
  // A peer that failed may not have come as far as the session.
  if (h->session != session_ && h->type != FrameType::Error)
    return fail("sent a frame of another session");
  if (h->type == FrameType::Error) {
    if (h->length > kMaxErrorTextBytes)
      return fail(fmt::format("sent an error text of {} bytes; at most {} are "
                              "allowed",
                              h->length, kMaxErrorTextBytes));
    return fail("failed: " + errorText(in, h->length));
  }
  if (h->type == FrameType::Close && in.type != FrameType::Close)
    return fail(fmt::format("ended the session, expected a {} from it",
                            frameTypeName(in.type)));
  if (h->type != in.type)
    return fail(fmt::format("sent a {} of {} bytes, expected a {}",
                            frameTypeName(h->type), h->length,
                            frameTypeName(in.type)));
  if (in.minLength == in.maxLength && h->length != in.maxLength)
    return fail(
        fmt::format("sent {} bytes, expected {}", h->length, in.maxLength));
  if (h->length < in.minLength || h->length > in.maxLength)
    return fail(fmt::format("sent a {} of {} bytes, expected {} to {}",
                            frameTypeName(h->type), h->length, in.minLength,
                            in.maxLength));
  in.length = h->length;
  return {};
}

Status Channel::failMoved(const Moved &moved, const Out &out, In *in) {
  const bool receiving = in && !in->done();
  const std::string where =
      receiving && in->got > 0
          ? fmt::format(" after {} of {} bytes of a frame", in->got,
                        in->checked && in->length > in->payload.size()
                            ? kFrameHeaderBytes + in->length
                            : in->total())
          : "";
  switch (moved.outcome) {
  case Moved::Outcome::TimedOut:
    return fail(fmt::format("{} nothing for {} ms{}",
                            receiving ? "sent" : "accepted", deadline_.count(),
                            where));
  case Moved::Outcome::Closed:
    // A peer that gave up may have said why before it closed.
    if (auto why = out.done() ? std::nullopt : lastWords(in))
      return fail("failed: " + *why);
    return fail("closed the connection" + where);
  default:
    return fail(fmt::format("cannot be reached: {}{}", moved.detail, where));
  }
}

/// The text of an error frame whose first bytes may have landed in the payload.
/// The peer's text goes to logs, so only printable ASCII passes.
std::string Channel::errorText(In &in, uint64_t length) {
  std::string text(length, '\0');
  size_t have = std::min<size_t>(in.got - kFrameHeaderBytes, length);
  std::copy_n(in.payload.begin(), have, text.begin());
  while (have < length) {
    const std::span<uint8_t> rest(
        reinterpret_cast<uint8_t *>(text.data()) + have, length - have);
    const Moved m = link_->move({}, std::span(&rest, 1), deadline_);
    have += m.received;
    if (m.outcome != Moved::Outcome::Progress)
      break;
  }
  text.resize(have);
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) > 0x7e)
      c = c == '\n' ? ' ' : '?';
  return text;
}

/// Looks for an error frame in what the peer sent before it stopped accepting
/// bytes. Best effort: gives up at the first thing that is odd.
std::optional<std::string> Channel::lastWords(In *in) {
  constexpr milliseconds kPatience{200};
  constexpr uint64_t kMaxSkipped = 256 << 20;
  In next = in && in->got < kFrameHeaderBytes ? *in : In{};
  next.payload = {};
  uint64_t skip = streamLeft_;
  if (in && in->got >= kFrameHeaderBytes) {
    const uint64_t frame = std::max<uint64_t>(in->payload.size(), in->length);
    skip = frame - (in->got - kFrameHeaderBytes);
  }
  std::vector<uint8_t> scratch(64 * 1024);
  for (uint64_t skipped = 0; skipped <= kMaxSkipped;) {
    const std::span<uint8_t> target =
        skip > 0 ? std::span(scratch).first(std::min(skip, scratch.size()))
                 : next.parts()[0];
    const Moved m = link_->move({}, std::span(&target, 1), kPatience);
    if (m.outcome != Moved::Outcome::Progress)
      break;
    if (skip > 0) {
      skip -= m.received;
      skipped += m.received;
      continue;
    }
    next.got += m.received;
    if (next.got < kFrameHeaderBytes)
      continue;
    const auto h = decodeFrameHeader(next.header);
    if (!h || h->sequence != recvSequence_++)
      break;
    if (h->type == FrameType::Error && h->length <= kMaxErrorTextBytes)
      return errorText(next, h->length);
    skip = h->length;
    next = In{};
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Ends and errors
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

Error Channel::errorAbout(std::string_view what) const {
  if (context_.empty())
    return {fmt::format("{} {}", peer_, what)};
  return {fmt::format("{}: {} {}", context_, peer_, what)};
}

Error Channel::fail(std::string_view what) {
  if (!failure_)
    failure_ = errorAbout(what);
  return *failure_;
}

} // namespace mpc::net

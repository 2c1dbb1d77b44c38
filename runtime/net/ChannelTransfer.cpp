//===- runtime/net/ChannelTransfer.cpp - framing, checks and errors -------===//
//
// Every call of a channel becomes one transfer(): a list of frames to send and
// at most one to receive, moved at the same time. recv() hands the header and
// the caller's buffer to the link together, so a message costs one system call;
// bytes that arrive under a header that turns out wrong only reach a channel
// that failed.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/Ascii.h"
#include "runtime/net/ChannelFrames.h"

#include <fmt/format.h>

namespace mpc::net {

using std::chrono::milliseconds;

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
    c = c == '\n' ? ' ' : core::printable(c);
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

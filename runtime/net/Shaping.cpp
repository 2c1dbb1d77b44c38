//===- runtime/net/Shaping.cpp - the shaping decorator --------------------===//
//
// On the inner link: chunks of up to 64 KB, each after an 8-byte due time (ns
// of the monotonic clock) and a 4-byte length.
//
//===----------------------------------------------------------------------===//
#include "runtime/net/Shaping.h"

#include <array>
#include <cassert>
#include <cstring>
#include <thread>
#include <utility>

namespace mpc::net {
namespace {

using Clock = LineSchedule::Clock;
using std::chrono::milliseconds;
constexpr size_t kMaxChunk = 64 * 1024;
constexpr size_t kStampBytes = 16;
constexpr uint32_t kStampMagic = 0x70616873; // "shap"

/// The first `limit` bytes of some parts.
template <class Span> struct Prefix {
  std::array<Span, kMaxParts + 1> parts;
  size_t count = 0;
  size_t bytes = 0;

  void add(Span part, size_t limit) {
    assert(count < parts.size());
    part = part.first(std::min(part.size(), limit - std::min(limit, bytes)));
    if (part.empty())
      return;
    parts[count++] = part;
    bytes += part.size();
  }
  std::span<const Span> view() const { return std::span(parts).first(count); }
};

template <class Parts> size_t totalOf(Parts parts) {
  size_t n = 0;
  for (auto p : parts)
    n += p.size();
  return n;
}

/// Waits until `t`, the last stretch awake: timers are 50 to 100 us late.
void waitUntil(Clock::time_point t) {
  std::this_thread::sleep_until(t - std::chrono::microseconds(100));
  while (Clock::now() < t)
    std::this_thread::yield();
}

class ShapingLink final : public Link {
public:
  ShapingLink(std::unique_ptr<Link> inner, LinkShape shape)
      : inner_(std::move(inner)), line_(shape) {}

  Moved move(OutParts out, InParts in, milliseconds timeout) override {
    const Clock::time_point deadline = Clock::now() + timeout;
    const bool wantOut = totalOf(out) > 0, wantIn = totalOf(in) > 0;
    for (;;) {
      const Clock::time_point now = Clock::now();
      const bool held = wantIn && inLeft_ > 0 && now < inDue_;
      if (held && !wantOut) {
        waitUntil(std::min(inDue_, deadline));
        if (Clock::now() < inDue_)
          return {Moved::Outcome::TimedOut, 0, 0, {}};
        continue;
      }
      Moved m = step(out, in, held, deadline, now);
      if (m.sent + m.received > 0) {
        m.outcome = Moved::Outcome::Progress;
        return m;
      }
      if (m.outcome == Moved::Outcome::Closed ||
          m.outcome == Moved::Outcome::Failed)
        return m;
      if (held) // cannot send, must not receive: look again soon
        waitUntil(std::min({inDue_, deadline, now + milliseconds(1)}));
      if (m.outcome == Moved::Outcome::TimedOut && Clock::now() >= deadline)
        return m;
    }
  }

  uint64_t wireSent() const override { return sent_; }
  uint64_t wireReceived() const override { return received_; }

private:
  /// One call of the inner link. Reports caller's bytes only: the outcome is
  /// Progress with 0 bytes when just a stamp moved.
  Moved step(OutParts out, InParts in, bool held, Clock::time_point deadline,
             Clock::time_point now) {
    Prefix<std::span<const uint8_t>> outer;
    if (const size_t n = totalOf(out); n > 0) {
      if (outLeft_ == 0)
        openChunk(std::min(n, kMaxChunk), now);
      outer.add(std::span(outStamp_).subspan(outStampUsed_), kStampBytes);
      const size_t limit = outer.bytes + outLeft_;
      for (auto p : out)
        outer.add(p, limit);
    }
    Prefix<std::span<uint8_t>> inner;
    const bool readStamp = inLeft_ == 0;
    if (readStamp && totalOf(in) > 0)
      inner.add(std::span(inStamp_).subspan(inStampGot_), kStampBytes);
    else if (!held)
      for (auto p : in)
        inner.add(p, inLeft_);

    const auto left = std::chrono::ceil<milliseconds>(deadline - now);
    Moved m =
        inner_->move(outer.view(), inner.view(),
                     held ? milliseconds(0) : std::max(left, milliseconds(0)));
    const size_t stamp = std::min(m.sent, kStampBytes - outStampUsed_);
    outStampUsed_ += stamp;
    m.sent -= stamp;
    outLeft_ -= m.sent;
    sent_ += m.sent;
    if (readStamp) {
      inStampGot_ += std::exchange(m.received, 0);
      if (inStampGot_ == kStampBytes && !readChunkStamp())
        return {Moved::Outcome::Failed, m.sent, 0, "the peer is not shaped"};
    } else {
      inLeft_ -= m.received;
      received_ += m.received;
    }
    return m;
  }

  void openChunk(size_t nBytes, Clock::time_point now) {
    outLeft_ = nBytes;
    outStampUsed_ = 0;
    const int64_t due = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            line_.due(now, nBytes).time_since_epoch())
                            .count();
    const uint32_t length = static_cast<uint32_t>(nBytes);
    std::memcpy(outStamp_.data(), &due, 8);
    std::memcpy(outStamp_.data() + 8, &length, 4);
    std::memcpy(outStamp_.data() + 12, &kStampMagic, 4);
  }

  bool readChunkStamp() {
    int64_t due;
    uint32_t length, magic;
    std::memcpy(&due, inStamp_.data(), 8);
    std::memcpy(&length, inStamp_.data() + 8, 4);
    std::memcpy(&magic, inStamp_.data() + 12, 4);
    inStampGot_ = 0;
    inLeft_ = length;
    inDue_ = Clock::time_point(std::chrono::duration_cast<Clock::duration>(
        std::chrono::nanoseconds(due)));
    return magic == kStampMagic && length > 0 && length <= kMaxChunk;
  }

  std::unique_ptr<Link> inner_;
  LineSchedule line_;
  std::array<uint8_t, kStampBytes> outStamp_ = {};
  size_t outStampUsed_ = 0;
  size_t outLeft_ = 0; ///< bytes of the open chunk still to send
  std::array<uint8_t, kStampBytes> inStamp_ = {};
  size_t inStampGot_ = 0;
  size_t inLeft_ = 0; ///< bytes of the current chunk still to deliver
  Clock::time_point inDue_{};
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

} // namespace

std::unique_ptr<Link> shapingLink(std::unique_ptr<Link> inner,
                                  LinkShape shape) {
  return std::make_unique<ShapingLink>(std::move(inner), shape);
}

} // namespace mpc::net

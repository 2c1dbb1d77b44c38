//===- runtime/net/InProcess.cpp - two queues of byte chunks --------------===//
#include "runtime/net/InProcess.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

namespace mpc::net {
namespace {

/// One direction. Chunks keep the bytes where they were first copied to.
struct Queue {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::vector<uint8_t>> chunks;
  size_t headUsed = 0; ///< bytes of chunks.front() already taken
  bool writerGone = false;
  bool readerGone = false;
};

struct Wire {
  Queue queues[2];
};

class InProcessLink final : public Link {
public:
  // Shared: the ends are destroyed in any order, on any thread.
  InProcessLink(std::shared_ptr<Wire> wire, int end)
      : wire_(std::move(wire)), out_(wire_->queues[end]),
        in_(wire_->queues[1 - end]) {}

  ~InProcessLink() override {
    {
      std::lock_guard lock(out_.mutex);
      out_.writerGone = true;
    }
    {
      std::lock_guard lock(in_.mutex);
      in_.readerGone = true;
    }
    out_.changed.notify_all();
  }

  Moved move(OutParts out, InParts in,
             std::chrono::milliseconds timeout) override {
    Moved m;
    size_t outBytes = 0, inBytes = 0;
    for (auto p : out)
      outBytes += p.size();
    for (auto p : in)
      inBytes += p.size();
    if (outBytes > 0) {
      if (!push(out, outBytes)) {
        m.outcome = Moved::Outcome::Closed;
        return m;
      }
      m.sent = outBytes;
      sent_ += outBytes;
      timeout = std::chrono::milliseconds(0); // progress: take what is there
    }
    if (inBytes > 0)
      pull(in, timeout, m);
    received_ += m.received;
    // An end of stream after progress is reported by the next call.
    if (m.sent + m.received > 0)
      m.outcome = Moved::Outcome::Progress;
    return m;
  }

  uint64_t wireSent() const override { return sent_; }
  uint64_t wireReceived() const override { return received_; }

private:
  bool push(OutParts out, size_t nBytes) {
    std::vector<uint8_t> chunk;
    chunk.reserve(nBytes);
    for (auto p : out)
      chunk.insert(chunk.end(), p.begin(), p.end());
    {
      std::lock_guard lock(out_.mutex);
      if (out_.readerGone)
        return false;
      out_.chunks.push_back(std::move(chunk));
    }
    out_.changed.notify_one();
    return true;
  }

  void pull(InParts in, std::chrono::milliseconds timeout, Moved &m) {
    std::unique_lock lock(in_.mutex);
    auto ready = [&] { return !in_.chunks.empty() || in_.writerGone; };
    if (!in_.changed.wait_for(lock, timeout, ready)) {
      m.outcome = Moved::Outcome::TimedOut;
      return;
    }
    if (in_.chunks.empty()) {
      m.outcome = Moved::Outcome::Closed;
      return;
    }
    for (auto p : in)
      while (!p.empty() && !in_.chunks.empty()) {
        const auto &head = in_.chunks.front();
        const size_t n = std::min(p.size(), head.size() - in_.headUsed);
        std::memcpy(p.data(), head.data() + in_.headUsed, n);
        p = p.subspan(n);
        m.received += n;
        in_.headUsed += n;
        if (in_.headUsed == head.size()) {
          in_.chunks.pop_front();
          in_.headUsed = 0;
        }
      }
  }

  std::shared_ptr<Wire> wire_;
  Queue &out_;
  Queue &in_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

} // namespace

LinkPair inProcessLinks() {
  auto wire = std::make_shared<Wire>();
  return {std::make_unique<InProcessLink>(wire, 0),
          std::make_unique<InProcessLink>(wire, 1)};
}

ChannelPair inProcessChannels(std::string a, std::string b) {
  auto [left, right] = inProcessLinks();
  return {std::make_unique<Channel>(std::move(left), std::move(b)),
          std::make_unique<Channel>(std::move(right), std::move(a))};
}

} // namespace mpc::net

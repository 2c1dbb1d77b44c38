//===- runtime/net/Recording.cpp - the recording decorator ----------------===//
#include "runtime/net/Recording.h"

#include <algorithm>
#include <utility>

namespace mpc::net {
namespace {

template <class Parts>
void append(std::vector<uint8_t> &to, Parts parts, size_t n) {
  for (auto p : parts) {
    const size_t k = std::min(n, p.size());
    to.insert(to.end(), p.begin(), p.begin() + k);
    n -= k;
  }
}

class RecordingLink final : public Link {
public:
  RecordingLink(std::unique_ptr<Link> inner, Transcript &transcript)
      : inner_(std::move(inner)), transcript_(transcript) {}

  Moved move(OutParts out, InParts in,
             std::chrono::milliseconds timeout) override {
    Moved m = inner_->move(out, in, timeout);
    append(transcript_.sent, out, m.sent);
    append(transcript_.received, in, m.received);
    return m;
  }

  uint64_t wireSent() const override { return inner_->wireSent(); }
  uint64_t wireReceived() const override { return inner_->wireReceived(); }

private:
  std::unique_ptr<Link> inner_;
  Transcript &transcript_;
};

} // namespace

std::unique_ptr<Link> recordingLink(std::unique_ptr<Link> inner,
                                    Transcript &transcript) {
  return std::make_unique<RecordingLink>(std::move(inner), transcript);
}

std::vector<RecordedFrame> splitFrames(std::span<const uint8_t> bytes) {
  std::vector<RecordedFrame> frames;
  while (bytes.size() >= kFrameHeaderBytes) {
    const auto h = decodeFrameHeader(bytes.first<kFrameHeaderBytes>());
    bytes = bytes.subspan(kFrameHeaderBytes);
    if (!h || h->length > bytes.size())
      break;
    const auto payload = bytes.first(h->length);
    frames.push_back({h->type, {payload.begin(), payload.end()}});
    bytes = bytes.subspan(h->length);
  }
  return frames;
}

std::vector<uint8_t> payloadOf(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> all;
  for (const RecordedFrame &f : splitFrames(bytes))
    if (f.type == FrameType::Message || f.type == FrameType::Stream)
      all.insert(all.end(), f.payload.begin(), f.payload.end());
  return all;
}

} // namespace mpc::net

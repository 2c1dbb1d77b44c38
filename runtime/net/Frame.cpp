//===- runtime/net/Frame.cpp - encoding of frame headers ------------------===//
#include "runtime/net/Frame.h"

namespace mpc::net {

FrameBytes encodeFrameHeader(const FrameHeader &header) {
  FrameBytes b = {'m', 'p', 'c', static_cast<uint8_t>(header.type)};
  for (int i = 0; i < 4; ++i)
    b[4 + i] = static_cast<uint8_t>(header.sequence >> (8 * i));
  for (int i = 0; i < 8; ++i) {
    b[8 + i] = static_cast<uint8_t>(header.length >> (8 * i));
    b[16 + i] = static_cast<uint8_t>(header.session >> (8 * i));
  }
  return b;
}

std::optional<FrameHeader>
decodeFrameHeader(std::span<const uint8_t, kFrameHeaderBytes> b) {
  if (b[0] != 'm' || b[1] != 'p' || b[2] != 'c')
    return std::nullopt;
  if (b[3] < static_cast<uint8_t>(FrameType::Message) ||
      b[3] > static_cast<uint8_t>(FrameType::Close))
    return std::nullopt;
  FrameHeader h{static_cast<FrameType>(b[3]), 0, 0, 0};
  for (int i = 0; i < 4; ++i)
    h.sequence |= static_cast<uint32_t>(b[4 + i]) << (8 * i);
  for (int i = 0; i < 8; ++i) {
    h.length |= static_cast<uint64_t>(b[8 + i]) << (8 * i);
    h.session |= static_cast<uint64_t>(b[16 + i]) << (8 * i);
  }
  return h;
}

const char *frameTypeName(FrameType type) {
  switch (type) {
  case FrameType::Message:
    return "message";
  case FrameType::Stream:
    return "stream";
  case FrameType::Error:
    return "error";
  case FrameType::Close:
    return "close";
  }
  return "unknown";
}

} // namespace mpc::net

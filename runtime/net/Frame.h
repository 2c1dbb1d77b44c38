//===- runtime/net/Frame.h - the 24 bytes in front of every payload -------===//
//
//   byte 0..2   "mpc"         byte 3      type
//   byte 4..7   sequence      byte 8..15  payload length
//   byte 16..23 session       all little-endian
//
// Each direction numbers its frames from 0 (modulo 2^32). The session is 0
// until both sides know it; then a frame of another session is refused. A
// decoded header is still the peer's word: Channel checks all its fields before
// using any.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mpc::net {

enum class FrameType : uint8_t { Message = 1, Stream, Error, Close };

inline constexpr size_t kFrameHeaderBytes = 24;
inline constexpr size_t kMaxStreamFrameBytes = 256 * 1024;
inline constexpr size_t kMaxErrorTextBytes = 4096;

struct FrameHeader {
  FrameType type;
  uint32_t sequence;
  uint64_t length;
  uint64_t session = 0;
};

using FrameBytes = std::array<uint8_t, kFrameHeaderBytes>;

FrameBytes encodeFrameHeader(const FrameHeader &header);

/// Nothing if the magic or the type is unknown.
std::optional<FrameHeader>
decodeFrameHeader(std::span<const uint8_t, kFrameHeaderBytes> bytes);

/// "message", "stream", ...
const char *frameTypeName(FrameType type);

} // namespace mpc::net

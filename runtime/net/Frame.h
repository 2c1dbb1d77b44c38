//===- runtime/net/Frame.h - the 16 bytes in front of every payload -------===//
//
//   byte 0..2  "mpc"          byte 3     type
//   byte 4..7  sequence       byte 8..15 payload length, both little-endian
//
// Each direction numbers its frames from 0 (modulo 2^32). A decoded header is
// still the peer's word: Channel checks all its fields before using any.
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

inline constexpr size_t kFrameHeaderBytes = 16;
inline constexpr size_t kMaxStreamFrameBytes = 256 * 1024;
inline constexpr size_t kMaxErrorTextBytes = 4096;

struct FrameHeader {
  FrameType type;
  uint32_t sequence;
  uint64_t length;
};

using FrameBytes = std::array<uint8_t, kFrameHeaderBytes>;

FrameBytes encodeFrameHeader(const FrameHeader &header);

/// Nothing if the magic or the type is unknown.
std::optional<FrameHeader>
decodeFrameHeader(std::span<const uint8_t, kFrameHeaderBytes> bytes);

/// "message", "stream", ...
const char *frameTypeName(FrameType type);

} // namespace mpc::net

//===- runtime/material/MaterialFile.h - stored offline material ----------===//
//
// What one evaluator keeps of one offline phase until its online phase: a
// byte stream in plan order, written once, read once, front to back.
//
//   header    magic, version, party, plan hash, session id, payload size,
//             SHA-256 of these
//   payload   at byte kPayloadOffset, in chunks of kChunkBytes
//   tags      16 bytes a chunk
//
// A tag is a checksum (XXH3-128) or, under a ChunkSeal, what the seal made of
// the chunk: the hook for encryption at rest. A file is written under a
// temporary name and appears at its path complete; it is not synced, since a
// file that a crash tore is found out by its tags and only costs its making.
// Peak memory is a chunk; an unsealed payload is served from the mapped file.
//
// Whether a file was used before is not its own business: see SpentLog.h.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/File.h"
#include "runtime/core/Hash.h"
#include "runtime/core/Secret.h"

#include <functional>

namespace mpc::material {

/// Whose material, of what.
struct MaterialId {
  core::Digest plan = {};
  core::Digest session = {};
  uint8_t party = 0; ///< 1 or 2
  bool operator==(const MaterialId &) const = default;
};

using Tag = std::array<uint8_t, 16>;

/// Protects chunks at rest, e.g. AES-GCM under a key of the party. Chunks are
/// numbered from 0; `header` is the digest of the file's header (to be
/// authenticated: it binds a chunk to its plan, session, party and size).
class ChunkSeal {
public:
  virtual ~ChunkSeal() = default;
  /// In place; same size.
  virtual Status seal(const core::Digest &header, uint64_t chunk,
                      std::span<uint8_t> bytes, Tag &tag) = 0;
  /// The reverse, into `plain`; false: not what seal() made.
  virtual bool open(const core::Digest &header, uint64_t chunk,
                    std::span<const uint8_t> sealed, const Tag &tag,
                    std::span<uint8_t> plain) = 0;
};

inline constexpr size_t kChunkBytes = size_t{1} << 20;
inline constexpr size_t kPayloadOffset = 4096;

/// Fills the span it is given with the next bytes of the stream.
using Fill = std::function<Status(std::span<uint8_t>)>;

class MaterialWriter {
public:
  /// `payloadBytes` follows from the plan. `seal` outlives the writer; null:
  /// checksums, plain bytes.
  static Result<MaterialWriter> create(const std::string &path,
                                       const MaterialId &id,
                                       uint64_t payloadBytes,
                                       ChunkSeal *seal = nullptr);
  MaterialWriter(MaterialWriter &&) = default;

  /// Appends n bytes, which `fill` writes where they belong, in one call or in
  /// several of consecutive pieces.
  Status put(size_t n, const Fill &fill);
  Status put(std::span<const uint8_t> bytes);
  /// The file appears. Fails unless all of the payload was put.
  Status commit();

private:
  MaterialWriter(core::AtomicFile file, uint64_t payloadBytes, ChunkSeal *seal)
      : file_(std::move(file)), left_(payloadBytes), seal_(seal),
        chunk_(kChunkBytes) {}
  Status endChunk();

  core::AtomicFile file_;
  core::Digest header_ = {};
  uint64_t left_;
  ChunkSeal *seal_;
  core::SecretVector<uint8_t> chunk_;
  size_t used_ = 0; ///< of chunk_
  std::vector<uint8_t> tags_;
};

class MaterialReader {
public:
  /// Checks header and size. Chunks are checked when they are reached.
  static Result<MaterialReader> open(const std::string &path,
                                     ChunkSeal *seal = nullptr);
  MaterialReader(MaterialReader &&) = default;

  const MaterialId &id() const { return id_; }
  uint64_t bytesLeft() const { return payload_ - at_; }

  /// The next n bytes; they live until the next call. Fails at a chunk that is
  /// not what was written, and past the end.
  Result<std::span<const uint8_t>> take(size_t n);

private:
  MaterialReader(std::string path, core::MappedFile file, ChunkSeal *seal)
      : path_(std::move(path)), file_(std::move(file)), seal_(seal) {}
  std::span<const uint8_t> chunk(uint64_t index) const;
  Tag tag(uint64_t index) const;
  Error damaged(uint64_t chunk) const;
  Status verifyUpTo(uint64_t end);

  std::string path_;
  core::MappedFile file_;
  ChunkSeal *seal_;
  core::Digest header_ = {};
  MaterialId id_;
  uint64_t payload_ = 0, at_ = 0;
  uint64_t checked_ = 0;                 ///< chunks verified, or opened
  core::SecretVector<uint8_t> plain_;    ///< sealed: the chunk opened last
  core::SecretVector<uint8_t> crossing_; ///< sealed: bytes of several chunks
};

} // namespace mpc::material

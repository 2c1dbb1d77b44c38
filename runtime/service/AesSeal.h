//===- runtime/service/AesSeal.h - material encrypted at rest -------------===//
//
// AES-256-GCM for the chunks of a material file. Each file has a key of its
// own, SHA-256 of the party's secret and the digest of the file's header,
// which names a fresh session: so a chunk's number serves as its nonce.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Secret.h"
#include "runtime/material/MaterialFile.h"

namespace mpc::service {

class AesSeal final : public material::ChunkSeal {
public:
  /// secret: 32 bytes that only this party has.
  explicit AesSeal(core::SecretVector<uint8_t> secret)
      : secret_(std::move(secret)) {}

  Status seal(const core::Digest &header, uint64_t chunk,
              std::span<uint8_t> bytes, material::Tag &tag) override;
  bool open(const core::Digest &header, uint64_t chunk,
            std::span<const uint8_t> sealed, const material::Tag &tag,
            std::span<uint8_t> plain) override;

private:
  core::SecretVector<uint8_t> secret_;
};

} // namespace mpc::service

//===- runtime/core/Hash.h - SHA-256 for file checksums and ids -----------===//
//
// For public data: plan hashes, checksums, test digests. Key derivation lives
// in runtime/crypto.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace mpc::core {

using Digest = std::array<uint8_t, 32>;

/// Incremental SHA-256.
class Sha256 {
public:
  Sha256();
  Sha256(Sha256 &&) noexcept = default;
  Sha256 &operator=(Sha256 &&) noexcept = default;
  ~Sha256() = default;

  Sha256 &update(std::span<const uint8_t> bytes);
  /// The digest of everything so far; the object starts afresh.
  Digest finish();

private:
  struct Free {
    void operator()(evp_md_ctx_st *ctx) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> ctx_;
};

Digest sha256(std::span<const uint8_t> bytes);

/// Lower-case hexadecimal, two digits a byte.
std::string hex(std::span<const uint8_t> bytes);

} // namespace mpc::core

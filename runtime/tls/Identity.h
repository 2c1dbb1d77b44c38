//===- runtime/tls/Identity.h - a key, its certificate, fingerprints ------===//
//
// An Identity is what one organisation proves itself with: a private key and a
// certificate, read from two PEM files. Others know it by the certificate's
// SHA-256 fingerprint ("sha256:" and 64 hexadecimal digits) or by the name a
// common CA confirmed.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/core/Result.h"
#include "runtime/core/Secret.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mpc::tls {

using Fingerprint = core::Digest;

std::string toText(const Fingerprint &fingerprint);
/// "sha256:0123...": upper case and colons between bytes are accepted, as
/// openssl prints them.
Result<Fingerprint> parseFingerprint(std::string_view text);

/// The public part of a certificate.
struct CertificateInfo {
  Fingerprint fingerprint = {};
  std::string subject;   ///< its common name, printable
  int64_t notBefore = 0; ///< seconds since 1970
  int64_t notAfter = 0;
};

/// "2027-01-31 12:00:00 UTC"
std::string timeText(int64_t unixSeconds);

class Identity {
public:
  /// Errors: unreadable, no such key, a key that is not the certificate's, a
  /// key file that everybody may read.
  static Result<Identity> load(const std::string &keyPath,
                               const std::string &certificatePath);
  Identity(Identity &&) noexcept;
  Identity &operator=(Identity &&) noexcept;
  ~Identity();

  const CertificateInfo &certificate() const;

  /// 32 bytes that only the holder of the private key can compute: HKDF over
  /// the key, for encrypting this party's own files.
  core::SecretVector<uint8_t> deriveSecret(std::string_view label) const;

  struct Impl;
  const Impl &impl() const { return *impl_; }

private:
  explicit Identity(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace mpc::tls

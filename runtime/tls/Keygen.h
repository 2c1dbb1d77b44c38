//===- runtime/tls/Keygen.h - fresh keys and certificates -----------------===//
//
// A P-256 key (mode 0600) with either a self-signed certificate, which others
// pin by its fingerprint, or a signing request for one's own CA. An existing
// key is never overwritten.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/tls/Identity.h"

namespace mpc::tls {

inline constexpr int kDefaultDays = 365, kMaxDays = 3650;

/// Writes keyPath and certificatePath. `name` becomes the common name and,
/// where it is one, the DNS name. `fromSeconds`: the start of its validity
/// relative to now.
Result<CertificateInfo> makeSelfSigned(const std::string &keyPath,
                                       const std::string &certificatePath,
                                       const std::string &name, int days,
                                       int64_t fromSeconds = -300);

/// Writes keyPath and a PEM signing request.
Status makeRequest(const std::string &keyPath, const std::string &requestPath,
                   const std::string &name);

/// A new self-signed certificate for an existing key.
Result<CertificateInfo> renew(const std::string &keyPath,
                              const std::string &certificatePath,
                              const std::string &name, int days);

} // namespace mpc::tls

//===- runtime/core/Hash.cpp - SHA-256 over OpenSSL's libcrypto -----------===//
#include "runtime/core/Hash.h"

#include <cstdio>
#include <cstdlib>
#include <openssl/evp.h>

namespace mpc::core {
namespace {

/// libcrypto's SHA-256 fails only when it cannot allocate or is misbuilt.
void check(int ok) {
  if (ok != 1) {
    std::fputs("error: libcrypto cannot compute SHA-256\n", stderr);
    std::abort();
  }
}

} // namespace

void Sha256::Free::operator()(evp_md_ctx_st *ctx) const {
  EVP_MD_CTX_free(ctx);
}

Sha256::Sha256() : ctx_(EVP_MD_CTX_new()) {
  check(ctx_ != nullptr);
  check(EVP_DigestInit_ex(ctx_.get(), EVP_sha256(), nullptr));
}

Sha256 &Sha256::update(std::span<const uint8_t> bytes) {
  check(EVP_DigestUpdate(ctx_.get(), bytes.data(), bytes.size()));
  return *this;
}

Digest Sha256::finish() {
  Digest d;
  unsigned n = 0;
  check(EVP_DigestFinal_ex(ctx_.get(), d.data(), &n));
  check(EVP_DigestInit_ex(ctx_.get(), EVP_sha256(), nullptr));
  return d;
}

Digest sha256(std::span<const uint8_t> bytes) {
  return Sha256().update(bytes).finish();
}

std::string hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (uint8_t b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

} // namespace mpc::core

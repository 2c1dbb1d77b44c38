//===- runtime/tls/Identity.cpp -------------------------------------------===//
#include "runtime/tls/Identity.h"
#include "runtime/core/File.h"
#include "runtime/tls/OpenSsl.h"

#include <ctime>
#include <fmt/format.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <sys/stat.h>

namespace mpc::tls {
namespace {

int64_t secondsOf(const ASN1_TIME *t) {
  std::tm tm = {};
  return ASN1_TIME_to_tm(t, &tm) == 1 ? static_cast<int64_t>(timegm(&tm)) : 0;
}

/// Others' names go to logs and terminals.
std::string printable(std::string text) {
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) > 0x7e)
      c = '?';
  return text;
}

Result<BioPtr> openPem(const std::string &path, std::vector<uint8_t> &bytes) {
  constexpr size_t kMaxPem = 1 << 20;
  auto file = core::readRegularFile(path, kMaxPem);
  if (!file)
    return file.error();
  bytes = std::move(*file);
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

} // namespace

std::string opensslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0)
    return "unknown error";
  const char *reason = ERR_reason_error_string(code);
  return reason ? reason : fmt::format("error {:#x}", code);
}

CertificateInfo describe(X509 *certificate) {
  CertificateInfo info;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), info.fingerprint.data(), &size) !=
      1)
    info.fingerprint = {};
  char name[256] = {};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                NID_commonName, name, sizeof(name)) > 0)
    info.subject = printable(name);
  info.notBefore = secondsOf(X509_get0_notBefore(certificate));
  info.notAfter = secondsOf(X509_get0_notAfter(certificate));
  return info;
}

std::string toText(const Fingerprint &fingerprint) {
  return "sha256:" + core::hex(fingerprint);
}

Result<Fingerprint> parseFingerprint(std::string_view text) {
  const std::string given(text);
  const auto bad = [&] {
    return Error{fmt::format("'{}' is no fingerprint: expected 'sha256:' and "
                             "64 hexadecimal digits",
                             given)};
  };
  if (!text.starts_with("sha256:"))
    return bad();
  text.remove_prefix(7);
  Fingerprint out;
  size_t digits = 0;
  for (char c : text) {
    if (c == ':' && digits % 2 == 0 && digits > 0)
      continue;
    const int v = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
    if (v < 0 || digits >= 2 * out.size())
      return bad();
    uint8_t &byte = out[digits / 2];
    byte = static_cast<uint8_t>(digits % 2 == 0 ? v << 4 : byte | v);
    ++digits;
  }
  return digits == 2 * out.size() ? Result<Fingerprint>(out) : bad();
}

std::string timeText(int64_t unixSeconds) {
  const std::time_t t = static_cast<std::time_t>(unixSeconds);
  std::tm tm = {};
  gmtime_r(&t, &tm);
  char text[64];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
  return text;
}

Identity::Identity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Identity::Identity(Identity &&) noexcept = default;
Identity &Identity::operator=(Identity &&) noexcept = default;
Identity::~Identity() = default;

const CertificateInfo &Identity::certificate() const { return impl_->info; }

Result<Identity> Identity::load(const std::string &keyPath,
                                const std::string &certificatePath) {
  auto impl = std::make_unique<Impl>();
  std::vector<uint8_t> bytes;
  // Group access stays possible: secrets mounted into containers have it.
  struct stat s;
  if (::stat(keyPath.c_str(), &s) == 0 && (s.st_mode & 027) != 0)
    return Error{fmt::format("{}: a private key that others may read or "
                             "change (mode {:04o}); chmod 600 it",
                             keyPath, s.st_mode & 0777)};
  auto keyFile = openPem(keyPath, bytes);
  if (!keyFile)
    return keyFile.error();
  // An encrypted key would ask on the terminal; a daemon has none.
  const auto noPassphrase = [](char *, int, int, void *) { return 0; };
  impl->key.reset(
      PEM_read_bio_PrivateKey(keyFile->get(), nullptr, +noPassphrase, nullptr));
  core::wipe(bytes.data(), bytes.size());
  if (!impl->key)
    return Error{fmt::format("{}: no private key in PEM form: {}", keyPath,
                             opensslError())};
  auto certificateFile = openPem(certificatePath, bytes);
  if (!certificateFile)
    return certificateFile.error();
  impl->certificate.reset(
      PEM_read_bio_X509(certificateFile->get(), nullptr, nullptr, nullptr));
  if (!impl->certificate)
    return Error{fmt::format("{}: no certificate in PEM form: {}",
                             certificatePath, opensslError())};
  if (X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1) {
    ERR_clear_error();
    return Error{fmt::format("{}: is not the certificate of the key {}",
                             certificatePath, keyPath)};
  }
  impl->info = describe(impl->certificate.get());
  return Identity(std::move(impl));
}

core::SecretVector<uint8_t>
Identity::deriveSecret(std::string_view label) const {
  unsigned char *der = nullptr;
  const int size = i2d_PrivateKey(impl_->key.get(), &der);
  core::SecretVector<uint8_t> out = core::SecretVector<uint8_t>::zeros(32);
  std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>> kdf(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  size_t n = out.size();
  const auto *info = reinterpret_cast<const unsigned char *>(label.data());
  const bool ok = size > 0 && kdf && EVP_PKEY_derive_init(kdf.get()) == 1 &&
                  EVP_PKEY_CTX_set_hkdf_md(kdf.get(), EVP_sha256()) == 1 &&
                  EVP_PKEY_CTX_set1_hkdf_key(kdf.get(), der, size) == 1 &&
                  EVP_PKEY_CTX_add1_hkdf_info(
                      kdf.get(), info, static_cast<int>(label.size())) == 1 &&
                  EVP_PKEY_derive(kdf.get(), out.data(), &n) == 1;
  if (size > 0)
    OPENSSL_clear_free(der, static_cast<size_t>(size));
  // Encrypting under a key of zeros is worse than nothing; this cannot happen
  // with a libcrypto that works.
  if (!ok)
    std::abort();
  return out;
}

} // namespace mpc::tls

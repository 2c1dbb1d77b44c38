//===- runtime/tls/Keygen.cpp ---------------------------------------------===//
#include "runtime/tls/Keygen.h"
#include "runtime/core/File.h"
#include "runtime/tls/OpenSsl.h"

#include <algorithm>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

namespace mpc::tls {
namespace {

bool isHostName(const std::string &name) {
  return !name.empty() && name.size() <= 253 && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '.' || c == '-';
         });
}

Status checkName(const std::string &name) {
  if (name.empty() || name.size() > 64 ||
      !std::all_of(name.begin(), name.end(),
                   [](unsigned char c) { return c >= 0x20 && c < 0x7f; }))
    return Error{fmt::format("'{}' is no name for a certificate: 1 to 64 "
                             "printable ASCII characters",
                             name)};
  return {};
}

Error failed(const char *what) {
  return Error{fmt::format("cannot {}: {}", what, opensslError())};
}

using StringBio = BioPtr;

Result<std::vector<uint8_t>> contentsOf(BIO *bio, int ok) {
  if (ok != 1)
    return failed("encode a key or certificate");
  char *data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::vector<uint8_t>(data, data + size);
}

Result<KeyPtr> makeKey(const std::string &path) {
  struct stat s;
  if (::lstat(path.c_str(), &s) == 0)
    return Error{
        fmt::format("{}: exists already; a key is never overwritten", path)};
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key)
    return failed("make a key");
  BioPtr bio(BIO_new(BIO_s_secmem()));
  const int ok = PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr,
                                               nullptr, 0, nullptr, nullptr);
  auto pem = contentsOf(bio.get(), ok);
  if (!pem)
    return pem.error();
  const Status written = core::writeFile(path, *pem, 0600);
  core::wipe(pem->data(), pem->size());
  MPC_TRY(written);
  return key;
}

bool addExtension(X509 *certificate, int nid, const std::string &value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> e(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return e && X509_add_ext(certificate, e.get(), -1) == 1;
}

bool setName(X509_NAME *to, const std::string &name) {
  return X509_NAME_add_entry_by_txt(
             to, "CN", MBSTRING_UTF8,
             reinterpret_cast<const unsigned char *>(name.data()),
             static_cast<int>(name.size()), -1, 0) == 1;
}

Result<CertificateInfo> certify(EVP_PKEY *key, const std::string &path,
                                const std::string &name, int days,
                                int64_t fromSeconds) {
  CertPtr x(X509_new());
  uint8_t serial[16];
  if (!x || RAND_bytes(serial, sizeof(serial)) != 1)
    return failed("make a certificate");
  serial[0] = (serial[0] & 0x7f) | 0x40; // positive and of one length
  std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(
      BN_bin2bn(serial, sizeof(serial), nullptr));
  const bool ok =
      X509_set_version(x.get(), X509_VERSION_3) == 1 &&
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x.get())) &&
      X509_gmtime_adj(X509_getm_notBefore(x.get()), fromSeconds) &&
      X509_gmtime_adj(X509_getm_notAfter(x.get()),
                      fromSeconds + int64_t{days} * 24 * 3600) &&
      setName(X509_get_subject_name(x.get()), name) &&
      X509_set_issuer_name(x.get(), X509_get_subject_name(x.get())) == 1 &&
      X509_set_pubkey(x.get(), key) == 1 &&
      addExtension(x.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      addExtension(x.get(), NID_key_usage, "critical,digitalSignature") &&
      addExtension(x.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
      (!isHostName(name) ||
       addExtension(x.get(), NID_subject_alt_name, "DNS:" + name)) &&
      X509_sign(x.get(), key, EVP_sha256()) > 0;
  if (!ok)
    return failed("make a certificate");
  BioPtr bio(BIO_new(BIO_s_mem()));
  auto pem = contentsOf(bio.get(), PEM_write_bio_X509(bio.get(), x.get()));
  if (!pem)
    return pem.error();
  MPC_TRY(core::writeFile(path, *pem, 0644));
  return describe(x.get());
}

Status checkDays(int days) {
  if (days < 1 || days > kMaxDays)
    return Error{fmt::format("a certificate may be valid for 1 to {} days, not "
                             "{}",
                             kMaxDays, days)};
  return {};
}

} // namespace

Result<CertificateInfo> makeSelfSigned(const std::string &keyPath,
                                       const std::string &certificatePath,
                                       const std::string &name, int days,
                                       int64_t fromSeconds) {
  MPC_TRY(checkName(name));
  MPC_TRY(checkDays(days));
  auto key = makeKey(keyPath);
  if (!key)
    return key.error();
  return certify(key->get(), certificatePath, name, days, fromSeconds);
}

Result<CertificateInfo> renew(const std::string &keyPath,
                              const std::string &certificatePath,
                              const std::string &name, int days) {
  MPC_TRY(checkName(name));
  MPC_TRY(checkDays(days));
  auto identity = Identity::load(keyPath, certificatePath);
  if (!identity)
    return identity.error();
  return certify(identity->impl().key.get(), certificatePath, name, days, -300);
}

Status makeRequest(const std::string &keyPath, const std::string &requestPath,
                   const std::string &name) {
  MPC_TRY(checkName(name));
  auto key = makeKey(keyPath);
  if (!key)
    return key.error();
  RequestPtr r(X509_REQ_new());
  std::unique_ptr<STACK_OF(X509_EXTENSION),
                  decltype([](STACK_OF(X509_EXTENSION) * s) {
                    sk_X509_EXTENSION_pop_free(s, X509_EXTENSION_free);
                  })>
      extensions(sk_X509_EXTENSION_new_null());
  bool ok = r && extensions &&
            X509_REQ_set_version(r.get(), X509_REQ_VERSION_1) == 1 &&
            setName(X509_REQ_get_subject_name(r.get()), name) &&
            X509_REQ_set_pubkey(r.get(), key->get()) == 1;
  if (ok && isHostName(name)) {
    X509_EXTENSION *san = X509V3_EXT_conf_nid(
        nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
    ok = san && sk_X509_EXTENSION_push(extensions.get(), san) > 0 &&
         X509_REQ_add_extensions(r.get(), extensions.get()) == 1;
  }
  if (!ok || X509_REQ_sign(r.get(), key->get(), EVP_sha256()) <= 0)
    return failed("make a signing request");
  BioPtr bio(BIO_new(BIO_s_mem()));
  auto pem = contentsOf(bio.get(), PEM_write_bio_X509_REQ(bio.get(), r.get()));
  if (!pem)
    return pem.error();
  return core::writeFile(requestPath, *pem, 0644);
}

} // namespace mpc::tls

//===- runtime/tls/OpenSsl.h - OpenSSL's objects with owners --------------===//
//
// For this folder's .cpp files only.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/tls/Identity.h"

#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>

namespace mpc::tls {

template <auto F> struct FreeWith {
  template <class T> void operator()(T *p) const { F(p); }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;

/// The oldest error OpenSSL recorded, for people; empties its queue.
std::string opensslError();

/// What a certificate says; `info.problem` stays empty.
CertificateInfo describe(X509 *certificate);

struct Identity::Impl {
  KeyPtr key;
  CertPtr certificate;
  CertificateInfo info;
};

} // namespace mpc::tls

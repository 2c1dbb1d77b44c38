//===- runtime/service/AesSeal.cpp ----------------------------------------===//
#include "runtime/service/AesSeal.h"

#include <array>
#include <memory>
#include <openssl/evp.h>
#include <string_view>

namespace mpc::service {
namespace {

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX *c) {
                                 EVP_CIPHER_CTX_free(c);
                               })>;

struct FileKey {
  core::Digest bytes;
  FileKey(const core::SecretVector<uint8_t> &secret, const core::Digest &header)
      : bytes(core::Sha256()
                  .update(std::span(reinterpret_cast<const uint8_t *>(
                                        "mpcc-material-at-rest-v1"),
                                    24))
                  .update(secret.span())
                  .update(header)
                  .finish()) {}
  FileKey(const FileKey &) = delete;
  ~FileKey() { core::wipe(bytes.data(), bytes.size()); }
};

std::array<uint8_t, 12> nonceOf(uint64_t chunk) {
  std::array<uint8_t, 12> nonce = {};
  for (size_t i = 0; i < 8; ++i)
    nonce[i] = static_cast<uint8_t>(chunk >> (8 * i));
  return nonce;
}

} // namespace

Status AesSeal::seal(const core::Digest &header, uint64_t chunk,
                     std::span<uint8_t> bytes, material::Tag &tag) {
  const FileKey key(secret_, header);
  const auto nonce = nonceOf(chunk);
  Cipher c(EVP_CIPHER_CTX_new());
  int n = 0;
  const int size = static_cast<int>(bytes.size()); // a chunk at most
  if (!c ||
      EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(),
                         nonce.data()) != 1 ||
      EVP_EncryptUpdate(c.get(), nullptr, &n, header.data(),
                        static_cast<int>(header.size())) != 1 ||
      EVP_EncryptUpdate(c.get(), bytes.data(), &n, bytes.data(), size) != 1 ||
      n != size || EVP_EncryptFinal_ex(c.get(), bytes.data() + n, &n) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG,
                          static_cast<int>(tag.size()), tag.data()) != 1)
    return Error{"cannot encrypt offline material"};
  return {};
}

bool AesSeal::open(const core::Digest &header, uint64_t chunk,
                   std::span<const uint8_t> sealed, const material::Tag &tag,
                   std::span<uint8_t> plain) {
  const FileKey key(secret_, header);
  const auto nonce = nonceOf(chunk);
  Cipher c(EVP_CIPHER_CTX_new());
  material::Tag expected = tag; // libcrypto wants it writable
  int n = 0;
  const int size = static_cast<int>(sealed.size());
  return c &&
         EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr,
                            key.bytes.data(), nonce.data()) == 1 &&
         EVP_DecryptUpdate(c.get(), nullptr, &n, header.data(),
                           static_cast<int>(header.size())) == 1 &&
         EVP_DecryptUpdate(c.get(), plain.data(), &n, sealed.data(), size) ==
             1 &&
         n == size &&
         EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG,
                             static_cast<int>(expected.size()),
                             expected.data()) == 1 &&
         EVP_DecryptFinal_ex(c.get(), plain.data() + n, &n) == 1;
}

} // namespace mpc::service

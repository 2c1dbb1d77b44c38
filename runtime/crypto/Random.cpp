//===- runtime/crypto/Random.cpp ------------------------------------------===//
#include "runtime/crypto/Random.h"

#include <cerrno>
#include <cstring>

#include <sys/random.h>

namespace mpc::crypto {

Status osRandom(std::span<uint8_t> out) {
  while (!out.empty()) {
    ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR)
        continue;
      return Error{std::string("getrandom failed: ") + std::strerror(errno)};
    }
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

bool equalTags(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return core::equalSecrets(a, b);
}

Result<Key128> Key128::random() {
  std::array<uint8_t, kBytes> bytes;
  MPC_TRY(osRandom(bytes));
  Key128 key(bytes);
  core::wipe(bytes.data(), kBytes);
  return key;
}

} // namespace mpc::crypto

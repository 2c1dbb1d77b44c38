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
  if (a.size() != b.size())
    return false;
  // volatile: the loop may not stop at the first difference.
  volatile uint8_t diff = 0;
  for (size_t i = 0; i < a.size(); ++i)
    diff = diff | (a[i] ^ b[i]);
  return diff == 0;
}

Result<Key128> Key128::random() {
  std::array<uint8_t, kBytes> bytes;
  MPC_TRY(osRandom(bytes));
  Key128 key(bytes);
  core::wipe(bytes.data(), kBytes);
  return key;
}

} // namespace mpc::crypto

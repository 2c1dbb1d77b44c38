//===- tests/unit/crypto/CryptoTesting.h - helpers of these tests ---------===//
#pragma once

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/Hash.h"
#include "runtime/core/Ring.h"
#include "runtime/crypto/Aes.h"

namespace mpc::crypto {

inline std::array<uint8_t, 16> fromHex(std::string_view text) {
  std::array<uint8_t, 16> out{};
  for (size_t i = 0; i < 16; ++i)
    out[i] = static_cast<uint8_t>(
        std::stoi(std::string(text.substr(2 * i, 2)), nullptr, 16));
  return out;
}

inline Key128 keyOf(uint64_t seed) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &seed, sizeof seed);
  return Key128(bytes);
}

inline std::string hexOf(const void *p, size_t n) {
  return core::hex({static_cast<const uint8_t *>(p), n});
}

inline std::vector<Block> randomBlocks(std::mt19937_64 &rng, size_t n) {
  std::vector<Block> out(n);
  for (Block &b : out)
    b = {rng(), rng()};
  return out;
}

inline bool same(const Block &a, const Block &b) {
  return a.lo == b.lo && a.hi == b.hi;
}

/// Pearson's statistic of the bytes against uniform, as standard deviations
/// from its mean of 255.
inline double byteDeviation(const std::vector<uint8_t> &bytes) {
  std::array<double, 256> count{};
  for (uint8_t b : bytes)
    ++count[b];
  double expected = static_cast<double>(bytes.size()) / 256, chi = 0;
  for (double c : count)
    chi += (c - expected) * (c - expected) / expected;
  return (chi - 255) / 22.583; // sqrt(2 * 255)
}

} // namespace mpc::crypto

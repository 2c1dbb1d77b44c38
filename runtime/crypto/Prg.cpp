//===- runtime/crypto/Prg.cpp ---------------------------------------------===//
#include "runtime/crypto/Prg.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>

#include "runtime/core/Hash.h"
#include "runtime/core/Ring.h"

namespace mpc::crypto {

Prg::Prg(Key128 key, AesLevel level)
    : key_(std::move(key)), cipher_(key_, level) {}

void Prg::counter(PrgAddress at, uint64_t firstBlock, void *out, size_t n,
                  uint64_t mask) const {
  constexpr uint64_t kLimit = uint64_t{1} << PrgAddress::kIndexBits;
  // Not an assertion: an address that wraps would hand out a mask twice, which
  // no build may do.
  if (!at.valid() || firstBlock > kLimit || n > kLimit - firstBlock) {
    std::fputs("error: PRG address out of range\n", stderr);
    std::abort();
  }
  Block start{(at.id << 48) | firstBlock,
              (uint64_t{static_cast<uint8_t>(at.purpose)} << 56) |
                  (uint64_t{at.slot} << 32) | (at.id >> 16)};
  if (cipher_.level() == AesLevel::Portable) // its context is not shared
    return AesCipher(key_, AesLevel::Portable).counter(start, out, n, mask);
  cipher_.counter(start, out, n, mask);
}

void Prg::generate(PrgAddress at, uint64_t first, std::span<uint64_t> out,
                   uint64_t mask) const {
  if (out.empty())
    return;
  uint64_t edge[2];
  if (first % 2) {
    counter(at, first / 2, edge, 1, mask);
    out[0] = edge[1];
    out = out.subspan(1);
    ++first;
  }
  counter(at, first / 2, out.data(), out.size() / 2, mask);
  if (out.size() % 2) {
    counter(at, first / 2 + out.size() / 2, edge, 1, mask);
    out.back() = edge[0];
  }
  core::wipe(edge, sizeof edge);
}

void Prg::words(PrgAddress at, uint64_t first, std::span<uint64_t> out) const {
  generate(at, first, out, ~uint64_t{0});
}

void Prg::words(PrgAddress at, uint64_t first, std::span<uint64_t> out,
                unsigned ringBits) const {
  generate(at, first, out, core::ringMask(ringBits));
}

void Prg::words(PrgAddress at, uint64_t first, std::span<uint32_t> out,
                unsigned ringBits) const {
  assert(ringBits <= 32);
  uint64_t wide[512];
  while (!out.empty()) {
    size_t n = std::min(out.size(), std::size(wide) - first % 2);
    generate(at, first, std::span(wide).first(n), core::ringMask(ringBits));
    for (size_t i = 0; i < n; ++i)
      out[i] = static_cast<uint32_t>(wide[i]);
    out = out.subspan(n);
    first += n;
  }
  core::wipe(wide, sizeof wide);
}

void Prg::bits(PrgAddress at, uint64_t firstBit, uint64_t nBits,
               std::span<uint64_t> out) const {
  size_t nWords = nBits / 64 + (nBits % 64 != 0);
  assert(out.size() >= nWords);
  if (nWords == 0)
    return;
  out = out.first(nWords);
  words(at, firstBit / 64, out);
  if (unsigned shift = firstBit % 64) {
    uint64_t next;
    words(at, firstBit / 64 + nWords, {&next, 1});
    for (size_t i = 0; i < nWords; ++i) {
      uint64_t above = i + 1 < nWords ? out[i + 1] : next;
      out[i] = out[i] >> shift | above << (64 - shift);
    }
    core::wipe(&next, sizeof next);
  }
  if (nBits % 64)
    out.back() &= core::ringMask(nBits % 64);
}

void Prg::blocks(PrgAddress at, uint64_t firstBlock,
                 std::span<Block> out) const {
  counter(at, firstBlock, out.data(), out.size(), ~uint64_t{0});
}

Key128 Prg::subKey(uint64_t id, uint32_t slot) const {
  std::array<uint8_t, Key128::kBytes> bytes;
  counter({Purpose::SubKey, id, slot}, 0, bytes.data(), 1, ~uint64_t{0});
  Key128 key(bytes);
  core::wipe(bytes.data(), bytes.size());
  return key;
}

Key128 deriveKey(const Key128 &a, const Key128 &b,
                 std::span<const uint8_t> context) {
  // Fixed-size fields first: no two different inputs hash the same bytes.
  static constexpr uint8_t kLabel[16] = {'m', 'p', 'c', 'c', '-', 'k', 'e', 'y',
                                         '-', 'v', '1', 0,   0,   0,   0,   0};
  core::Sha256 hash;
  hash.update(kLabel).update(a.bytes()).update(b.bytes()).update(context);
  core::Digest digest = hash.finish();
  Key128 key(std::span<const uint8_t>(digest).first<Key128::kBytes>());
  core::wipe(digest.data(), digest.size());
  return key;
}

Key128 deriveKey(const Key128 &a, const Key128 &b, std::string_view context) {
  return deriveKey(a, b,
                   std::span(reinterpret_cast<const uint8_t *>(context.data()),
                             context.size()));
}

} // namespace mpc::crypto

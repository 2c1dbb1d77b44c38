//===- runtime/emu/Coins.cpp ----------------------------------------------===//
#include "runtime/emu/Coins.h"

#include <algorithm>

#include <bit>
#include <cassert>

namespace mpc::emu {
namespace {

uint64_t splitmix(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

} // namespace

void SeededCoins::coins(size_t instr, unsigned bits, std::span<uint64_t> out) {
  assert(bits >= 1 && bits <= 64);
  uint64_t state = seed_;
  state = splitmix(state) ^ instr;
  uint64_t s[4];
  for (uint64_t &w : s)
    w = splitmix(state);
  for (uint64_t &o : out) {
    o = std::rotl(s[1] * 5, 7) * 9 >> (64 - bits);
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
  }
}

void RecordedCoins::coins(size_t instr, unsigned, std::span<uint64_t> out) {
  const auto it = drawn_.find(static_cast<uint32_t>(instr));
  if (it == drawn_.end() || it->second.size() != out.size())
    missing_ = true;
  else
    std::copy(it->second.begin(), it->second.end(), out.begin());
}

} // namespace mpc::emu

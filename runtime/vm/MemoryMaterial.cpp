//===- runtime/vm/MemoryMaterial.cpp --------------------------------------===//
#include "runtime/vm/MemoryMaterial.h"

#include <algorithm>
#include <fmt/format.h>

namespace mpc::vm {
namespace {

/// Pages that are never touched cost nothing, so a block may stay part empty.
constexpr size_t kBlockBytes = size_t{64} << 20;

} // namespace

Status MemoryMaterial::put(size_t n, const Fill &fill) {
  if (n == 0)
    return {};
  if (blocks_.empty() || blocks_.back().bytes.size() - blocks_.back().used < n)
    blocks_.push_back(
        {core::SecretVector<uint8_t>(std::max(n, kBlockBytes)), 0});
  Block &b = blocks_.back();
  b.used += n;
  return fill(b.bytes.span().subspan(b.used - n, n));
}

Result<std::span<const uint8_t>> MemoryMaterial::take(size_t n) {
  if (n == 0)
    return std::span<const uint8_t>{};
  if (!blocks_.empty() && taken_ == blocks_.front().used) {
    blocks_.pop_front();
    taken_ = 0;
  }
  const size_t left = blocks_.empty() ? 0 : blocks_.front().used - taken_;
  if (n > left)
    return Error{fmt::format("{} bytes of offline material are left, {} are "
                             "needed",
                             left, n)};
  taken_ += n;
  return std::span<const uint8_t>(
      blocks_.front().bytes.span().subspan(taken_ - n, n));
}

} // namespace mpc::vm

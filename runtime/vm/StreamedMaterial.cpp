//===- runtime/vm/StreamedMaterial.cpp ------------------------------------===//
#include "runtime/vm/StreamedMaterial.h"

#include "runtime/plan/PlanTime.h"

#include <algorithm>
#include <fmt/format.h>

namespace mpc::vm {
Result<StreamedMaterial::Block *> StreamedMaterial::roomFor(size_t n) {
  std::lock_guard lock(mutex_);
  if (takerSaid_) {
    MPC_TRY(*takerSaid_);
    return Error{"the online phase has ended"};
  }
  if (blocks_.empty() || blocks_.back().bytes.size() - blocks_.back().used < n)
    // Pages that are never touched cost nothing, so it may stay part empty.
    blocks_.push_back(
        {core::SecretVector<uint8_t>(std::max<size_t>(n, plan::kMaterialBlock)),
         0});
  return &blocks_.back();
}

Status StreamedMaterial::put(size_t n, const Fill &fill) {
  if (n == 0)
    return {};
  auto room = roomFor(n);
  if (!room)
    return room.error();
  // The taker frees a block only when a later one exists: this one stays.
  Block &b = **room;
  MPC_TRY(fill(b.bytes.span().subspan(b.used, n)));
  {
    std::lock_guard lock(mutex_);
    b.used += n;
  }
  changed_.notify_one();
  return {};
}

void StreamedMaterial::endPutting(Status status) {
  {
    std::lock_guard lock(mutex_);
    putterSaid_ = std::move(status);
  }
  changed_.notify_one();
}

void StreamedMaterial::endTaking(Status status) {
  std::lock_guard lock(mutex_);
  takerSaid_ = std::move(status);
}

Result<std::span<const uint8_t>> StreamedMaterial::take(size_t n) {
  if (n == 0)
    return std::span<const uint8_t>{};
  std::unique_lock lock(mutex_);
  size_t left = 0;
  changed_.wait(lock, [&] {
    if (blocks_.size() > 1 && taken_ == blocks_.front().used) {
      blocks_.pop_front();
      taken_ = 0;
    }
    left = blocks_.empty() ? 0 : blocks_.front().used - taken_;
    return left >= n || putterSaid_;
  });
  if (left < n) {
    MPC_TRY(*putterSaid_);
    return Error{fmt::format("{} bytes of offline material are left, {} are "
                             "needed",
                             left, n)};
  }
  taken_ += n;
  return std::span<const uint8_t>(
      blocks_.front().bytes.span().subspan(taken_ - n, n));
}

} // namespace mpc::vm

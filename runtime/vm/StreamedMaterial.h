//===- runtime/vm/StreamedMaterial.h - material between two threads -------===//
//
// What an evaluator keeps between the phases of one streamed session, the
// offline phase putting while the online phase takes: large blocks, filled and
// emptied front to back, each freed when it is used up. One thread puts, one
// takes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Secret.h"
#include "runtime/proto/Material.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace mpc::vm {

class StreamedMaterial final : public proto::MaterialStore,
                               public proto::MaterialSource {
public:
  /// Fails once the taker has ended, with what it said.
  Status put(size_t n, const Fill &fill) override;
  /// The putter's last word: all is there, or nothing more comes, and why.
  void endPutting(Status status);

  /// Waits until the bytes are there. Never across what two calls of put() put.
  Result<std::span<const uint8_t>> take(size_t n) override;
  /// The taker's last word: it needs nothing more, or why it failed.
  void endTaking(Status status);

private:
  struct Block {
    core::SecretVector<uint8_t> bytes;
    size_t used = 0; ///< filled
  };
  /// The back block, with room for n bytes; the putter's.
  Result<Block *> roomFor(size_t n);

  std::mutex mutex_; ///< guards all but the bytes
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  size_t taken_ = 0;                             ///< of the first block
  std::optional<Status> putterSaid_, takerSaid_; ///< at the end
};

} // namespace mpc::vm

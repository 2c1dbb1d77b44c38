//===- runtime/vm/MemoryMaterial.h - material kept in memory --------------===//
//
// What an evaluator keeps between the phases of one streamed session: large
// blocks, filled and emptied front to back, each freed when it is used up.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Secret.h"
#include "runtime/proto/Material.h"

#include <deque>

namespace mpc::vm {

class MemoryMaterial final : public proto::MaterialStore,
                             public proto::MaterialSource {
public:
  Status put(size_t n, const Fill &fill) override;
  /// Never across what two calls of put() put.
  Result<std::span<const uint8_t>> take(size_t n) override;

private:
  struct Block {
    core::SecretVector<uint8_t> bytes;
    size_t used = 0;
  };
  std::deque<Block> blocks_;
  size_t taken_ = 0; ///< of the first block
};

} // namespace mpc::vm

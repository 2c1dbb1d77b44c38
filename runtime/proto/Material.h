//===- runtime/proto/Material.h - the dealer's stream to the evaluators ---===//
//
// Offline material is one byte stream per evaluator, in plan order. The dealer
// puts, the evaluator takes; sizes follow from the plan, so neither is told
// any. Single-use: what was taken is gone. Between its offline and its online
// phase an evaluator keeps a stream of its own, also in plan order: the dealt
// bytes, or what it made of them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/core/Secret.h"

#include <cstdint>
#include <functional>
#include <span>

namespace mpc::proto {

/// Where a dealer puts the bytes for evaluator `party` (1 or 2).
class MaterialSink {
public:
  virtual ~MaterialSink() = default;
  virtual Status put(int party, core::SecretVector<uint8_t> bytes) = 0;
};

/// Where an evaluator keeps bytes of the offline phase.
class MaterialStore {
public:
  virtual ~MaterialStore() = default;
  /// Appends n bytes. `fill` writes them where they belong, in one call or in
  /// several of consecutive pieces.
  using Fill = std::function<Status(std::span<uint8_t>)>;
  virtual Status put(size_t n, const Fill &fill) = 0;
};

/// Where an evaluator takes its bytes from.
class MaterialSource {
public:
  virtual ~MaterialSource() = default;
  /// The next n bytes; they live until the next call.
  virtual Result<std::span<const uint8_t>> take(size_t n) = 0;
};

} // namespace mpc::proto

//===- runtime/emu/Emulator.h - a plan on plain values --------------------===//
//
// One process, no cryptography, exact: every register is an array of plain ring
// elements, and each op computes what the shares of the parties add up to,
// given the same coins. For debugging, for accuracy, as the oracle of the
// parties.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Npy.h"
#include "runtime/emu/Coins.h"
#include "runtime/plan/Plan.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mpc::emu {

struct EmulateOptions {
  unsigned threads = 0; ///< 0: one per CPU
  /// Compare every register with its declared range; see RangeReport.
  bool checkRanges = false;
  /// Called after each instruction with a result: plain ring elements, bits as
  /// 0 and 1. Planes of `digits` have no plain value: the span is empty.
  std::function<void(size_t instr, std::span<const uint64_t>)> observe;
};

/// Values that left what the plan declares of them:
///   every masked or additive register: |x| < 2^intBits (where intBits is the
///     ring, nothing is declared);
///   inputs of tables (spline, exp, fourier) and others with a `range`: [lo,
///     hi], up to kTableSlack ulps of rounding noise;
///   inputs of comparisons (maximum, relu, ...): what their window holds;
///   what an in_range refuses.
struct RangeReport {
  struct Violation {
    size_t instr = 0; ///< the reader, or what defines the register
    plan::Reg reg = 0;
    size_t element = 0;
    double value = 0, lo = 0, hi = 0;
    std::string mnemonic, location;
    std::string what; ///< "declared range", "domain of spline"
    /// How far the value lies outside [lo, hi].
    double excess() const;
    /// "'/fc1/Gemm' (trunc, %7): element 3 is 130.5, outside its declared range
    /// [-128, 128] by 2.5"
    std::string message() const;
  };
  std::optional<Violation> first; ///< in program order
  uint64_t total = 0;
  std::vector<uint64_t> byLocation; ///< indexed as Plan::locations
};

/// Truncations move a value by an ulp each.
inline constexpr int64_t kTableSlack = 8;

/// Inputs in plan order, public ones last; outputs in plan order, as
/// decodeOutput gives them. Precondition: the plan is verified. Errors name the
/// input, or the ONNX node of the instruction.
Result<std::vector<core::NpyArray>>
emulate(const plan::Plan &plan, const plan::Weights &weights,
        const std::vector<core::NpyArray> &inputs, CoinSource &coins,
        const EmulateOptions &options = {}, RangeReport *ranges = nullptr);

} // namespace mpc::emu

//===- runtime/plan/Encode.h - arrays as ring elements, and back ----------===//
//
// What a client does with its files before masking and after unmasking, and
// the emulator without masks: one place, so both treat a file alike. Arrays
// convert to the declared type where that loses nothing; everything else is an
// error that names the input.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

namespace mpc::plan {

/// Checks shape, type, NaN and infinity, the declared range; then
/// round(x * 2^frac), ties to even, mod 2^ring.
Result<std::vector<uint64_t>> encodeInput(const InputInfo &info,
                                          const core::NpyArray &array);

/// The ONNX type: float16 and double come as float32, integers and Booleans
/// exactly. A range of ring elements to signed, divided by 2^frac.
/// Precondition: as many elements as info.shape says.
core::NpyArray decodeOutput(const OutputInfo &info,
                            std::span<const uint64_t> elements);
/// The same for an output known at compile time.
core::NpyArray decodePublicOutput(const OutputInfo &info,
                                  std::span<const double> values);

/// What a client is told whose guard has failed.
std::string guardFailure();

/// The array, in the bound type, has the bytes the plan was compiled with.
Status checkBound(const BoundInfo &info, const core::NpyArray &array);

/// `array` as `to`, exactly, or an error that names the first element that is
/// no such number. NaN and infinities convert among float types.
Result<core::NpyArray> convertExactly(const core::NpyArray &array,
                                      core::DType to);

} // namespace mpc::plan

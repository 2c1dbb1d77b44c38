//===- runtime/pub/Open.h - a plan with its public inputs
//------------------===//
//
// What all parties know when a session starts becomes part of the plan they
// run. Client, P0, P1, P2 and the emulator call openPlan with the same bytes;
// from then on the session constants are constants like any other.
//
//   auto open = openPlan(plan, bytes);   // plan.open is empty: the plan itself
//   if (!open) return open.error();
//   run(*open);
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/plan/Plan.h"

namespace mpc::pub {

/// The plan with numbers in its session constants and in the outputs that only
/// public inputs decide; `bytes` as packInputs makes them. Not to be encoded:
/// its hash is not the plan's. Errors name the input or the ONNX node: a value
/// outside its declared range, an index outside its table.
Result<plan::Plan> openPlan(const plan::Plan &plan,
                            std::span<const uint8_t> bytes);

/// The public inputs as they travel: one after the other, in plan order, each
/// row-major in its declared type. `arrays` in plan order. Errors name the
/// input: a wrong shape, a value that is no number of the type.
Result<std::vector<uint8_t>> packInputs(const plan::Plan &plan,
                                        std::span<const core::NpyArray> arrays);

/// By public input, then one of all session constants: what the parties compare
/// to be sure that they run the same session.
std::vector<core::Digest> digests(const plan::Plan &opened,
                                  std::span<const uint8_t> bytes);
/// What digest `i` is of: "public input 'mask'".
std::string digestName(const plan::Plan &plan, size_t i);

} // namespace mpc::pub

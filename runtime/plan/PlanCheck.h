//===- runtime/plan/PlanCheck.h - complaints before they have a place -----===//
//
// Private to this folder. The verifier names the guilty part of a plan; the
// decoder turns that into a byte of the file, the assembler into a line of the
// text, verify() into an instruction's number.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

namespace mpc::plan {

/// File constants shared by encoder and decoder.
inline constexpr uint32_t kPlanVersion = 2;
/// No array of a plan has more elements: 8 bytes each still fit any size_t
/// arithmetic done with them, and a hostile plan is refused early.
inline constexpr int64_t kMaxElements = int64_t{1} << 36;
inline constexpr size_t kMaxRank = 16;
inline constexpr size_t kMaxName = 4096;

enum class Part : uint8_t {
  Header,
  Location,
  Input,
  Bound,
  Weight,
  Output,
  PublicOutput,
  Const,
  PublicInput,
  PublicInstr,
  Reg,
  Instr
};
inline constexpr size_t kParts = 12;
std::string_view name(Part part);

struct Complaint {
  Part part;
  size_t index;
  std::string message;
};

/// The first broken rule, if any.
std::optional<Complaint> check(const Plan &plan);

/// The first broken rule of the public section and the session constants;
/// tables are in order.
std::optional<Complaint> checkPublic(const Plan &plan);

/// Why an array of a plan cannot have this shape. Empty: it can.
std::string badShape(const core::Shape &shape);

/// What is wrong with one instruction by itself: operands and immediates are
/// known to exist. Empty: nothing.
std::string checkOp(const Plan &plan, const Instr &in);

} // namespace mpc::plan

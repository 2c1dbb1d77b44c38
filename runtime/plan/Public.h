//===- runtime/plan/Public.h - the public section of a plan ---------------===//
//
// Inputs that all three parties know when a session starts, and a straight-line
// program over them. Each party runs it for itself before anything is dealt
// (runtime/pub); what it computes fills the plan's session constants.
// Instruction i defines $i; `let` and `give` define nothing.
//
//   $0 = input index=0 : i64[1x8]
//   $1 = encode $0, frac=0 : i64[1x8] in [0, 1]
//   let $1, const=c3
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Npy.h"

#include <limits>

namespace mpc::plan {

enum class PublicOp : uint8_t {
#define PUBLIC_OP(Name, mnemonic, opcode, operands, imms, doc) Name = opcode,
#include "runtime/plan/PublicOps.def"
};

struct PublicOpInfo {
  PublicOp op;
  std::string_view name, mnemonic;
  int operands;                       ///< -1: any number (at least one)
  std::vector<std::string_view> imms; ///< as of PlanOpInfo
  std::string_view doc;
};
std::span<const PublicOpInfo> allPublicOps();
const PublicOpInfo *findPublicOp(uint8_t opcode);
const PublicOpInfo *findPublicOp(std::string_view mnemonic);
const PublicOpInfo &info(PublicOp op);
constexpr bool hasResult(PublicOp op) {
  return op != PublicOp::Let && op != PublicOp::Give;
}

enum class PublicElem : uint8_t { F32, I64, Bool };
std::string_view name(PublicElem e);
/// What an input of this type becomes.
PublicElem publicElemOf(core::DType t);

struct PublicType {
  PublicElem elem = PublicElem::I64;
  core::Shape shape;
  /// Of the result of `encode`, in the operand's unit: what every element must
  /// lie in. Infinite elsewhere.
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
  bool operator==(const PublicType &) const = default;
};

struct PublicInstr {
  PublicOp op;
  PublicType type;          ///< unset where there is no result
  std::vector<uint32_t> in; ///< numbers of earlier instructions
  std::vector<std::vector<int64_t>> imm;
  uint32_t loc = 0;
  bool operator==(const PublicInstr &) const = default;
  int64_t scalar(size_t i) const { return imm[i][0]; }
};

/// An input known to all parties. lo and hi are the declared range, which each
/// of them checks; they may be infinite.
struct PublicInputInfo {
  std::string name;
  core::DType dtype;
  core::Shape shape;
  double lo, hi;
  bool operator==(const PublicInputInfo &) const = default;
};

struct PublicSection {
  std::vector<PublicInputInfo> inputs;
  std::vector<PublicInstr> code;
  bool operator==(const PublicSection &) const = default;
  bool empty() const { return inputs.empty() && code.empty(); }
};

} // namespace mpc::plan

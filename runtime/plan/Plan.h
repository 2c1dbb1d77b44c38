//===- runtime/plan/Plan.h - the bytecode all parties execute -------------===//
//
// One public file for all parties: what is computed, never on what. A Plan is
// a list of instructions over typed registers, each written once; role-specific
// behaviour (deal at P0, begin/finish at P1 and P2) is in the ops. Exchanges
// are pending from their instruction to the next Flush: a result may be read
// only after it. Registers are freed after their last use, which the loader
// derives.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/core/Npy.h"
#include "runtime/core/Result.h"
#include "runtime/core/Shape.h"
#include "runtime/plan/Public.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpc::plan {

enum class PlanOp : uint8_t {
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  Name = opcode,
#include "runtime/plan/PlanOps.def"
};

struct PlanOpInfo {
  PlanOp op;
  std::string_view name, mnemonic;
  int operands; ///< -1: any number (at least one)
  std::vector<std::string_view>
      imms; ///< names; trailing '*': a list; "c:" prefix: constant
  bool exchange;
  std::string_view doc;
};
std::span<const PlanOpInfo> allPlanOps();
const PlanOpInfo *findPlanOp(uint8_t opcode);
const PlanOpInfo *findPlanOp(std::string_view mnemonic);
const PlanOpInfo &info(PlanOp op);
/// Output, flush, range and guard write no register.
constexpr bool hasResult(PlanOp op) {
  return op != PlanOp::Output && op != PlanOp::Flush && op != PlanOp::Range &&
         op != PlanOp::Guard;
}
/// Immediate i of an op takes a list (any length), or an index of a constant.
constexpr bool isList(std::string_view imm) { return imm.ends_with('*'); }
constexpr bool isConst(std::string_view imm) { return imm.starts_with("c:"); }
/// The name without its markers: "c:const" -> "const", "axes*" -> "axes".
constexpr std::string_view immName(std::string_view imm) {
  if (isConst(imm))
    imm.remove_prefix(2);
  if (isList(imm))
    imm.remove_suffix(1);
  return imm;
}

enum class Form : uint8_t { Masked = 1, Additive = 2, Bits = 3, Words = 4 };
std::string_view name(Form f);

using Reg = uint32_t;
inline constexpr Reg kNoReg = ~0u;

/// Type of a register. The value is x = X / 2^frac, |x| < 2^intBits, X signed
/// in `ring` bits; bits registers have ring 1. Words are masked by XOR.
struct RegInfo {
  Form form = Form::Masked;
  uint8_t ring = 64;
  int16_t frac = 0;
  int16_t intBits = 0;
  core::Shape shape;
  bool operator==(const RegInfo &) const = default;
  int64_t numel() const;
};

struct Instr {
  PlanOp op;
  Reg out = kNoReg; ///< kNoReg for output and flush
  std::vector<Reg> in;
  std::vector<std::vector<int64_t>> imm; ///< one list per immediate of the op
  uint32_t loc = 0;                      ///< index into Plan::locations
  bool operator==(const Instr &) const = default;
  int64_t scalar(size_t i) const { return imm[i][0]; }
};

/// Public constants: signed integers, already scaled by 2^frac. The numbers of
/// a session constant come from the public section when a session starts; in
/// the plan it has none.
struct ConstInfo {
  core::Shape shape;
  std::vector<int64_t> data;
  bool session = false;
  bool operator==(const ConstInfo &) const = default;
};

/// A client input. Reals are encoded as round(x * 2^frac); integers have
/// frac 0. lo and hi are the declared range the client checks.
struct InputInfo {
  std::string name;
  core::DType dtype; ///< what the user's file holds, in ONNX's terms
  core::Shape shape;
  uint8_t ring;
  int16_t frac;
  double lo, hi;
  bool operator==(const InputInfo &) const = default;
};
/// An input fixed at compile time; a file for it must equal `sha256` of its
/// row-major bytes in `dtype`.
struct BoundInfo {
  std::string name;
  core::DType dtype;
  core::Shape shape;
  core::Digest sha256;
  bool operator==(const BoundInfo &) const = default;
};
struct WeightInfo {
  std::string name;
  core::Shape shape;
  uint8_t ring;
  int16_t frac;
  Form form = Form::Masked; ///< or Words: how the owner masks it
  bool operator==(const WeightInfo &) const = default;
};
struct OutputInfo {
  std::string name;
  core::DType dtype;
  core::Shape shape;
  uint8_t ring;
  int16_t frac;
  bool operator==(const OutputInfo &) const = default;
};

struct Plan {
  std::string name;
  std::vector<InputInfo> inputs;
  std::vector<BoundInfo> bound;
  std::vector<WeightInfo> weights;
  std::vector<OutputInfo> outputs;
  /// Outputs known at compile time (public): index into outputs, values.
  struct PublicOutput {
    uint32_t output;
    std::vector<double> values;
    bool operator==(const PublicOutput &) const = default;
  };
  std::vector<PublicOutput> publicOutputs;
  PublicSection open; ///< what all parties compute when a session starts
  std::vector<ConstInfo> consts;
  std::vector<RegInfo> regs;
  std::vector<Instr> code;
  std::vector<std::string> locations; ///< ONNX node names; [0] is ""

  bool operator==(const Plan &) const = default;

  /// The file's bytes: versioned header, sections, SHA-256 of everything.
  std::vector<uint8_t> encode() const;
  /// Decodes and verifies. Errors: "byte 0x1c4: 'mul' reads %9 before ...".
  static Result<Plan> decode(std::span<const uint8_t> bytes);
  static Result<Plan> load(const std::string &path);
  Status save(const std::string &path) const; ///< atomic
  /// SHA-256 of encode(): what parties compare before the first byte of data.
  core::Digest hash() const;

  /// Text, and back: disassemble(assemble(t)) == t.
  std::string disassemble() const;
  static Result<Plan> assemble(std::string_view text,
                               std::string_view fileName);
};

/// Every rule is listed at the top of PlanVerifier.cpp.
Status verify(const Plan &plan);

/// Index of the last instruction that reads each register (the defining one if
/// none does).
std::vector<uint32_t> lastUses(const Plan &plan);

/// The owner's encoded weights: signed integers reduced to the ring of each
/// WeightInfo. Bound to the plan by its hash; private (mode 0600).
struct Weights {
  core::Digest planHash;
  std::vector<std::vector<uint64_t>> tensors;
  Status save(const std::string &path) const;
  /// Errors: not a weights file, truncated, another plan's, checksum.
  static Result<Weights> load(const std::string &path, const Plan &plan);
};

} // namespace mpc::plan

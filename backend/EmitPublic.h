//===- backend/EmitPublic.h - the public section of a plan ----------------===//
//
// Private to this folder. Public values that are no constants become
// instructions of the plan's public section, each once, when somebody asks for
// them; where share-level ops read them they are session constants.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Infer.h"
#include "ir/Module.h"
#include "runtime/plan/Plan.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <map>

namespace mpc::backend {

class PublicEmitter {
public:
  /// `locOf`: the plan's location of an op; `dtypeOf`: what an input's file
  /// holds.
  PublicEmitter(const ir::Module &m, plan::Plan &plan,
                std::function<uint32_t(const ir::Op &)> locOf,
                std::function<core::DType(const ir::Op &)> dtypeOf)
      : m_(m), p_(plan), locOf_(std::move(locOf)),
        dtypeOf_(std::move(dtypeOf)) {}

  /// The instruction that computes v; an fx value as its encoded numbers.
  llvm::Expected<uint32_t> value(ir::ValueId v);
  /// Index of the session constant that holds v's numbers: encoded (fx) or as
  /// they are (i64), times `sign`, broadcast to `shape`.
  llvm::Expected<int64_t> constant(ir::ValueId v, int sign, ir::Dims shape);
  /// v is output `index` of the plan.
  llvm::Error give(ir::ValueId v, uint32_t index);

private:
  llvm::Expected<uint32_t> emit(ir::ValueId v, const ir::Op &op);
  uint32_t push(plan::PublicOp op, plan::PublicType type,
                std::vector<uint32_t> in, std::vector<std::vector<int64_t>> imm,
                const ir::Op &from);
  uint32_t literal(const ir::Op &op);
  uint32_t spread(uint32_t x, ir::Dims shape, const ir::Op &from);

  const ir::Module &m_;
  plan::Plan &p_;
  std::function<uint32_t(const ir::Op &)> locOf_;
  std::function<core::DType(const ir::Op &)> dtypeOf_;
  std::map<uint32_t, uint32_t> done_; ///< by value
  std::map<std::tuple<uint32_t, int, std::vector<int64_t>>, int64_t> consts_;
};

} // namespace mpc::backend

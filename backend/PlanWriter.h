//===- backend/PlanWriter.h - a plan under construction -------------------===//
//
// Private to this folder. Registers, instructions, shared constants, locations;
// a flush before the first reader of a result that is still on its way.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "backend/Movement.h"
#include "ir/Module.h"
#include "runtime/plan/Plan.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace mpc::backend {

class PlanWriter {
public:
  using Imms = std::vector<std::vector<int64_t>>;
  using Regs = std::vector<plan::Reg>;

  explicit PlanWriter(const ir::Module &m);

  plan::Plan &plan() { return p_; }
  uint32_t locOf(const ir::Op &op);
  plan::Reg newReg(const ir::Type &t);
  plan::Reg reg(ir::ValueId v) const { return regs_[v.index]; }
  int64_t constant(plan::ConstInfo c);

  void push(plan::PlanOp op, plan::Reg out, Regs in, Imms imm,
            const ir::Op &from);
  /// The instruction that gives v.
  void def(ir::ValueId v, plan::PlanOp op, Regs in, Imms imm = {});
  /// Ends the round if `op` reads a result of an exchange. schedule-rounds has
  /// sorted by round.
  void beforeReading(const ir::Op &op);
  void flush();

private:
  void declareNothing(ir::ValueId v);
  bool isPartial(ir::ValueId v) const;

  const ir::Module &m_;
  plan::Plan p_;
  Regs regs_; ///< by value
  llvm::StringMap<uint32_t> locs_;
  llvm::DenseSet<uint32_t> partial_;    ///< see isPartial()
  std::vector<ir::ValueId> undeclared_; ///< partial ones of the next exchange
  llvm::DenseSet<uint32_t> pending_; ///< values of exchanges before the flush
};

} // namespace mpc::backend

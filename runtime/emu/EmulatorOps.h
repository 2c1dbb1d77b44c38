//===- runtime/emu/EmulatorOps.h - each op on plain elements --------------===//
//
// Private to this folder.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/emu/Coins.h"
#include "runtime/kernels/ThreadPool.h"
#include "runtime/plan/Plan.h"

namespace mpc::emu {

using Elements = std::vector<uint64_t>;
using View = std::span<const uint64_t>;

/// Where an instruction finds what it needs. Operands are reduced to their
/// rings.
struct OpContext {
  const plan::Plan &plan;
  const plan::Instr &in;
  size_t index; ///< of the instruction
  std::vector<View> args;
  CoinSource &coins;
  kernels::ThreadPool &pool;

  const plan::RegInfo &arg(size_t i) const { return plan.regs[in.in[i]]; }
  const plan::RegInfo &result() const { return plan.regs[in.out]; }
  const plan::ConstInfo &constant(size_t imm) const {
    return plan.consts[static_cast<size_t>(in.scalar(imm))];
  }
};

/// The result, reduced to its ring; empty for `digits`. Not for input, weight,
/// output, flush, range and guard, which need more than operands.
Result<Elements> evaluate(const OpContext &c);

} // namespace mpc::emu

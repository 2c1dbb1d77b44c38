//===- runtime/proto/Machine.h - state of one party at one instruction ----===//
//
// The registers of a party and the instruction it stands at; the base of
// Dealer and Evaluator. Local linear ops are written once against it: they act
// alike on each array a party holds, whatever its role.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"
#include "runtime/proto/Share.h"

#include <cassert>
#include <vector>

namespace mpc::kernels {
class ThreadPool;
}

namespace mpc::proto {

/// Receives the coins that make a run reproducible in the clear, for the test
/// harness only; shipped tools have none. One tap per party.
///   trunc: P1, low bits of a1 (after the zero share), an element each
///   spline, exp: P0, the low window - depth bits of l1 + l2
///   fourier: P0, the low window bits of l1 + l2
///   sign: P0, the low `drop` bits of l1 + l2
///   in_range: P0, the low coinBits() bits of l1 + l2, if there are any
class Tap {
public:
  virtual ~Tap() = default;
  virtual void coins(uint32_t instr, std::span<const uint64_t> values) = 0;
};

class Machine {
public:
  /// party: 0 dealer, 1 and 2 evaluators.
  Machine(const plan::Plan &plan, int party, kernels::ThreadPool &pool)
      : plan(plan), pool(pool), party(party), regs(plan.regs.size()),
        isStatic(plan.regs.size(), 0) {}
  Machine(const Machine &) = delete;
  Machine &operator=(const Machine &) = delete;

  const plan::Plan &plan;
  kernels::ThreadPool &pool;
  const int party;
  Tap *tap = nullptr;
  std::vector<Share> regs;

  /// An evaluator's offline pass: only what does not depend on inputs exists,
  /// that is b of masked registers, and a of those in isStatic.
  bool masksOnly = false;
  /// Registers that are weights, or local linear functions of weights only:
  /// their m is known before any input.
  std::vector<uint8_t> isStatic;

  /// Moves to an instruction.
  void at(uint32_t i) {
    index_ = i;
    instr_ = &plan.code[i];
  }
  uint32_t index() const { return index_; }
  const plan::Instr &instr() const { return *instr_; }
  int64_t imm(size_t i) const { return instr_->imm[i][0]; }
  const plan::ConstInfo &constant(size_t i) const {
    return plan.consts[static_cast<size_t>(imm(i))];
  }

  const plan::RegInfo &inInfo(size_t i) const {
    return plan.regs[instr_->in[i]];
  }
  const plan::RegInfo &outInfo() const { return plan.regs[instr_->out]; }
  const Share &in(size_t i) const { return regs[instr_->in[i]]; }
  Share &out() { return regs[instr_->out]; }
  size_t inSize(size_t i) const {
    return static_cast<size_t>(inInfo(i).numel());
  }
  size_t outSize() const { return static_cast<size_t>(outInfo().numel()); }

  bool isDealer() const { return party == 0; }
  /// Whether this party holds array i (0: a, 1: b) of a register.
  bool holds(plan::Reg r, int i) const {
    const plan::Form f = plan.regs[r].form;
    if (f == plan::Form::Additive)
      return i == 0 && !isDealer() && !masksOnly;
    return i == 1 || !masksOnly || isStatic[r];
  }
  /// Whether this party adds a public constant to array a.
  bool addsPublic(plan::Form f) const {
    return party == 1 || (party == 2 && f != plan::Form::Additive);
  }
  static Words &array(Share &s, int i) { return i == 0 ? s.a : s.b; }
  static const Words &array(const Share &s, int i) {
    return i == 0 ? s.a : s.b;
  }

private:
  const plan::Instr *instr_ = nullptr;
  uint32_t index_ = 0;
};

} // namespace mpc::proto

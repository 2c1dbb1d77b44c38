//===- runtime/plan/OpCheck.h - one instruction by itself -----------------===//
//
// Private to this folder: VerifyOps.cpp has the switch over the ops,
// VerifyTables.cpp what tables, comparisons and selections ask.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/InstrCheck.h"

namespace mpc::plan {

class OpCheck : InstrCheck {
public:
  OpCheck(const Plan &p, const Instr &in)
      : InstrCheck('%', in.in, in.out), p_(p), instr_(in) {}

  std::string run();

private:
  /// Bits that an in_range gives and a guard takes.
  static constexpr int64_t kGuardBits = 64;

  const RegInfo &arg(size_t i) const { return p_.regs[instr_.in[i]]; }
  const RegInfo &out() const { return p_.regs[instr_.out]; }
  int64_t imm(size_t i) const { return instr_.imm[i][0]; }
  const ConstInfo &constant(size_t i) const {
    return p_.consts[static_cast<size_t>(imm(i))];
  }

  const Shape &argShape(size_t i) const override { return arg(i).shape; }
  const Shape &outShape() const override { return out().shape; }

  void form(size_t i, Form want);
  void linear(size_t i);
  void notWords(size_t i);
  void result(Form want);
  void resultForm(Form want, unsigned ring);
  /// The result has operand 0's form, ring and shape.
  void likeOperand(bool shape = true);
  void sameRing();
  void sameForm();
  void sameShape();
  void broadcast(const Shape &a, const Shape &b);
  void range(size_t i, int64_t lo, int64_t hi);
  void window(size_t i, int64_t lo, int64_t hi);

  void input();
  void weight();
  void output();
  void matmul(size_t first, int64_t sizeA, int64_t sizeB);
  void concat();
  void take();
  void extend();

  // VerifyTables.cpp
  void table(); ///< masked to additive, element by element
  void spline();
  void exp();
  void fourier();
  /// Immediates and operand of digits and sign; x: which operand is compared.
  void comparison(size_t x);
  Shape planes(const Shape &x) const;
  void oneHot(Form want);
  void selectWords();
  void fromWords();
  void inRange();

  const Plan &p_;
  const Instr &instr_;
};

} // namespace mpc::plan

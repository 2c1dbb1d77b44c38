//===- tests/unit/proto/PlanBuilder.h - small plans in a few lines --------===//
//
// Integers in, integers out: inputs and outputs have frac 0 unless set.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Ring.h"
#include "runtime/plan/Plan.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

namespace mpc::test {

using core::Shape;
using plan::Form;
using plan::PlanOp;
using plan::Reg;
using Ints = std::vector<int64_t>;

class PlanBuilder {
public:
  PlanBuilder() { p_.locations = {"", "/test/Node"}; }

  Reg input(Shape shape, unsigned ring, int intBits = -1) {
    const double top = std::ldexp(1.0, static_cast<int>(ring) - 1);
    // The largest double below 2^63 that is whole.
    const double hi = ring > 53 ? std::nextafter(top, 0.0) - 1024 : top - 1;
    const auto index = static_cast<int64_t>(p_.inputs.size());
    p_.inputs.push_back({"x" + std::to_string(index), core::DType::I64, shape,
                         static_cast<uint8_t>(ring), 0, -hi, hi});
    return op(PlanOp::Input, Form::Masked, ring, shape, {}, {{index}}, intBits);
  }
  Reg weight(Shape shape, unsigned ring, Form form = Form::Masked) {
    const auto index = static_cast<int64_t>(p_.weights.size());
    p_.weights.push_back({"w" + std::to_string(index), shape,
                          static_cast<uint8_t>(ring), 0, form});
    return op(PlanOp::Weight, form, ring, shape, {}, {{index}});
  }
  int64_t constant(Shape shape, Ints data) {
    p_.consts.push_back({std::move(shape), std::move(data)});
    return static_cast<int64_t>(p_.consts.size()) - 1;
  }
  Reg op(PlanOp o, Form form, unsigned ring, Shape shape, std::vector<Reg> in,
         std::vector<Ints> imms, int intBits = -1) {
    p_.regs.push_back(
        {form, static_cast<uint8_t>(ring), 0,
         static_cast<int16_t>(form == Form::Bits ? 1
                              : intBits < 0      ? static_cast<int>(ring)
                                                 : intBits),
         std::move(shape)});
    const Reg r = static_cast<Reg>(p_.regs.size()) - 1;
    p_.code.push_back({o, r, std::move(in), std::move(imms), 1});
    return r;
  }
  /// An op without a result.
  void note(PlanOp o, Reg r, std::vector<Ints> imms) {
    p_.code.push_back({o, plan::kNoReg, {r}, std::move(imms), 1});
  }
  void flush() { p_.code.push_back({PlanOp::Flush, plan::kNoReg, {}, {}, 0}); }
  /// Gives a register as an int64 output, whatever its form.
  void output(Reg r) {
    if (p_.regs[r].form == Form::Bits)
      r = op(PlanOp::FromBits, Form::Additive, 2, p_.regs[r].shape, {r}, {});
    if (p_.regs[r].form == Form::Additive)
      r = trunc(r, 0);
    const auto index = static_cast<int64_t>(p_.outputs.size());
    p_.outputs.push_back({"y" + std::to_string(index), core::DType::I64,
                          p_.regs[r].shape, p_.regs[r].ring, p_.regs[r].frac});
    p_.code.push_back({PlanOp::Output, plan::kNoReg, {r}, {{index}}, 1});
  }
  Reg trunc(Reg r, int64_t bits, bool rerandomize = true) {
    Reg t = op(PlanOp::Trunc, Form::Masked,
               p_.regs[r].ring - static_cast<unsigned>(bits), p_.regs[r].shape,
               {r}, {{bits}, {rerandomize}});
    flush();
    return t;
  }
  /// Two rounds: digits, sign.
  Reg sign(Reg x, int64_t window, int64_t drop, int64_t digit) {
    const int64_t q = (window - 1 + digit - 1) / digit;
    Shape planes{2 * q - 1};
    for (int64_t d : p_.regs[x].shape)
      planes.push_back(d);
    const std::vector<Ints> imms = {{window}, {drop}, {digit}};
    Reg p = op(PlanOp::Digits, Form::Bits, 1, planes, {x}, imms);
    flush();
    Reg s = op(PlanOp::Sign, Form::Bits, 1, p_.regs[x].shape, {p, x}, imms);
    flush();
    return s;
  }
  const plan::RegInfo &reg(Reg r) const { return p_.regs[r]; }

  plan::Plan done() const {
    Status ok = plan::verify(p_);
    if (!ok)
      FAIL("plan: " << ok.error().message);
    return p_;
  }

private:
  plan::Plan p_;
};

} // namespace mpc::test

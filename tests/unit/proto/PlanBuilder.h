//===- tests/unit/proto/PlanBuilder.h - small plans in a few lines --------===//
//
// Integers in, integers out: inputs and outputs have frac 0 unless set. For
// tests and benchmarks alike: no test framework here.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Ring.h"
#include "runtime/plan/Plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
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

  /// A plan that does not verify is a mistake of whoever built it.
  plan::Plan done() const {
    if (const Status ok = plan::verify(p_); !ok) {
      std::fprintf(stderr, "plan: %s\n", ok.error().message.c_str());
      std::abort();
    }
    return p_;
  }

private:
  plan::Plan p_;
};

inline plan::Weights weightsOf(const plan::Plan &plan,
                               const std::vector<Ints> &values) {
  plan::Weights w{plan.hash(), {}};
  for (size_t i = 0; i < values.size(); ++i) {
    w.tensors.emplace_back();
    for (int64_t v : values[i])
      w.tensors.back().push_back(core::fromSigned(v, plan.weights[i].ring));
  }
  return w;
}

/// n values |v| < 2^bits, the edges first; all of them within what an input of
/// ring bits + 1 may declare.
inline Ints values(size_t n, unsigned bits, uint64_t seed = 1) {
  const int64_t top = int64_t{1} << bits;
  const Ints edges = {0, 1, -1, top - 1, 1 - top, 2, -2};
  std::mt19937_64 gen(seed);
  Ints v;
  for (size_t i = 0; i < n; ++i) {
    const int64_t random =
        static_cast<int64_t>(gen() % static_cast<uint64_t>(2 * top)) - top;
    const int64_t edge = i < edges.size() ? edges[i] : random;
    v.push_back(std::clamp(edge, 1 - top, top - 1));
  }
  return v;
}

} // namespace mpc::test

//===- runtime/plan/PlanVerifier.cpp - what makes a plan executable -------===//
//
// Whatever runs a plan relies on these rules and checks none of them again.
//
// Tables
//   1. Location 0 is "" and locations are distinct. Names of inputs, bound and
//      public inputs are distinct and not empty; so are names of weights, of
//      outputs.
//   2. Shapes: rank <= 16, sizes >= 0, at most 2^36 elements. Rings: 1..64.
//   3. Registers: a bits register has ring 1 and frac 0; for others
//      intBits + frac + 1 <= ring, or intBits == ring: nothing is claimed.
//      frac and intBits are in [-128, 128].
//   4. Inputs: lo <= hi, both finite, and [lo, hi] * 2^frac fits the ring:
//      signed, or unsigned if lo >= 0. Integer and Boolean inputs and outputs
//      have frac 0.
//   5. Constants hold as many numbers as their shape says, outputs known at
//      compile time as well; session constants hold none.
// Data flow
//   6. Every register is written by exactly one instruction, before any reads
//      it. An op has the operands, immediates and result of its table row;
//      location, register and constant indices exist.
//   7. The result of an exchange is pending until the next flush; nothing reads
//      it before. A flush ends at least one exchange; none is pending at the
//      end.
//   8. Each input is loaded at most once (one mask, one value); each output is
//      given exactly once: by `output`, as a public output, or by `give`.
//   9. A result of `digits` is read by `sign` alone, with the same operand and
//      immediates.
// Operands: form, ring, shape (in VerifyOps.cpp, VerifyTables.cpp)
//  10. input, weight, output: type of the table entry; masked, a weight maybe
//      words.
//  11. add, sub, add_const, mul_const, mul: shapes broadcast to the result's;
//      add, sub: one form, masked or additive, and ring throughout. mul,
//      matmul: masked operands of one ring, additive result of that ring.
//  12. neg, shl: like the operand; shl bits < ring.
//  13. matmul, matmul_const: batch, m, k, n, strides >= 0; the last batch ends
//      inside each operand; the result has batch*m*n elements.
//  14. reduce_sum: axes ascending and in range; the result's shape is the
//      operand's with them removed or 1.
//  15. drop: a ring that is not larger. to_additive: masked to additive.
//  16. strided: every index read lies in the operand. concat: same form, ring,
//      and sizes but for the axis, which adds up. take: as many indices as
//      results, each -1 or inside the operand.
//  17. trunc: additive k to masked k - bits, 0 <= bits < k. extend: masked k
//      to masked K > k with intBits + frac + 2 <= k.
//  18. spline, exp: masked to additive, window <= operand's ring; parameters in
//      the ranges the kernels state; 2^depth * (degree + 1) coefficients.
//      fourier: likewise; rows of four coefficients; slope x must not need bits
//      above x's ring.
//  19. digits, sign: window >= 2, window + drop <= ring, at most 8 digits;
//      planes are bits [2q-1, n...].
//  20. bit_*: bits of one shape. from_bits: bits to additive. bit_mul: bits and
//      masked of one shape to additive of that ring.
//  21. one_hot: masked, window <= ring, 1 <= rows <= 2^window <= 2^20; result
//      additive [n..., rows].
//  22. one_hot_bits: as one_hot, result bits. select_words: bits [n..., rows]
//      and words [rows, d] to words [n..., d] of that ring. from_words: words
//      to additive of a ring that is not smaller. Nothing else takes words.
//  23. range: masked or additive, lo <= hi. in_range: masked to bits [64]; 1 to
//      32 links, 1 <= bits <= window <= ring, 63, shift < 2^window,
//      1 <= accepted < 2^bits. guard: bits [64]; at most one in a plan.
//  24. spline, fourier: coefficients are no session constant.
// Public section (in VerifyPublic.cpp)
//  25. Inputs: no NaN in the declared range, lo <= hi.
//  26. Operands are results of earlier instructions; operands, immediates,
//      element types and shapes fit the op's row of PublicOps.def. Numbers of a
//      bool constant are 0 or 1; a NaN has one form.
//  27. encode: frac in -128..128, a range without NaN, lo <= hi; the encoded
//      bounds fit 62 bits.
//  28. Each session constant is let exactly once, each output given at most
//      once, and not as a public output.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/PlanCheck.h"

#include "runtime/core/Ring.h"

#include <cmath>
#include <fmt/format.h>
#include <string_view>
#include <unordered_set>

namespace mpc::plan {
namespace {

std::string badRing(unsigned ring) {
  return core::isRingWidth(ring) ? ""
                                 : fmt::format("ring {} is not in 1..64", ring);
}

std::string badFrac(int frac) {
  return frac >= -128 && frac <= 128
             ? ""
             : fmt::format("frac {} is not in -128..128", frac);
}

std::string badDType(core::DType t, int frac) {
  if (!core::isFloat(t) && frac != 0)
    return fmt::format("frac {} for {}, which is exact", frac,
                       core::dtypeName(t));
  return {};
}

std::string badInput(const InputInfo &i) {
  for (std::string e : {badShape(i.shape), badRing(i.ring), badFrac(i.frac),
                        badDType(i.dtype, i.frac)})
    if (!e.empty())
      return e;
  if (!std::isfinite(i.lo) || !std::isfinite(i.hi) || i.lo > i.hi)
    return fmt::format("range [{}, {}] is empty or not finite", i.lo, i.hi);
  double top = std::ldexp(1.0, i.ring - (i.lo >= 0 ? 0 : 1));
  double lo = std::ldexp(i.lo, i.frac), hi = std::ldexp(i.hi, i.frac);
  // Half an ulp may round up.
  if (!(hi + 0.5 < top) || !(lo - 0.5 >= -top))
    return fmt::format("range [{}, {}] at frac {} exceeds ring {}", i.lo, i.hi,
                       i.frac, i.ring);
  return {};
}

std::string badReg(const RegInfo &r) {
  for (std::string e : {badShape(r.shape), badRing(r.ring), badFrac(r.frac),
                        badFrac(r.intBits)})
    if (!e.empty())
      return e;
  if (r.form == Form::Bits)
    return r.ring == 1 && r.frac == 0
               ? ""
               : fmt::format("bits<{},{}>: a bit has ring 1 and frac 0", r.ring,
                             r.frac);
  if (r.form != Form::Masked && r.form != Form::Additive &&
      r.form != Form::Words)
    return "unknown form";
  if (r.intBits != r.ring && r.intBits + r.frac + 1 > r.ring)
    return fmt::format("{}<{},{},{}>: {} integer, {} fraction bits and a sign "
                       "exceed ring {}",
                       name(r.form), r.ring, r.frac, r.intBits, r.intBits,
                       r.frac, r.ring);
  return {};
}

/// Rule 6's counts and indices.
std::string badOperands(const Plan &p, const Instr &in, const PlanOpInfo &op) {
  if (op.operands >= 0 ? in.in.size() != static_cast<size_t>(op.operands)
                       : in.in.empty())
    return fmt::format("takes {} operands, got {}",
                       op.operands >= 0 ? std::to_string(op.operands)
                                        : "one or more",
                       in.in.size());
  if (in.imm.size() != op.imms.size())
    return fmt::format("takes {} immediates, got {}", op.imms.size(),
                       in.imm.size());
  for (size_t i = 0; i < op.imms.size(); ++i) {
    if (!isList(op.imms[i]) && in.imm[i].size() != 1)
      return fmt::format("immediate '{}' is one number, got {}",
                         immName(op.imms[i]), in.imm[i].size());
    if (isConst(op.imms[i]) &&
        (in.imm[i][0] < 0 ||
         static_cast<uint64_t>(in.imm[i][0]) >= p.consts.size()))
      return fmt::format("constant c{} does not exist, there are {}",
                         in.imm[i][0], p.consts.size());
  }
  for (Reg r : in.in)
    if (r >= p.regs.size())
      return fmt::format("reads %{}, there are {} registers", r, p.regs.size());
  if (hasResult(in.op) && in.out >= p.regs.size())
    return fmt::format("writes %{}, there are {} registers", in.out,
                       p.regs.size());
  if (!hasResult(in.op) && in.out != kNoReg)
    return fmt::format("has no result, writes %{}", in.out);
  return {};
}

class Verifier {
public:
  explicit Verifier(const Plan &plan) : p_(plan) {}

  std::optional<Complaint> run() {
    if (!tables())
      return found_;
    definedAt_.assign(p_.regs.size(), kNowhere);
    roundOf_.assign(p_.regs.size(), 0);
    inputUsed_.assign(p_.inputs.size(), false);
    outputGiven_.assign(p_.outputs.size(), false);
    for (const Plan::PublicOutput &o : p_.publicOutputs)
      outputGiven_[o.output] = true;
    for (const PublicInstr &in : p_.open.code)
      if (in.op == PublicOp::Give) // checked by checkPublic
        outputGiven_[static_cast<size_t>(in.scalar(0))] = true;
    for (size_t i = 0; i < p_.code.size(); ++i)
      if (!instruction(i))
        return found_;
    ends();
    return found_;
  }

private:
  static constexpr size_t kNowhere = ~size_t{0};

  /// Records a complaint unless the message is empty; true: go on.
  bool ok(Part part, size_t index, std::string message) {
    if (message.empty())
      return true;
    found_ = Complaint{part, index, std::move(message)};
    return false;
  }

  bool unique(Part part, size_t i, const std::string &s,
              std::unordered_set<std::string_view> &seen) {
    if (s.empty() || s.size() > kMaxName)
      return ok(part, i,
                fmt::format("{} {} has no name or one that is too "
                            "long",
                            name(part), i));
    if (!seen.insert(s).second)
      return ok(part, i, fmt::format("two are called '{}'", s));
    return true;
  }

  template <class T>
  bool named(Part part, size_t i, const T &item, std::string message) {
    return ok(part, i,
              message.empty()
                  ? ""
                  : fmt::format("{} '{}': {}", name(part), item.name, message));
  }

  bool tables() {
    if (p_.name.size() > kMaxName)
      return ok(Part::Header, 0, "the plan's name is too long");
    if (p_.locations.empty() || !p_.locations[0].empty())
      return ok(Part::Location, 0, "location 0 must be the empty name");
    std::unordered_set<std::string_view> seen;
    for (size_t i = 1; i < p_.locations.size(); ++i)
      if (!unique(Part::Location, i, p_.locations[i], seen))
        return false;
    return io() && values();
  }

  bool io() {
    std::unordered_set<std::string_view> seen;
    for (size_t i = 0; i < p_.inputs.size(); ++i)
      if (!unique(Part::Input, i, p_.inputs[i].name, seen) ||
          !named(Part::Input, i, p_.inputs[i], badInput(p_.inputs[i])))
        return false;
    for (size_t i = 0; i < p_.bound.size(); ++i)
      if (!unique(Part::Bound, i, p_.bound[i].name, seen) ||
          !named(Part::Bound, i, p_.bound[i], badShape(p_.bound[i].shape)))
        return false;
    for (size_t i = 0; i < p_.open.inputs.size(); ++i)
      if (!unique(Part::PublicInput, i, p_.open.inputs[i].name, seen))
        return false;
    seen.clear();
    for (size_t i = 0; i < p_.weights.size(); ++i) {
      const WeightInfo &w = p_.weights[i];
      if (!unique(Part::Weight, i, w.name, seen))
        return false;
      for (std::string e :
           {badShape(w.shape), badRing(w.ring), badFrac(w.frac)})
        if (!named(Part::Weight, i, w, e))
          return false;
      if (w.form != Form::Masked && w.form != Form::Words &&
          !named(Part::Weight, i, w, "is neither masked nor words"))
        return false;
    }
    seen.clear();
    for (size_t i = 0; i < p_.outputs.size(); ++i) {
      const OutputInfo &o = p_.outputs[i];
      if (!unique(Part::Output, i, o.name, seen))
        return false;
      for (std::string e : {badShape(o.shape), badRing(o.ring), badFrac(o.frac),
                            badDType(o.dtype, o.frac)})
        if (!named(Part::Output, i, o, e))
          return false;
    }
    return publicOutputs();
  }

  bool publicOutputs() {
    std::vector<bool> given(p_.outputs.size(), false);
    for (size_t i = 0; i < p_.publicOutputs.size(); ++i) {
      const Plan::PublicOutput &o = p_.publicOutputs[i];
      std::string e;
      if (o.output >= p_.outputs.size())
        e = fmt::format("output {} does not exist", o.output);
      else if (given[o.output])
        e = fmt::format("output {} is given twice", o.output);
      else if (static_cast<int64_t>(o.values.size()) !=
               core::numel(p_.outputs[o.output].shape))
        e = fmt::format("output '{}' has {} values, shape {}",
                        p_.outputs[o.output].name, o.values.size(),
                        core::toString(p_.outputs[o.output].shape));
      if (!ok(Part::PublicOutput, i, e))
        return false;
      given[o.output] = true;
    }
    return true;
  }

  bool values() {
    for (size_t i = 0; i < p_.consts.size(); ++i) {
      const ConstInfo &c = p_.consts[i];
      std::string e = badShape(c.shape);
      if (e.empty() && c.session && !c.data.empty())
        e = "has numbers though it is the session's";
      if (e.empty() && !c.session &&
          core::numel(c.shape) != static_cast<int64_t>(c.data.size()))
        e = fmt::format("{} numbers for shape {}", c.data.size(),
                        core::toString(c.shape));
      if (!e.empty())
        return ok(Part::Const, i, fmt::format("constant c{}: {}", i, e));
    }
    for (size_t i = 0; i < p_.regs.size(); ++i)
      if (std::string e = badReg(p_.regs[i]); !e.empty())
        return ok(Part::Reg, i, fmt::format("register %{}: {}", i, e));
    found_ = checkPublic(p_);
    return !found_;
  }

  bool complain(size_t i, const std::string &message) {
    if (message.empty())
      return true;
    const Instr &in = p_.code[i];
    std::string from;
    if (in.loc != 0 && in.loc < p_.locations.size())
      from = fmt::format(" (from '{}')", p_.locations[in.loc]);
    return ok(Part::Instr, i,
              fmt::format("'{}' {}{}", info(in.op).mnemonic, message, from));
  }

  std::string badReads(size_t i) {
    const Instr &in = p_.code[i];
    for (Reg r : in.in) {
      if (definedAt_[r] == kNowhere)
        return fmt::format("reads %{} before it is written", r);
      const Instr &def = p_.code[definedAt_[r]];
      if (info(def.op).exchange && roundOf_[r] == round_)
        return fmt::format("reads %{} before the flush that ends its exchange",
                           r);
      if (def.op == PlanOp::Digits && in.op != PlanOp::Sign)
        return fmt::format("reads %{}, the planes of a 'digits': only 'sign' "
                           "may",
                           r);
    }
    if (in.op == PlanOp::Sign) {
      const Instr &def = p_.code[definedAt_[in.in[0]]];
      if (def.op != PlanOp::Digits || def.in[0] != in.in[1] ||
          def.imm != in.imm)
        return fmt::format("needs %{} to be the 'digits' of %{} with the same "
                           "window, drop and digit",
                           in.in[0], in.in[1]);
    }
    return {};
  }

  bool instruction(size_t i) {
    const Instr &in = p_.code[i];
    const PlanOpInfo *op = findPlanOp(static_cast<uint8_t>(in.op));
    if (!op)
      return ok(Part::Instr, i, "unknown opcode");
    if (in.loc >= p_.locations.size())
      return complain(i, fmt::format("is at location {}, there are {}", in.loc,
                                     p_.locations.size()));
    if (!complain(i, badOperands(p_, in, *op)) || !complain(i, badReads(i)) ||
        !complain(i, checkOp(p_, in)))
      return false;
    if (in.op == PlanOp::Flush) {
      if (pending_ == 0)
        return complain(i, "ends no exchange");
      pending_ = 0;
      ++round_;
    }
    size_t index =
        in.imm.empty()
            ? 0
            : static_cast<size_t>(in.imm[0].empty() ? 0 : in.imm[0][0]);
    if (in.op == PlanOp::Input) {
      if (inputUsed_[index])
        return complain(i, fmt::format("loads input {} a second time", index));
      inputUsed_[index] = true;
    }
    if (in.op == PlanOp::Output) {
      if (outputGiven_[index])
        return complain(i, fmt::format("gives output {} a second time", index));
      outputGiven_[index] = true;
    }
    if (in.op == PlanOp::Guard) {
      if (guarded_)
        return complain(i, "is the second one");
      guarded_ = true;
    }
    if (op->exchange)
      ++pending_;
    if (hasResult(in.op)) {
      if (definedAt_[in.out] != kNowhere)
        return complain(i, fmt::format("writes %{} a second time", in.out));
      definedAt_[in.out] = i;
      roundOf_[in.out] = round_;
    }
    return true;
  }

  void ends() {
    size_t last = p_.code.empty() ? 0 : p_.code.size() - 1;
    if (pending_ != 0) {
      ok(Part::Instr, last,
         fmt::format("the plan ends with {} exchanges that "
                     "no flush follows",
                     pending_));
      return;
    }
    for (size_t i = 0; i < p_.regs.size(); ++i)
      if (definedAt_[i] == kNowhere) {
        ok(Part::Reg, i, fmt::format("register %{} is never written", i));
        return;
      }
    for (size_t i = 0; i < p_.outputs.size(); ++i)
      if (!outputGiven_[i]) {
        ok(Part::Output, i,
           fmt::format("output '{}' is never given", p_.outputs[i].name));
        return;
      }
  }

  const Plan &p_;
  std::optional<Complaint> found_;
  std::vector<size_t> definedAt_;
  std::vector<size_t> roundOf_; ///< of the definition
  std::vector<bool> inputUsed_, outputGiven_;
  size_t round_ = 0, pending_ = 0;
  bool guarded_ = false;
};

} // namespace

std::string badShape(const core::Shape &shape) {
  if (shape.size() > kMaxRank)
    return fmt::format("rank {} exceeds {}", shape.size(), kMaxRank);
  std::optional<int64_t> n = core::checkedNumel(shape);
  if (!n || *n > kMaxElements)
    return fmt::format("shape {} is negative or has more than 2^36 elements",
                       core::toString(shape));
  // Strides are products of the sizes, zero sizes counted as 1.
  for (int64_t d : shape)
    if (d > kMaxElements)
      return fmt::format("size {} exceeds 2^36", d);
  return {};
}

std::string_view name(Part part) {
  switch (part) {
  case Part::Header:
    return "plan";
  case Part::Location:
    return "location";
  case Part::Input:
    return "input";
  case Part::Bound:
    return "bound input";
  case Part::Weight:
    return "weight";
  case Part::Output:
    return "output";
  case Part::PublicOutput:
    return "public output";
  case Part::Const:
    return "constant";
  case Part::PublicInput:
    return "public input";
  case Part::PublicInstr:
    return "public instruction";
  case Part::Reg:
    return "register";
  case Part::Instr:
    return "instruction";
  }
  return "unknown part";
}

std::optional<Complaint> check(const Plan &plan) {
  return Verifier(plan).run();
}

Status verify(const Plan &plan) {
  std::optional<Complaint> c = check(plan);
  if (!c)
    return {};
  return Error{fmt::format("{} {}: {}", name(c->part), c->index, c->message)};
}

} // namespace mpc::plan

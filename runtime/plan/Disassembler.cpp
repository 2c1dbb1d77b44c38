//===- runtime/plan/Disassembler.cpp - a plan as text ---------------------===//
//
//   plan "bert"                                                 version 2
//   location '/fc1/Gemm'
//   input "x" float32[1x8] ring 44 frac 12 range [-8, 8]
//   bound "mask" bool[1x8] sha256 9f86...
//   public_input "positions" int64[1x8] range [0, 7]
//   weight "w" [8x4] ring 44 frac 12
//   output "y" float32[1x4] ring 44 frac 12
//   public 0 = 1.5 2
//   const c0 [4] = 1 -2 3 4
//   const c1 [1x8] = session
//   $0 = input index=0 : i64[1x8]  ; '/Cos'
//   let $0, const=c1
//   %9 = mul %3, %4 : additive<44,30,6>[1x128x64]  ; '/layer.0/Mul'
//   %3 = trunc %2, bits=14, rerandomize=0 : masked<30,12,6>[4]
//   output %3, index=0
//   flush
//
// Tables come in the plan's order and are numbered from 0 (locations from 1).
// The location at the end of an instruction is part of the text.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/PlanText.h"

#include <fmt/format.h>
#include <iterator>

namespace mpc::plan {
namespace {

using Out = std::back_insert_iterator<std::string>;
constexpr auto shape = shapeText;

void instruction(Out o, const Plan &p, const Instr &in) {
  const PlanOpInfo &op = info(in.op);
  if (hasResult(in.op))
    fmt::format_to(o, "%{} = ", in.out);
  fmt::format_to(o, "{}", op.mnemonic);
  std::string_view sep = " ";
  for (Reg r : in.in) {
    fmt::format_to(o, "{}%{}", sep, r);
    sep = ", ";
  }
  for (size_t i = 0; i < op.imms.size(); ++i) {
    fmt::format_to(o, "{}{}=", sep, immName(op.imms[i]));
    if (isList(op.imms[i]))
      fmt::format_to(o, "[{}]", fmt::join(in.imm[i], " "));
    else
      fmt::format_to(o, "{}{}", isConst(op.imms[i]) ? "c" : "", in.imm[i][0]);
    sep = ", ";
  }
  if (hasResult(in.op)) {
    const RegInfo &r = p.regs[in.out];
    fmt::format_to(o, " : {}<{},{},{}>{}", name(r.form), r.ring, r.frac,
                   r.intBits, shape(r.shape));
  }
  if (in.loc != 0)
    fmt::format_to(o, "  ; {}", quoted(p.locations[in.loc], '\''));
  fmt::format_to(o, "\n");
}

} // namespace

std::string Plan::disassemble() const {
  std::string text;
  Out o(text);
  fmt::format_to(o, "plan {} version {}\n", quoted(name, '"'), kPlanVersion);
  for (size_t i = 1; i < locations.size(); ++i)
    fmt::format_to(o, "location {}\n", quoted(locations[i], '\''));
  for (const InputInfo &i : inputs)
    fmt::format_to(o, "input {} {}{} ring {} frac {} range [{}, {}]\n",
                   quoted(i.name, '"'), core::dtypeName(i.dtype),
                   shape(i.shape), i.ring, i.frac, i.lo, i.hi);
  for (const BoundInfo &b : bound)
    fmt::format_to(o, "bound {} {}{} sha256 {}\n", quoted(b.name, '"'),
                   core::dtypeName(b.dtype), shape(b.shape),
                   core::hex(b.sha256));
  for (const PublicInputInfo &i : open.inputs)
    fmt::format_to(o, "public_input {} {}{} range [{}, {}]\n",
                   quoted(i.name, '"'), core::dtypeName(i.dtype),
                   shape(i.shape), i.lo, i.hi);
  for (const WeightInfo &w : weights)
    fmt::format_to(o, "weight {} {} ring {} frac {}{}\n", quoted(w.name, '"'),
                   shape(w.shape), w.ring, w.frac,
                   w.form == Form::Words ? " words" : "");
  for (const OutputInfo &i : outputs)
    fmt::format_to(o, "output {} {}{} ring {} frac {}\n", quoted(i.name, '"'),
                   core::dtypeName(i.dtype), shape(i.shape), i.ring, i.frac);
  for (const PublicOutput &i : publicOutputs)
    fmt::format_to(o, "public {} = {}\n", i.output, fmt::join(i.values, " "));
  for (size_t i = 0; i < consts.size(); ++i)
    if (consts[i].session)
      fmt::format_to(o, "const c{} {} = session\n", i, shape(consts[i].shape));
    else
      fmt::format_to(o, "const c{} {} = {}\n", i, shape(consts[i].shape),
                     fmt::join(consts[i].data, " "));
  for (size_t i = 0; i < open.code.size(); ++i)
    printPublicInstr(text, *this, i);
  for (const Instr &in : code)
    instruction(o, *this, in);
  return text;
}

} // namespace mpc::plan

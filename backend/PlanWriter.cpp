//===- backend/PlanWriter.cpp ---------------------------------------------===//
#include "backend/PlanWriter.h"
#include "runtime/core/Ring.h"
#include <cmath>

using namespace mpc::ir;
using mpc::plan::PlanOp;
using mpc::plan::Reg;

namespace mpc::backend {

PlanWriter::PlanWriter(const Module &m)
    : m_(m), regs_(m.numValues(), plan::kNoReg) {
  p_.name = m.name();
  p_.locations.push_back("");
}

uint32_t PlanWriter::locOf(const Op &op) {
  if (op.loc.empty())
    return 0;
  auto [it, fresh] =
      locs_.try_emplace(op.loc, static_cast<uint32_t>(p_.locations.size()));
  if (fresh)
    p_.locations.push_back(op.loc);
  return it->second;
}

Reg PlanWriter::newReg(const Type &t) {
  plan::RegInfo r;
  r.shape = toShape(t.shape);
  r.form = t.form == Form::Masked     ? plan::Form::Masked
           : t.form == Form::Additive ? plan::Form::Additive
           : t.form == Form::Words    ? plan::Form::Words
                                      : plan::Form::Bits;
  r.ring = t.ring;
  r.frac = t.frac;
  // Where the range does not fit the ring only the residue means something.
  r.intBits = t.intBits + t.frac + 1 <= t.ring ? t.intBits : t.ring;
  if (r.form == plan::Form::Bits)
    r.ring = 1, r.frac = 0, r.intBits = 1;
  p_.regs.push_back(std::move(r));
  return static_cast<Reg>(p_.regs.size() - 1);
}

int64_t PlanWriter::constant(plan::ConstInfo c) {
  // Small constants repeat a lot (scales, centers): share them.
  if (c.data.size() <= 64)
    for (size_t i = 0; i < p_.consts.size(); ++i)
      if (p_.consts[i] == c)
        return static_cast<int64_t>(i);
  p_.consts.push_back(std::move(c));
  return static_cast<int64_t>(p_.consts.size() - 1);
}

void PlanWriter::push(PlanOp op, Reg out, Regs in, Imms imm, const Op &from) {
  p_.code.push_back({op, out, std::move(in), std::move(imm), locOf(from)});
}

void PlanWriter::def(ValueId v, PlanOp op, Regs in, Imms imm) {
  regs_[v.index] = newReg(m_.type(v));
  // Dropped bits may be the value's own: again only the residue counts, unless
  // the value is known to be smaller.
  const auto &range = m_.op(v).range;
  if (op == PlanOp::Drop &&
      m_.type(m_.op(v).operands[0]).intBits > m_.type(v).intBits &&
      !(range && std::max(std::fabs(range->first), std::fabs(range->second)) <
                     std::ldexp(1.0, m_.type(v).intBits)))
    p_.regs.back().intBits = m_.type(v).ring;
  push(op, regs_[v.index], std::move(in), std::move(imm), m_.op(v));
  if (plan::info(op).exchange)
    pending_.insert(v.index);
  if (isPartial(v)) {
    partial_.insert(v.index);
    if (plan::info(op).exchange)
      undeclared_.push_back(v); // read after the flush
    else
      declareNothing(v);
  }
}

void PlanWriter::declareNothing(ValueId v) {
  const unsigned ring = m_.type(v).ring;
  push(PlanOp::Range, plan::kNoReg, {reg(v)},
       {{core::ringMin(ring)}, {core::ringMax(ring)}}, m_.op(v));
}

/// One of several tables for parts of a domain, or made of nothing else: what
/// it gives outside its part is not chosen, so nothing is declared of it.
bool PlanWriter::isPartial(ValueId v) const {
  const Op &op = m_.op(v);
  if (op.type.form == Form::Bits)
    return false;
  if (op.hasAttr("partial"))
    return op.intAttr("partial") != 0;
  bool any = false;
  for (ValueId o : op.operands) {
    if (m_.type(o).isPublic() || m_.type(o).form == Form::Bits)
      continue;
    if (!partial_.contains(o.index))
      return false;
    any = true;
  }
  return any;
}

void PlanWriter::beforeReading(const Op &op) {
  for (ValueId o : op.operands)
    if (pending_.count(o.index))
      flush();
}

void PlanWriter::flush() {
  if (pending_.empty())
    return;
  p_.code.push_back({PlanOp::Flush, plan::kNoReg, {}, {}, 0});
  pending_.clear();
  for (ValueId v : undeclared_)
    declareNothing(v);
  undeclared_.clear();
}

} // namespace mpc::backend

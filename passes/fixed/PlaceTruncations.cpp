//===- passes/fixed/PlaceTruncations.cpp - rescalings become steps --------===//
//   %2 = fixed.rescale %1 : 34 -> 15 bits  ==>  fixed.trunc %1 {bits = 19}
//   %2 = fixed.rescale %1 : 15 -> 17 bits  ==>  fixed.shl %1 {bits = 2}
//   rescale(rescale(x))                    ==>  one step
// Stage: fixed, after approximate. quantize has put a rescaling where a value
// must lose its product's fraction bits; here it becomes the exchange that does
// it, at the same place.
// Tests: tests/lit/passes/place-truncations/
#include "passes/Pass.h"
#include "passes/Rewriter.h"

using namespace mpc::ir;

namespace mpc::passes {

llvm::Error placeTruncations(Module &m, Context &) {
  std::vector<uint32_t> uses = m.useCounts();
  rewriteEach(m, [&](ValueId v) -> std::optional<ValueId> {
    if (m.op(v).opcode != Opcode::FixedRescale)
      return std::nullopt;
    ValueId x = m.op(v).operands[0];
    // A truncation whose only reader truncates again: once, by the sum.
    if (m.op(x).opcode == Opcode::FixedTrunc && uses[x.index] == 1 &&
        m.type(v).frac < m.type(x).frac)
      x = m.op(x).operands[0];
    const int bits = m.type(x).frac - m.type(v).frac;
    if (bits == 0)
      return x;
    const Type type = m.type(v);
    const std::string loc = m.op(v).loc;
    const ValueId step = m.append(
        bits > 0 ? Opcode::FixedTrunc : Opcode::FixedShl, {x}, type, loc);
    m.op(step).setAttr("bits", static_cast<int64_t>(bits > 0 ? bits : -bits));
    uses.resize(m.numValues(), 0);
    uses[step.index] = uses[v.index];
    return step;
  });
  return llvm::Error::success();
}

} // namespace mpc::passes

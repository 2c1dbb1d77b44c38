//===- passes/tensor/FoldConstants.cpp - what is known is computed now ----===//
//   %2 = tensor.add %public, %public  ==>  constant public
//   %2 = tensor.mul %weight, %weight  ==>  constant weight
// Stage: tensor, after fold-masks (a mask that is folded into a weight could
// not be found any more). A subgraph of weights is evaluated in float on the
// owner's side and stays the owner's: the result is a weight.
// Refuses: results much larger than their operands, and mere movement of a
// weight that has other uses (two masked copies would cost more than a view).
// Tests: tests/lit/passes/fold-constants/
#include "ir/Eval.h"
#include "passes/Movement.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

constexpr int64_t kMaxPublicElements = 1 << 26;

bool worthFolding(const Module &m, const Op &op,
                  const std::vector<uint32_t> &uses) {
  if (op.type.isPublic())
    return op.type.numel() <= kMaxPublicElements;
  const bool moves = isMovement(op.opcode) || op.opcode == Opcode::Concat;
  int64_t operandElements = 0;
  for (ValueId o : op.operands) {
    if (moves && !m.type(o).isPublic() && uses[o.index] > 1)
      return false;
    operandElements += m.type(o).numel();
  }
  return op.type.numel() <= operandElements + 4096;
}

} // namespace

llvm::Error foldConstants(Module &m, Context &) {
  std::vector<uint32_t> uses = m.useCounts();
  auto fold = [&](ValueId v) -> llvm::Expected<std::optional<ValueId>> {
    const Op &op = m.op(v);
    std::vector<const ConstData *> operands;
    for (ValueId o : op.operands)
      if (const ConstData *c = m.constantOf(o))
        operands.push_back(c);
    if (op.operands.empty() || operands.size() != op.operands.size() ||
        !worthFolding(m, op, uses))
      return std::nullopt;
    llvm::Expected<ConstData> value = evalOp(m, op, operands);
    if (!value)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     "node '%s': %s", op.loc.c_str(),
                                     llvm::toString(value.takeError()).c_str());
    const Vis vis = op.type.vis;
    const std::string loc = op.loc;
    const ValueId c = m.constant(std::move(*value), vis, loc);
    uses.resize(m.numValues(), 0);
    uses[c.index] = uses[v.index];
    return c;
  };
  return tryRewriteEach(m, fold).takeError();
}

} // namespace mpc::passes

//===- passes/tensor/FoldScales.cpp - scales move into weights ------------===//
//   %2 = tensor.mul %x, %gamma      %2 = tensor.mul %gamma', %W    (weights
//   only) %3 = tensor.matmul %2, %W  ==>  %3 = tensor.matmul %x, %2
//   matmul(add(x, beta), W)    ==>  add(matmul(x, W), matmul(beta, W))
// Stage: tensor, before fold-constants, which then computes the new weights on
// the owner's side. A weight vector that scales or shifts the columns of a
// value read only by products with weight matrices (the gain and bias of a
// normalization before its projections) costs a product, a truncation and an
// extension of the whole activation; in the matrix it costs nothing.
// Refuses: when anything but such products reads the scaled value.
// Tests: tests/lit/passes/fold-scales/
#include "ir/Builder.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"

using namespace mpc::ir;

namespace mpc::passes {

llvm::Error foldConstants(Module &m, Context &ctx);

namespace {

class FoldScales {
public:
  explicit FoldScales(Module &m) : m_(m) {}

  bool run() {
    findFoldable();
    Rewriter rw(m_);
    for (ValueId v : rw.oldOrder()) {
      rw.remapOperands(v);
      if (std::optional<ValueId> r = rewrite(v))
        rw.replace(v, *r);
      else
        rw.keep(v);
    }
    rw.finish();
    return changed_;
  }

private:
  /// A constant of the owner's (or public) that varies along the last axis of
  /// `shape` only.
  bool isColumnVector(ValueId v, const Shape &shape) const {
    const Type &t = m_.type(v);
    return m_.constantOf(v) && t.elem == Elem::F32 && !t.shape.empty() &&
           t.numel() == shape.back() && t.shape.back() == shape.back();
  }
  bool isWeightMatrix(ValueId v) const {
    return m_.constantOf(v) && m_.type(v).rank() == 2 &&
           m_.type(v).vis == Vis::Weight;
  }

  /// Which operand of a mul or add is the vector, if the other one has the
  /// result's shape.
  std::optional<int> vectorOperand(const Op &op) const {
    if ((op.opcode != Opcode::Mul && op.opcode != Opcode::Add) ||
        op.type.elem != Elem::F32 || op.type.shape.empty())
      return std::nullopt;
    for (int i : {0, 1})
      if (isColumnVector(op.operands[i], op.type.shape) &&
          !m_.constantOf(op.operands[1 - i]) &&
          m_.type(op.operands[1 - i]).shape == op.type.shape)
        return i;
    return std::nullopt;
  }

  void findFoldable() {
    onlyProducts_.assign(m_.numValues(), true);
    for (const Output &o : m_.outputs())
      onlyProducts_[o.value.index] = false;
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      for (size_t i = 0; i < op.operands.size(); ++i)
        if (op.opcode != Opcode::MatMul || i != 0 ||
            !isWeightMatrix(op.operands[1]))
          onlyProducts_[op.operands[i].index] = false;
    }
  }

  std::optional<ValueId> rewrite(ValueId v) {
    const Op op = m_.op(v);
    if (op.opcode != Opcode::MatMul || !isWeightMatrix(op.operands[1]))
      return std::nullopt;
    const ValueId scaled = op.operands[0], w = op.operands[1];
    if (scaled.index >= onlyProducts_.size() || !onlyProducts_[scaled.index])
      return std::nullopt;
    const std::optional<int> i = vectorOperand(m_.op(scaled));
    if (!i)
      return std::nullopt;
    const Opcode kind = m_.op(scaled).opcode;
    const ValueId vec = m_.op(scaled).operands[*i],
                  x = m_.op(scaled).operands[1 - *i];
    const int64_t k = m_.type(w).shape[0];
    Builder build(m_, op.loc);
    changed_ = true;
    if (kind == Opcode::Mul) {
      const ValueId column = build.reshape(vec, {k, 1});
      return build.matmul(x, build.binary(Opcode::Mul, w, column));
    }
    const ValueId shift = build.matmul(build.reshape(vec, {1, k}), w);
    const ValueId row = build.reshape(shift, {m_.type(w).shape[1]});
    return build.binary(Opcode::Add, build.matmul(x, w), row);
  }

  Module &m_;
  std::vector<bool> onlyProducts_;
  bool changed_ = false;
};

} // namespace

llvm::Error foldScales(Module &m, Context &ctx) {
  // A normalization has a shift around its scale: peel one at a time, folding
  // the new weights so that the next round sees constants.
  while (FoldScales(m).run())
    if (llvm::Error e = foldConstants(m, ctx))
      return e;
  return llvm::Error::success();
}

} // namespace mpc::passes

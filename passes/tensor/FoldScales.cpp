//===- passes/tensor/FoldScales.cpp - scales move into weights ------------===//
//   matmul(mul(x, gamma), W)   ==>  matmul(x, mul(gamma', W))  (weights only)
//   matmul(add(x, beta), W)    ==>  add(matmul(x, W), matmul(beta, W))
//   mul(matmul(matmul(x, W), y), 0.3)  ==>  matmul(matmul(x, mul(W, 0.3)), y)
// Stage: tensor, before fold-constants, which then computes the new weights on
// the owner's side. A weight vector that scales or shifts the columns of a
// value read only by products with weight matrices (the gain and bias of a
// normalization before its projections) costs a product, a truncation and an
// extension of the whole activation; in the matrix it costs nothing. A number
// that scales a value (attention's 1/sqrt(d)) costs its bits in the rings of
// all that is multiplied before the next truncation; it moves against the flow,
// through what is linear, into a weight or a table that is multiplied anyway.
// Refuses: when anything else reads the scaled value, or what lies between the
// number and the weight; powers of two, which cost nothing; a matrix with other
// readers (it would be kept twice).
// Tests: tests/lit/passes/fold-scales/
#include "ir/Builder.h"
#include "passes/Movement.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include <cmath>

using namespace mpc::ir;

namespace mpc::passes {

llvm::Error foldConstants(Module &m, Context &ctx);

namespace {

class FoldScales {
public:
  explicit FoldScales(Module &m) : m_(m) {}

  bool run() {
    findFoldable();
    return rewriteEach(m_, [&](ValueId v) { return rewrite(v); });
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
    if (kind == Opcode::Mul) {
      const ValueId column = shaped(vec, {k, 1});
      return build.matmul(x, build.binary(Opcode::Mul, w, column));
    }
    const ValueId shift = build.matmul(shaped(vec, {1, k}), w);
    const ValueId row = build.reshape(shift, {m_.type(w).shape[1]});
    return build.binary(Opcode::Add, build.matmul(x, w), row);
  }

  /// A copy: a view of a vector with more readers would not be folded.
  ValueId shaped(ValueId vec, const Shape &shape) {
    ConstData data = *m_.constantOf(vec);
    data.shape = shape;
    return m_.constant(std::move(data), m_.type(vec).vis, m_.op(vec).loc);
  }

  Module &m_;
  std::vector<bool> onlyProducts_;
};

/// Moves numbers against the flow.
class FoldNumbers {
public:
  explicit FoldNumbers(Module &m) : m_(m), uses_(m.useCounts()) {}

  bool run() {
    return rewriteEach(m_, [&](ValueId v) { return rewrite(v); });
  }

private:
  static bool isPowerOfTwo(double c) {
    int exponent = 0;
    return std::fabs(std::frexp(c, &exponent)) == 0.5;
  }
  /// False for values made in this run, too.
  bool hasOneUse(ValueId v) const {
    return v.index < uses_.size() && uses_[v.index] == 1;
  }
  /// A constant that a product takes anyway: multiplied beforehand it is as
  /// cheap.
  bool isFactor(ValueId v) const {
    return m_.constantOf(v) && !m_.uniformConstant(v) &&
           (m_.type(v).isPublic() || hasOneUse(v));
  }

  std::optional<ValueId> rewrite(ValueId v) {
    const Op op = m_.op(v);
    if (op.opcode != Opcode::Mul || op.type.elem != Elem::F32)
      return std::nullopt;
    for (int i : {0, 1}) {
      const std::optional<double> c = m_.uniformConstant(op.operands[i]);
      const ValueId x = op.operands[1 - i];
      if (c && *c != 0 && !isPowerOfTwo(*c) && m_.type(x) == op.type &&
          absorbs(x))
        return scaled(x, *c);
    }
    return std::nullopt;
  }

  /// Whether c * v can be had by scaling constants before it.
  bool absorbs(ValueId v) const {
    const Op &op = m_.op(v);
    if (op.type.elem != Elem::F32 || op.type.isPublic() || !hasOneUse(v))
      return false;
    switch (op.opcode) {
    case Opcode::Mul:
    case Opcode::MatMul:
      return factorOf(op).has_value();
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Concat:
      return llvm::all_of(op.operands, [&](ValueId o) {
        return m_.constantOf(o) || absorbs(o);
      });
    case Opcode::Neg:
    case Opcode::ReduceSum:
      return absorbs(op.operands[0]);
    default:
      return isMovement(op.opcode) && absorbs(op.operands[0]);
    }
  }

  /// The operand of a product that takes the number.
  std::optional<int> factorOf(const Op &op) const {
    for (int i : {0, 1})
      if (isFactor(op.operands[i]))
        return i;
    for (int i : {0, 1})
      if (absorbs(op.operands[i]))
        return i;
    return std::nullopt;
  }

  ValueId scaled(ValueId v, double c) {
    const Op op = m_.op(v);
    if (m_.constantOf(v)) {
      Builder build(m_, op.loc);
      return build.binary(Opcode::Mul, v, build.scalar(c));
    }
    llvm::SmallVector<ValueId, 2> operands = op.operands;
    if (op.opcode == Opcode::Mul || op.opcode == Opcode::MatMul) {
      const int i = *factorOf(op);
      operands[i] = scaled(operands[i], c);
    } else {
      for (ValueId &o : operands)
        o = scaled(o, c);
    }
    const ValueId result = m_.append(op.opcode, operands, op.type, op.loc);
    m_.op(result).attrs = op.attrs;
    return result;
  }

  Module &m_;
  std::vector<uint32_t> uses_;
};

} // namespace

llvm::Error foldScales(Module &m, Context &ctx) {
  if (FoldNumbers(m).run())
    if (llvm::Error e = foldConstants(m, ctx))
      return e;
  // A normalization has a shift around its scale: peel one at a time, folding
  // the new weights so that the next round sees constants.
  while (FoldScales(m).run())
    if (llvm::Error e = foldConstants(m, ctx))
      return e;
  return llvm::Error::success();
}

} // namespace mpc::passes

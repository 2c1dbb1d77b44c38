//===- passes/tensor/Reassociate.cpp - what is late is multiplied last ----===//
//   mul(mul(a, late), w)  ==>  mul(mul(a, w), late)      (w is there earlier)
// Stage: tensor, after fold-scales (which takes w away where it can) and
// fuse-univariate (x * f(x) is one function, whatever else it is multiplied
// with). a * w is computed while `late` still is: an exchange less on the
// longest path. (A normalized row times its gain.)
// Refuses: when the inner product has other readers, scalar constants (they are
// free), and an order that shortens nothing.
// Tests: tests/lit/passes/reassociate/
#include "ir/Builder.h"
#include "passes/Movement.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include <algorithm>
#include <optional>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Rough number of exchanges an op takes; 0 for linear ones.
int steps(Opcode op) {
  switch (op) {
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Neg:
  case Opcode::ReduceSum:
  case Opcode::Concat:
  case Opcode::Cast:
    return 0;
  default:
    return isMovement(op) ? 0 : 1;
  }
}

class Reassociator {
public:
  explicit Reassociator(Module &m)
      : m_(m), uses_(m.useCounts()), depth_(m.numValues(), 0) {
    for (ValueId v : m.order())
      for (ValueId o : m.op(v).operands)
        depth_[v.index] =
            std::max(depth_[v.index], depth_[o.index] + steps(m.op(v).opcode));
  }

  /// The product that replaces v, if a better order exists.
  std::optional<ValueId> rewrite(ValueId v) {
    const Op op = m_.op(v);
    if (op.opcode != Opcode::Mul || op.type.elem != Elem::F32 ||
        op.type.isPublic())
      return std::nullopt;
    for (int i : {0, 1}) {
      const ValueId inner = op.operands[i], w = op.operands[1 - i];
      if (m_.op(inner).opcode != Opcode::Mul || !isOld(inner) || !isOld(w) ||
          uses_[inner.index] != 1 || m_.type(inner).isPublic() ||
          m_.uniformConstant(w))
        continue;
      for (int j : {0, 1}) {
        const ValueId late = m_.op(inner).operands[j],
                      a = m_.op(inner).operands[1 - j];
        if (m_.type(a).shape != op.type.shape || a == late ||
            m_.uniformConstant(a) || !isOld(late) || !isOld(a) ||
            depth_[late.index] <= std::max(depth_[a.index], depth_[w.index]))
          continue;
        Builder build(m_, op.loc);
        return build.binary(Opcode::Mul, build.binary(Opcode::Mul, a, w), late);
      }
    }
    return std::nullopt;
  }

private:
  /// False for values made in this sweep: the next one knows them.
  bool isOld(ValueId v) const { return v.index < depth_.size(); }

  Module &m_;
  std::vector<uint32_t> uses_;
  std::vector<int> depth_; ///< longest chain of exchanges up to a value
};

} // namespace

llvm::Error reassociate(Module &m, Context &) {
  for (bool changed = true; changed;) {
    Reassociator rules(m);
    changed = rewriteEach(m, [&](ValueId v) { return rules.rewrite(v); });
  }
  return llvm::Error::success();
}

} // namespace mpc::passes

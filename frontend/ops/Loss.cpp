//===- frontend/ops/Loss.cpp - losses of class scores ---------------------===//
//
// A secret class selects its score by comparisons with every class, so labels
// stay as secret as the scores.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace mpc::frontend::ops {

/// Losses from log-probabilities [N, C, d1, ...] and labels [N, d1, ...].
static ValueId likelihood(NodeReader &n, ValueId logProb) {
  ValueId target = n.in(1);
  const Shape s = n.shape(logProb);
  Shape expected = s;
  if (s.size() < 2) {
    n.fail("scores of shape " + shapeStr(s));
    return {};
  }
  expected.erase(expected.begin() + 1);
  if (n.shape(target) != expected) {
    n.fail("labels of shape " + shapeStr(n.shape(target)) +
           " for scores of shape " + shapeStr(s));
    return {};
  }
  const int64_t classes = s[1];
  Shape lanes = expected;
  lanes.insert(lanes.begin() + 1, 1);
  Shape column(s.size() - 1, 1);
  column[0] = classes;
  if (n.tooLarge(classes))
    return {};
  std::vector<int64_t> ids(classes);
  for (int64_t i = 0; i < classes; ++i)
    ids[i] = i;
  target = n.cast(target, Elem::I64);
  ValueId hit = n.cast(n.binary(Opcode::Equal, n.reshape(target, lanes),
                                n.ints(std::move(ids), column)),
                       Elem::F32);
  // An ignored label outside the classes hits none.
  const int64_t ignored = n.attrInt("ignore_index", 0);
  const bool ignores = n.hasAttr("ignore_index");
  ValueId weight; // of every label, if not one
  if (n.has(2))
    weight = n.mul(hit, n.reshape(n.in(2), column));
  if (ignores) {
    ValueId counts = n.cast(
        n.unary(Opcode::Not, n.binary(Opcode::Equal, n.reshape(target, lanes),
                                      n.ints({ignored}, {}))),
        Elem::F32);
    weight = n.mul(weight.valid() ? weight : hit, counts);
  }
  ValueId chosen = n.mul(weight.valid() ? weight : hit, logProb);
  ValueId loss =
      n.unary(Opcode::Neg, n.reduce(Opcode::ReduceSum, chosen, {1}, false));
  const std::string how = n.attrStr("reduction", "mean");
  if (how == "none")
    return loss;
  Shape all;
  llvm::append_range(all, llvm::seq<int64_t>(0, n.rank(loss)));
  ValueId sum = n.reduce(Opcode::ReduceSum, loss, all, false);
  if (how == "sum")
    return sum;
  if (how != "mean") {
    n.fail("attribute 'reduction' is " + how);
    return {};
  }
  if (!weight.valid())
    return n.mul(sum, 1.0 / std::max<int64_t>(n.numel(loss), 1));
  Shape every;
  llvm::append_range(every, llvm::seq<int64_t>(0, n.rank(weight)));
  return n.div(sum, n.reduce(Opcode::ReduceSum, weight, every, false));
}

void nllLoss(NodeReader &n) { n.out(likelihood(n, n.in(0))); }

void softmaxCrossEntropy(NodeReader &n) {
  if (n.rank(n.in(0)) < 2)
    return n.fail("scores of shape " + shapeStr(n.shape(n.in(0))));
  ValueId logProb = logSoftmaxOf(n, n.in(0), 1);
  n.out(0, likelihood(n, logProb));
  n.out(1, logProb);
}

} // namespace mpc::frontend::ops

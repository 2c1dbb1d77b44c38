//===- passes/tensor/FuseUnivariate.cpp - new activations for free --------===//
//   %1 = tensor.mul %x, 0.7071        %4 = tensor.map %x {expr =
//   %2 = tensor.erf %1           ==>        "mul(x,add(1,erf(mul(x,0.7071))))"}
//   %3 = tensor.add %2, 1
//   %4 = tensor.mul %x, %3
// Stage: tensor, after fold-masks. A maximal elementwise subgraph of ONE
// non-public tensor and uniform public constants that contains a smooth
// transcendental becomes one tensor.map with its expression kept, and is fitted
// as a whole: no list of activation names.
// An expression that has grown beyond kMaxNodes starts anew: the value it makes
// is the variable of the next map.
// Refuses: polynomials of x alone (products are cheaper), and functions with
// kinks (relu, max, comparisons: two-round comparisons are exact where a
// polynomial piece that straddles the kink is not).
// Tests: tests/lit/passes/fuse-univariate/
#include "ir/Builder.h"
#include "ir/Expr.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Written out; a chain like x + sin(x) doubles with each link.
constexpr size_t kMaxNodes = 256;

enum class Kind { Polynomial, Smooth, No };

Kind kindOf(Opcode op) {
  switch (op) {
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Mul:
  case Opcode::Neg:
    return Kind::Polynomial;
  case Opcode::Div:
  case Opcode::Pow:
  case Opcode::Exp:
  case Opcode::Log:
  case Opcode::Sqrt:
  case Opcode::Rsqrt:
  case Opcode::Recip:
  case Opcode::Erf:
  case Opcode::Tanh:
  case Opcode::Sigmoid:
  case Opcode::Atan:
  case Opcode::Sin:
  case Opcode::Cos:
  case Opcode::Map:
    return Kind::Smooth;
  default:
    return Kind::No;
  }
}

/// v as a function of one other value.
struct Univariate {
  ValueId source;
  Expr expr;
  bool smooth;      ///< contains a transcendental
  size_t nodes = 1; ///< of the expression, written out as a tree
};

/// An operand as a function of one value: itself if nothing better is known.
Univariate asFunction(const std::vector<std::optional<Univariate>> &fn,
                      ValueId v) {
  if (fn[v.index])
    return *fn[v.index];
  return {v, Expr::variable(), false, 1};
}

/// `fresh`: of its operands as they are, not of what they are functions of.
std::optional<Univariate>
describe(const Module &m, const std::vector<std::optional<Univariate>> &fn,
         ValueId v, bool fresh = false) {
  const Op &op = m.op(v);
  const Kind kind = kindOf(op.opcode);
  if (kind == Kind::No || op.type.isPublic() || op.type.elem != Elem::F32)
    return std::nullopt;
  std::optional<Univariate> result;
  llvm::SmallVector<Expr, 2> args;
  size_t nodes = 1;
  for (ValueId o : op.operands) {
    if (std::optional<double> c = m.uniformConstant(o)) {
      args.push_back(Expr::constant(*c));
      ++nodes;
      continue;
    }
    Univariate u =
        fresh ? Univariate{o, Expr::variable(), false, 1} : asFunction(fn, o);
    if (m.type(u.source).shape != op.type.shape ||
        m.type(u.source).elem != Elem::F32 ||
        (result && result->source != u.source))
      return std::nullopt;
    args.push_back(u.expr);
    nodes += u.nodes;
    const bool smooth = u.smooth || (result && result->smooth);
    result = std::move(u);
    result->smooth = smooth;
  }
  if (!result)
    return std::nullopt;
  if (op.opcode == Opcode::Map) {
    llvm::Expected<Expr> outer = Expr::parse(op.strAttr("expr"));
    if (!outer) {
      llvm::consumeError(outer.takeError());
      return std::nullopt;
    }
    nodes = result->nodes * outer->size();
    if (nodes > kMaxNodes && !fresh)
      return describe(m, fn, v, true);
    result->expr = outer->compose(args[0]);
  } else {
    if (nodes > kMaxNodes && !fresh)
      return describe(m, fn, v, true);
    result->expr = Expr::apply(op.opcode, args);
  }
  result->nodes = nodes;
  result->smooth |= kind == Kind::Smooth;
  return result;
}

} // namespace

llvm::Error fuseUnivariate(Module &m, Context &) {
  std::vector<std::optional<Univariate>> fn(m.numValues());
  for (ValueId v : m.order())
    fn[v.index] = describe(m, fn, v);

  // A fused value is computed if somebody outside its own fusion reads it: an
  // output, an op that is no function of the same source, or one that is but
  // stays a polynomial (which is not computed as a map).
  std::vector<bool> needed(m.numValues(), false);
  for (const Output &o : m.outputs())
    needed[o.value.index] = true;
  for (ValueId v : m.order())
    for (ValueId o : m.op(v).operands) {
      if (!fn[o.index])
        continue;
      const bool sameFusion = fn[v.index] && fn[v.index]->smooth &&
                              fn[v.index]->source == fn[o.index]->source;
      if (!sameFusion)
        needed[o.index] = true;
    }

  Rewriter rw(m);
  for (ValueId v : rw.oldOrder()) {
    rw.remapOperands(v);
    if (v.index < fn.size() && fn[v.index] && fn[v.index]->smooth &&
        needed[v.index]) {
      const ValueId source = rw.resolve(fn[v.index]->source);
      Builder build(m, m.op(v).loc);
      rw.replace(v, build.map(source, fn[v.index]->expr));
    } else {
      rw.keep(v);
    }
  }
  rw.finish();
  return llvm::Error::success();
}

} // namespace mpc::passes

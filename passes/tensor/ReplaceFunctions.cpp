//===- passes/tensor/ReplaceFunctions.cpp - what the user prefers ---------===//
//   %1 = tensor.map %0 {"mul(x,...erf...)"}  ==>  0.125 x^2 + 0.25 x + 0.5
//   %1 = tensor.softmax %0, mask             ==>  n / sum n,
//                                                 n = (mask (x + c))^2
//   %1 = tensor.map %0 {"tanh(x)"}           ==>  tensor.map %0 {"select(
//                                                 less(x,-2),-1,...)"}
// Stage: tensor, after functions are fused and scores packed, so that the float
// evaluator, calibration and everything after see the replaced model. Rules
// come from --approx (passes/Replacement.h); quad, 2quad and 2relu are those of
// MPCFormer (Li et al. 2023), with the user's numbers.
// Masked lanes are zero before they are squared or summed; a row without any
// live lane attends uniformly. 2quad is computed as (1 + x/c)^2, whose sums are
// near the number of lanes whatever c is.
// Errors: a rule that fits no function, with what there is; 2quad with a
// mask that is not bound and without eps; with outside = "error", a calibration
// sample beyond the pieces. Warning: an eps that is less than one unit in the
// last place of the sums. Tests: tests/lit/passes/replace-functions/
#include "ir/Builder.h"
#include "ir/Eval.h"
#include "passes/BroadcastConstant.h"
#include "passes/Rewriter.h"
#include "passes/Scale.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include <limits>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

using Kind = Replacement::Kind;
using Outside = Replacement::Outside;

template <class... T>
llvm::Error failure(const Replacement &r, const char *format, T &&...args) {
  return llvm::createStringError(
      llvm::inconvertibleErrorCode(), "%s: %s", r.place.c_str(),
      llvm::formatv(format, std::forward<T>(args)...).str().c_str());
}

Expr polynomial(const std::vector<double> &c, const Expr &x) {
  Expr sum = Expr::constant(c.back());
  for (size_t i = c.size() - 1; i-- > 0;)
    sum = Expr::apply(Opcode::Add, {Expr::constant(c[i]),
                                    Expr::apply(Opcode::Mul, {x, sum})});
  return sum;
}

double valueAt(const std::vector<double> &c, double x) {
  double y = 0;
  for (size_t i = c.size(); i-- > 0;)
    y = y * x + c[i];
  return y;
}

/// The pieces as one function: a chain of selects.
Expr functionOf(const Replacement &r) {
  const Expr x = Expr::variable();
  auto below = [&](double at, Expr yes, Expr no) {
    return Expr::apply(
        Opcode::Select,
        {Expr::apply(Opcode::Less, {x, Expr::constant(at)}), yes, no});
  };
  // What holds beyond an end.
  auto tail = [&](const Replacement::Piece &p, double at) {
    if (r.outside == Outside::Error)
      return Expr::constant(std::numeric_limits<double>::quiet_NaN());
    const double y = valueAt(p.coefficients, at);
    if (r.outside == Outside::Clip)
      return Expr::constant(y);
    std::vector<double> slope{0};
    for (size_t i = 1; i < p.coefficients.size(); ++i)
      slope.push_back(static_cast<double>(i) * p.coefficients[i]);
    slope.erase(slope.begin());
    const double d = slope.empty() ? 0 : valueAt(slope, at);
    return polynomial({y - d * at, d}, x);
  };
  const Replacement::Piece &first = r.pieces.front(), &last = r.pieces.back();
  // The last piece holds at its end too.
  Expr f = Expr::apply(Opcode::Select,
                       {Expr::apply(Opcode::Less, {Expr::constant(last.to), x}),
                        tail(last, last.to), polynomial(last.coefficients, x)});
  for (size_t i = r.pieces.size() - 1; i-- > 0;)
    f = below(r.pieces[i].to, polynomial(r.pieces[i].coefficients, x), f);
  return below(first.from, tail(first, first.from), f);
}

/// "Reciprocal" -> Recip: the IR's name of an ONNX operator.
std::optional<Opcode> opcodeOf(llvm::StringRef onnx) {
  if (onnx == "Reciprocal")
    return Opcode::Recip;
  for (const OpInfo &i : allOps())
    if (i.level == Level::Tensor && i.name.equals_insensitive(onnx))
      return i.opcode;
  return std::nullopt;
}

class ReplaceFunctions {
public:
  ReplaceFunctions(Module &m, Context &ctx) : m_(m), ctx_(ctx) {}

  llvm::Error run() {
    const std::vector<Replacement> &rules = ctx_.options.replacements;
    if (rules.empty())
      return llvm::Error::success();
    std::vector<std::optional<llvm::GlobPattern>> patterns;
    for (const Replacement &r : rules) {
      patterns.emplace_back();
      if (r.node.empty())
        continue;
      llvm::Expected<llvm::GlobPattern> p = llvm::GlobPattern::create(r.node);
      if (!p)
        return failure(r, "node = '{0}': {1}", r.node,
                       llvm::toString(p.takeError()));
      patterns.back() = std::move(*p);
    }
    for (const Replacement &r : rules)
      warnOfEps(r);

    std::vector<size_t> used(rules.size(), 0);
    auto replaced = tryRewriteEach(
        m_, [&](ValueId v) -> llvm::Expected<std::optional<ValueId>> {
          for (size_t i = 0; i < rules.size(); ++i)
            if (fits(rules[i], patterns[i], v)) {
              ++used[i];
              return replace(rules[i], v);
            }
          return std::nullopt;
        });
    if (!replaced)
      return replaced.takeError();
    for (size_t i = 0; i < rules.size(); ++i)
      if (used[i] == 0)
        return failure(rules[i], "no function fits this rule{0}; {1}",
                       i ? " that no rule before took" : "",
                       candidates(rules[i]));
    return checkDomains();
  }

private:
  bool isFunction(const Op &op) const {
    return op.operands.size() == 1 && !op.type.isPublic() &&
           op.type.elem == Elem::F32 &&
           m_.type(op.operands[0]).elem == Elem::F32 &&
           (op.opcode == Opcode::Map || isElementwise(op.opcode)) &&
           op.opcode != Opcode::Neg;
  }
  bool isCandidate(const Replacement &r, const Op &op) const {
    return r.ofSoftmax() ? op.opcode == Opcode::Softmax && !op.type.isPublic()
                         : isFunction(op);
  }

  std::string typeOf(const Op &op) const {
    auto it = ctx_.options.nodeTypes.find(op.loc);
    return it == ctx_.options.nodeTypes.end() ? "" : it->second;
  }

  bool fits(const Replacement &r,
            const std::optional<llvm::GlobPattern> &pattern, ValueId v) const {
    const Op &op = m_.op(v);
    if (!isCandidate(r, op) || (pattern && !pattern->match(op.loc)))
      return false;
    std::optional<Expr> f;
    if (op.opcode == Opcode::Map) {
      llvm::Expected<Expr> e = Expr::parse(op.strAttr("expr"));
      if (e)
        f = std::move(*e);
      else
        llvm::consumeError(e.takeError());
    }
    if (!r.contains.empty()) {
      const std::optional<Opcode> inner = opcodeOf(r.contains);
      if (!inner || !(f ? f->contains(*inner) : op.opcode == *inner))
        return false;
    }
    if (r.op.empty())
      return true;
    const std::string type = typeOf(op);
    if (!type.empty())
      return type == r.op || type == "com.microsoft." + r.op;
    const std::optional<Opcode> wanted = opcodeOf(r.op);
    return wanted &&
           (op.opcode == *wanted ||
            (f && wanted && isElementwise(*wanted) &&
             elementwiseArity(*wanted) == 1 &&
             f->str() == Expr::apply(*wanted, {Expr::variable()}).str()));
  }

  std::string candidates(const Replacement &r) const {
    constexpr int kShown = 8;
    std::string list;
    int n = 0;
    for (ValueId v : m_.order()) {
      const Op &op = m_.op(v);
      if (!isCandidate(r, op) || ++n > kShown)
        continue;
      list += "\n  '" + op.loc + "'";
      if (const std::string type = typeOf(op); !type.empty())
        list += " (" + type + ")";
      list += op.opcode == Opcode::Map ? " " + op.strAttr("expr").str()
                                       : " " + info(op.opcode).mnemonic.str();
    }
    if (n > kShown)
      list += "\n  ... and " + std::to_string(n - kShown) + " more";
    const char *what = r.ofSoftmax() ? "softmax" : "function";
    return n ? llvm::formatv("the model has these of the kind ({0}):{1}", what,
                             list)
                   .str()
             : llvm::formatv("the model has no {0} that is left", what).str();
  }

  void warnOfEps(const Replacement &r) {
    if (!r.ofSoftmax() || r.eps == 0)
      return;
    const double scale =
        r.kind == Kind::TwoQuad && r.shift != 0 ? r.shift * r.shift : 1;
    const double ulp =
        scale * std::ldexp(1.0, -static_cast<int>(ctx_.options.fracBits));
    if (r.eps < ulp)
      ctx_.diagnostics.warn(
          llvm::formatv("{0}: eps = {1} is less than one unit in the last "
                        "place of the sums, {2} (--frac-bits {3}): it may "
                        "vanish; a row whose terms are all zero then divides "
                        "by the least sum that calibration expects",
                        r.place, shortNumber(r.eps), shortNumber(ulp),
                        ctx_.options.fracBits)
              .str());
  }

  llvm::Expected<ValueId> replace(const Replacement &r, ValueId v) {
    const Op op = m_.op(v);
    Builder b(m_, op.loc);
    const ValueId x = op.operands[0];
    switch (r.kind) {
    case Kind::Pieces: {
      const ValueId y = b.map(x, functionOf(r));
      if (r.outside == Outside::Error)
        bounded_.push_back({y, &r});
      return y;
    }
    case Kind::Quad:
      return quadratic(r, b, x);
    case Kind::TwoQuad:
    case Kind::TwoRelu:
      return softmax(r, op, b);
    }
    llvm_unreachable("all kinds are handled");
  }

  ValueId quadratic(const Replacement &r, Builder &b, ValueId x) {
    // Products by public numbers wait for one truncation; those by 0 and 1 are
    // none. b x stays if nothing else depends on x.
    ValueId y;
    if (r.b != 0 || r.a == 0)
      y = r.b == 1 ? x : b.binary(Opcode::Mul, x, b.scalar(r.b));
    if (r.a != 0) {
      ValueId square = b.binary(Opcode::Mul, x, x);
      if (r.a != 1)
        square = b.binary(Opcode::Mul, square, b.scalar(r.a));
      y = y.valid() ? b.binary(Opcode::Add, square, y) : square;
    }
    return r.c == 0 ? y : b.binary(Opcode::Add, y, b.scalar(r.c));
  }

  // --- softmax --------------------------------------------------------------

  /// Public lanes as numbers, 0 in rows without any; and 1 in such rows.
  struct Lanes {
    ConstData live, empty;
    bool allLive = true, anyEmpty = false;
  };
  Lanes lanesOf(const Op &op) const {
    Lanes l;
    if (op.operands.size() < 2 || !m_.constantOf(op.operands[1]))
      return l;
    const ConstData mask =
        broadcastConstant(*m_.constantOf(op.operands[1]), op.type.shape);
    l.live = {Elem::F32, op.type.shape, {}, {}};
    l.live.floats.assign(mask.ints.begin(), mask.ints.end());
    l.empty = l.live;
    l.empty.floats.assign(mask.ints.size(), 0.0f);
    const int64_t axis = op.intAttr("axis"), n = op.type.shape[axis];
    int64_t step = 1;
    for (size_t i = axis + 1; i < op.type.shape.size(); ++i)
      step *= op.type.shape[i];
    std::vector<int64_t> rows{n};
    if (op.hasAttr("segments"))
      rows = op.intsAttr("segments").vec();
    for (int64_t i = 0, size = mask.numel(); i < size; ++i) {
      if (i / step % n != 0)
        continue;
      int64_t first = i;
      for (int64_t length : rows) {
        int64_t live = 0;
        for (int64_t k = 0; k < length; ++k)
          live += mask.ints[first + k * step];
        l.allLive &= live == length;
        l.anyEmpty |= live == 0;
        for (int64_t k = 0; live == 0 && k < length; ++k)
          l.empty.floats[first + k * step] = 1;
        first += length * step;
      }
    }
    return l;
  }

  /// n / sum of n over the rows.
  ValueId normalized(const Op &op, Builder &b, ValueId n, double eps) {
    const int64_t axis = op.intAttr("axis");
    const Expr reciprocal = Expr::apply(Opcode::Recip, {Expr::variable()});
    auto inverse = [&](ValueId sum) {
      if (eps != 0)
        sum = b.binary(Opcode::Add, sum, b.scalar(eps));
      return b.map(sum, reciprocal);
    };
    if (!op.hasAttr("segments"))
      return b.binary(Opcode::Mul, n,
                      inverse(b.reduce(Opcode::ReduceSum, n, {axis}, true)));
    const std::vector<int64_t> lengths = op.intsAttr("segments").vec();
    const int64_t longest = *llvm::max_element(lengths),
                  rows = static_cast<int64_t>(lengths.size()),
                  outer = m_.type(n).numel() / m_.type(n).shape.back();
    Shape square = m_.type(n).shape;
    square.back() = rows;
    square.push_back(longest);
    std::vector<int64_t> spread, back;
    int64_t next = 0;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t s = 0; s < rows; ++s)
        for (int64_t i = 0; i < longest; ++i) {
          spread.push_back(i < lengths[s] ? next++ : -1);
          if (i < lengths[s])
            back.push_back(o * rows + s);
        }
    const ValueId sum = b.reduce(
        Opcode::ReduceSum, b.take(n, std::move(spread), square), {-1}, false);
    return b.binary(Opcode::Mul, n,
                    b.take(inverse(sum), std::move(back), op.type.shape));
  }

  llvm::Expected<ValueId> softmax(const Replacement &r, const Op &op,
                                  Builder &b) {
    const bool late = op.operands.size() >= 2 && !m_.constantOf(op.operands[1]);
    const bool secretMask = op.operands.size() == 3;
    if ((secretMask || late) && r.eps == 0)
      return failure(r,
                     "node '{0}' has a mask that is not bound, which may leave "
                     "a row without lanes: give an eps, which such a row is "
                     "divided by",
                     op.loc);
    Lanes lanes = lanesOf(op);
    ValueId u = op.operands[0];
    double eps = r.eps;
    if (r.kind == Kind::TwoRelu) {
      u = b.unary(Opcode::Relu, u);
    } else if (r.shift != 0) {
      u = b.binary(Opcode::Add, b.binary(Opcode::Mul, u, b.scalar(1 / r.shift)),
                   b.scalar(1));
      eps /= r.shift * r.shift;
    }
    if (!lanes.allLive)
      u = b.binary(Opcode::Mul, u,
                   m_.constant(std::move(lanes.live), Vis::Public));
    if (late)
      u = b.binary(Opcode::Mul, u, b.cast(op.operands[1], Elem::F32));
    if (secretMask)
      u = b.select(op.operands[2], u, b.scalar(0));
    ValueId n = r.kind == Kind::TwoQuad ? b.binary(Opcode::Mul, u, u) : u;
    if (lanes.anyEmpty)
      n = b.binary(Opcode::Add, n,
                   m_.constant(std::move(lanes.empty), Vis::Public));
    return normalized(op, b, n, eps);
  }

  // --- domains --------------------------------------------------------------

  /// With outside = "error": no sample leaves the pieces.
  llvm::Error checkDomains() {
    if (bounded_.empty())
      return llvm::Error::success();
    for (const InputMap &sample : ctx_.options.samples) {
      std::vector<Range> seen(m_.numValues(),
                              {std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity()});
      auto outputs = evaluate(m_, sample, [&](ValueId v, const ConstData &c) {
        Range &r = seen[v.index];
        for (float x : c.floats)
          r = {std::min<double>(r.first, x), std::max<double>(r.second, x)};
      });
      if (!outputs)
        return outputs.takeError();
      for (const auto &[v, rule] : bounded_) {
        const Range x = seen[m_.op(v).operands[0].index];
        const double from = rule->pieces.front().from,
                     to = rule->pieces.back().to;
        if (x.first < from || x.second > to)
          return failure(*rule,
                         "outside = 'error': a calibration sample takes the "
                         "argument at node '{0}' to [{1}, {2}], the pieces "
                         "cover [{3}, {4}]",
                         m_.op(v).loc, shortNumber(x.first),
                         shortNumber(x.second), shortNumber(from),
                         shortNumber(to));
      }
    }
    return llvm::Error::success();
  }

  Module &m_;
  Context &ctx_;
  std::vector<std::pair<ValueId, const Replacement *>> bounded_;
};

} // namespace

llvm::Error replaceFunctions(Module &m, Context &ctx) {
  return ReplaceFunctions(m, ctx).run();
}

} // namespace mpc::passes

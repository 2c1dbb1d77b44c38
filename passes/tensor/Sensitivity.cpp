//===- passes/tensor/Sensitivity.cpp - a reverse sweep --------------------===//
#include "passes/tensor/Sensitivity.h"
#include "ir/Expr.h"
#include "ir/Infer.h"
#include "passes/tensor/Gradients.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <random>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Sweeps with different signs at the outputs.
constexpr int kProbes = 4;
/// A model with more multiplications than this is swept once.
constexpr double kManyMacs = 4e9;

double up(double x) {
  return x > 0 && std::isfinite(x) ? std::exp2(std::ceil(std::log2(x))) : x;
}

double sumOfSquares(llvm::ArrayRef<float> x) {
  double s = 0;
  for (float f : x)
    s += static_cast<double>(f) * f;
  return s;
}

class Sweep {
public:
  Sweep(const Module &m, Sensitivity &s) : m_(m), s_(s) {}

  llvm::Error forward(const InputMap &sample) {
    values_.resize(m_.numValues());
    auto outputs = evaluate(m_, sample, [&](ValueId v, const ConstData &c) {
      if (c.numel() > 0)
        s_.size[v.index] = up(
            std::sqrt(sumOfSquares(c.floats) / static_cast<double>(c.numel())));
      if (!m_.constantOf(v))
        values_[v.index] = c;
    });
    return outputs ? llvm::Error::success() : outputs.takeError();
  }

  /// Signs at the outputs, over their allowances; then everything backwards.
  llvm::Error backward(int probe,
                       const std::function<double(double)> &allowance) {
    grads_.assign(m_.numValues(), {});
    std::mt19937_64 rng(7);
    for (const Output &o : m_.outputs()) {
      const ConstData &y = at(o.value);
      if (y.elem != Elem::F32 || m_.type(o.value).isPublic())
        continue;
      const double n = static_cast<double>(std::max<int64_t>(y.numel(), 1));
      double mean = 0;
      for (float f : y.floats)
        mean += f / n;
      double variance = 0;
      for (float f : y.floats)
        variance += (f - mean) * (f - mean) / n;
      const double allowed = allowance(std::sqrt(variance));
      Floats g(y.floats.size());
      for (size_t i = 0; i < g.size(); ++i) {
        // Columns of a Hadamard matrix: elements i and j do not mix over the
        // probes unless they agree modulo their number.
        const bool flip = __builtin_parity(static_cast<unsigned>(probe) &
                                           static_cast<unsigned>(i % kProbes));
        const bool minus = (rng() >> 63) != 0;
        g[i] = static_cast<float>((flip != minus ? -1 : 1) /
                                  (std::sqrt(n) * allowed));
      }
      accumulate(o.value, g);
    }
    for (ValueId v : llvm::reverse(m_.order()))
      if (llvm::Error e = step(v))
        return e;
    return llvm::Error::success();
  }

private:
  const ConstData &at(ValueId v) const {
    const ConstData *c = m_.constantOf(v);
    return c ? *c : values_[v.index];
  }
  bool follows(ValueId v) const {
    return m_.type(v).elem == Elem::F32 && !m_.type(v).isPublic();
  }
  void accumulate(ValueId v, llvm::ArrayRef<float> g) {
    Floats &to = grads_[v.index];
    if (to.empty()) {
      to.assign(g.begin(), g.end());
      return;
    }
    for (size_t i = 0; i < to.size(); ++i)
      to[i] += g[i];
  }

  llvm::Error step(ValueId v) {
    const Op &op = m_.op(v);
    if (!follows(v))
      return opaqueOperands(op);
    Floats g = std::move(grads_[v.index]);
    grads_[v.index] = {};
    if (g.empty()) // nothing that is measured depends on it
      return opaqueOperands(op, isOpaque(op.opcode));
    for (float &x : g)
      if (!std::isfinite(x))
        x = 0;
    s_.white[v.index] += sumOfSquares(g);
    return pull(v, op, g);
  }

  static bool isOpaque(Opcode op) {
    switch (op) {
    case Opcode::Floor:
    case Opcode::Ceil:
    case Opcode::Round:
    case Opcode::Sign:
    case Opcode::Mod:
    case Opcode::Div:
    case Opcode::Pow:
    case Opcode::Cast:
    case Opcode::ReduceProd:
      return true;
    default:
      return false;
    }
  }
  llvm::Error opaqueOperands(const Op &op, bool yes = true) {
    if (yes)
      for (ValueId o : op.operands)
        s_.opaque[o.index] = true;
    return llvm::Error::success();
  }

  /// The gradient g of v's result, carried to its operands.
  llvm::Error pull(ValueId v, const Op &op, Floats &g) {
    auto to = [&](size_t i) { return follows(op.operands[i]); };
    auto x = [&](size_t i) -> const ConstData & { return at(op.operands[i]); };
    switch (op.opcode) {
    case Opcode::Input:
    case Opcode::Constant:
      break;
    case Opcode::Reshape:
      if (to(0))
        accumulate(op.operands[0], g);
      break;
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Concat:
    case Opcode::Broadcast:
    case Opcode::Pad:
    case Opcode::Take:
    case Opcode::Gather:
      return move(op, g);
    case Opcode::Neg:
      for (float &f : g)
        f = -f;
      accumulate(op.operands[0], g);
      break;
    case Opcode::Add:
    case Opcode::Sub:
      if (to(0))
        broadcastBack(op.operands[0], op, g);
      if (to(1)) {
        if (op.opcode == Opcode::Sub)
          for (float &f : g)
            f = -f;
        broadcastBack(op.operands[1], op, g);
      }
      break;
    case Opcode::Mul:
      for (size_t i : {0, 1})
        if (to(i))
          broadcastBack(op.operands[i], op,
                        product(g, spread(m_, x(1 - i), op.type.shape)));
      break;
    case Opcode::Max:
    case Opcode::Min: {
      const Floats a = spread(m_, x(0), op.type.shape),
                   b = spread(m_, x(1), op.type.shape);
      gate(op, 0, g, [&](size_t i) {
        return op.opcode == Opcode::Max ? a[i] >= b[i] : a[i] <= b[i];
      });
      gate(op, 1, g, [&](size_t i) {
        return op.opcode == Opcode::Max ? a[i] < b[i] : a[i] > b[i];
      });
      break;
    }
    case Opcode::Select: {
      ConstData c = x(0);
      c.elem = Elem::F32;
      c.floats.assign(c.ints.begin(), c.ints.end());
      c.ints.clear();
      const Floats on = spread(m_, c, op.type.shape);
      gate(op, 1, g, [&](size_t i) { return on[i] != 0; });
      gate(op, 2, g, [&](size_t i) { return on[i] == 0; });
      break;
    }
    case Opcode::Relu:
      gate(op, 0, g, [&](size_t i) { return x(0).floats[i] > 0; });
      break;
    case Opcode::Abs:
      for (size_t i = 0; i < g.size(); ++i)
        g[i] *= x(0).floats[i] < 0 ? -1 : 1;
      accumulate(op.operands[0], g);
      break;
    case Opcode::ReduceSum:
    case Opcode::ReduceMax:
    case Opcode::ReduceMin:
      reduce(v, op, g);
      break;
    case Opcode::Softmax:
      softmax(v, op, g);
      break;
    case Opcode::MatMul:
      return matmul(op, g);
    case Opcode::Map: {
      llvm::Expected<Expr> f = Expr::parse(op.strAttr("expr"));
      if (!f)
        return f.takeError();
      map(v, op, *f, g);
      break;
    }
    default:
      if (!isOpaque(op.opcode) && op.operands.size() == 1 &&
          elementwiseArity(op.opcode) == 1) {
        map(v, op, Expr::apply(op.opcode, {Expr::variable()}), g);
        break;
      }
      return opaqueOperands(op);
    }
    return llvm::Error::success();
  }

  // --- elementwise -----------------------------------------------------------

  static Floats product(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b) {
    Floats r(a.size());
    for (size_t i = 0; i < r.size(); ++i)
      r[i] = a[i] * b[i];
    return r;
  }
  template <class F> void gate(const Op &op, size_t i, const Floats &g, F on) {
    if (!follows(op.operands[i]))
      return;
    Floats r(g.size());
    for (size_t k = 0; k < g.size(); ++k)
      r[k] = on(k) ? g[k] : 0;
    broadcastBack(op.operands[i], op, r);
  }
  void broadcastBack(ValueId to, const Op &op, llvm::ArrayRef<float> g) {
    accumulate(to, summed(g, op.type.shape, m_.type(to).shape));
  }
  /// Slopes by central differences; where f has none, 0.
  void map(ValueId v, const Op &op, const Expr &f, Floats &g) {
    const Floats &x = at(op.operands[0]).floats, &y = at(v).floats;
    const size_t n = x.size();
    std::vector<double> lo(n), hi(n), below(n), above(n);
    for (size_t i = 0; i < n; ++i) {
      const double h = std::max(1e-3, std::fabs(double{x[i]})) * 1e-4;
      lo[i] = x[i] - h;
      hi[i] = x[i] + h;
    }
    f.evalMany(lo, below);
    f.evalMany(hi, above);
    double relative = 0;
    for (size_t i = 0; i < n; ++i) {
      relative += std::pow(static_cast<double>(g[i]) * y[i], 2);
      const double slope = (above[i] - below[i]) / (hi[i] - lo[i]);
      g[i] = std::isfinite(slope) ? static_cast<float>(g[i] * slope) : 0;
    }
    s_.relative[v.index] += relative;
    if (follows(op.operands[0]))
      accumulate(op.operands[0], g);
  }

  // --- movement --------------------------------------------------------------

  llvm::Error move(const Op &op, const Floats &g) {
    if (op.opcode == Opcode::Broadcast)
      return broadcastBack(op.operands[0], op, g), llvm::Error::success();
    const bool gather = op.opcode == Opcode::Gather;
    if (gather && m_.constantOf(op.operands[0])) {
      // A row that is looked up twice counts twice.
      s_.white[op.operands[0].index] += sumOfSquares(g);
      return llvm::Error::success();
    }
    auto pulled = movedBack(m_, op, gather ? &at(op.operands[1]) : nullptr, g);
    if (!pulled)
      return pulled.takeError();
    for (size_t i = 0; i < pulled->size(); ++i)
      if (follows(op.operands[i]))
        accumulate(op.operands[i], (*pulled)[i]);
    return llvm::Error::success();
  }

  // --- reductions, softmax ---------------------------------------------------

  void reduce(ValueId v, const Op &op, const Floats &g) {
    const ConstData &x = at(op.operands[0]), &y = at(v);
    Shape kept = x.shape;
    for (int64_t a : op.intsAttr("axes"))
      kept[a < 0 ? a + static_cast<int64_t>(kept.size()) : a] = 1;
    Floats wide = spread(m_, floatData(kept, g), x.shape);
    if (op.opcode != Opcode::ReduceSum) {
      const Floats best = spread(m_, floatData(kept, y.floats), x.shape);
      for (size_t i = 0; i < wide.size(); ++i)
        if (x.floats[i] != best[i])
          wide[i] = 0;
    }
    accumulate(op.operands[0], wide);
  }

  void softmax(ValueId v, const Op &op, Floats &g) {
    const ConstData &p = at(v);
    int64_t axis = op.intAttr("axis");
    if (axis < 0)
      axis += static_cast<int64_t>(p.shape.size());
    const int64_t inner = numelOf(Dims(p.shape).drop_front(axis + 1));
    std::vector<int64_t> rows{p.shape[axis]};
    if (op.hasAttr("segments"))
      rows = op.intsAttr("segments").vec();
    double exp = 0, inverse = 0, squares = 0, count = 0;
    int64_t start = 0;
    for (size_t row = 0; start < p.numel(); row = (row + 1) % rows.size()) {
      const int64_t lanes = rows[row];
      for (int64_t r = start; r < start + inner; ++r) {
        double dot = 0, most = 1e-30;
        for (int64_t i = 0; i < lanes; ++i) {
          const int64_t k = r + i * inner;
          dot += static_cast<double>(g[k]) * p.floats[k];
          most = std::max<double>(most, p.floats[k]);
        }
        for (int64_t i = 0; i < lanes; ++i) {
          const int64_t k = r + i * inner;
          const double d = g[k] - dot;
          exp += d * d * most * most; // 1 / row sum is the largest p
          g[k] = static_cast<float>(d * p.floats[k]);
        }
        inverse += dot * dot / (most * most);
        squares += most * most;
        ++count;
      }
      start += lanes * inner;
    }
    s_.exp[v.index] += exp;
    s_.inverse[v.index] += inverse;
    s_.inverseSize[v.index] = up(std::sqrt(squares / count));
    if (follows(op.operands[0]))
      accumulate(op.operands[0], g);
  }

  // --- products of matrices --------------------------------------------------

  llvm::Error matmul(const Op &op, Floats &data) {
    const ConstData g = floatData(op.type.shape, std::move(data));
    const ConstData &a = at(op.operands[0]), &b = at(op.operands[1]);
    if (follows(op.operands[0])) {
      const ConstData d = multiplied(m_, g, transposed(b));
      accumulate(op.operands[0], summed(d.floats, d.shape, a.shape));
    }
    if (!follows(op.operands[1]))
      return llvm::Error::success();
    const int64_t k = a.shape.back(), n = b.shape.back(), rows = a.numel() / k;
    if (m_.constantOf(op.operands[1]) && b.shape.size() == 2 &&
        rows < std::min(k, n)) {
      // ||A^T G||^2 = sum of (A A^T) * (G G^T): never the whole gradient.
      const ConstData flatA = floatData({rows, k}, a.floats),
                      flatG = floatData({rows, n}, g.floats);
      const ConstData aa = multiplied(m_, flatA, transposed(flatA)),
                      gg = multiplied(m_, flatG, transposed(flatG));
      double sum = 0;
      for (size_t i = 0; i < aa.floats.size(); ++i)
        sum += static_cast<double>(aa.floats[i]) * gg.floats[i];
      s_.white[op.operands[1].index] += std::max(sum, 0.0);
      return llvm::Error::success();
    }
    const ConstData d = multiplied(m_, transposed(a), g);
    accumulate(op.operands[1], summed(d.floats, d.shape, b.shape));
    return llvm::Error::success();
  }

  const Module &m_;
  Sensitivity &s_;
  std::vector<ConstData> values_;
  std::vector<Floats> grads_;
};

double multiplications(const Module &m) {
  double macs = 0;
  for (ValueId v : m.order())
    if (m.op(v).opcode == Opcode::MatMul)
      macs += static_cast<double>(m.type(v).numel()) *
              static_cast<double>(m.type(m.op(v).operands[0]).shape.back());
  return macs;
}

} // namespace

llvm::Expected<Sensitivity>
measureSensitivity(const Module &m, const InputMap &sample,
                   const std::function<double(double)> &allowance) {
  const size_t n = m.numValues();
  const std::vector<double> zeros(n, 0);
  Sensitivity s{
      zeros, zeros, zeros, zeros, zeros, zeros, std::vector<bool>(n, false)};
  Sweep sweep(m, s);
  if (llvm::Error e = sweep.forward(sample))
    return e;
  const int probes = multiplications(m) > kManyMacs ? 1 : kProbes;
  for (int i = 0; i < probes; ++i)
    if (llvm::Error e = sweep.backward(i, allowance))
      return e;
  for (std::vector<double> *all : {&s.white, &s.exp, &s.inverse, &s.relative})
    for (double &x : *all)
      x = up(x / probes);
  return s;
}

} // namespace mpc::passes

//===- passes/Approximations.cpp ------------------------------------------===//
#include "passes/Approximations.h"
#include "ir/Expr.h"
#include "runtime/core/Ring.h"
#include "runtime/kernels/ExpTable.h"
#include "runtime/kernels/Fourier.h"
#include "runtime/kernels/Spline.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <map>
#include <set>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

constexpr int kPoints = 2000;

/// Evaluates what replaced a map, at one x. Values that were there before the
/// pass are the map's operand.
class Evaluation {
public:
  Evaluation(const Module &m, size_t known) : m_(m), known_(known) {}

  double at(ValueId v, double x) {
    if (known(v))
      return x;
    const Op &op = m_.op(v);
    auto in = [&](size_t i) { return at(op.operands[i], x); };
    switch (op.opcode) {
    case Opcode::Constant:
      return m_.constantOf(v)->at(0);
    case Opcode::FixedAdd:
      return in(0) + in(1);
    case Opcode::FixedSub:
      return in(0) - in(1);
    case Opcode::FixedNeg:
      return -in(0);
    case Opcode::FixedMul:
      return in(0) * in(1);
    case Opcode::FixedRescale:
    case Opcode::FixedShl:
      return in(0);
    case Opcode::FixedLess:
      return in(0) < in(1);
    case Opcode::FixedSelect:
      return in(0) != 0 ? in(1) : in(2);
    case Opcode::FixedSpline:
      return spline(v, encoded(in(0), op.operands[0]));
    case Opcode::FixedFourier:
      return fourier(v, encoded(in(0), op.operands[0]));
    case Opcode::FixedExp:
      return exponential(v, encoded(in(0), op.operands[0]));
    default:
      return x;
    }
  }

  /// Texts of the tables that v is made of.
  void describe(ValueId v, std::set<std::string> &out, int &tables) const {
    if (known(v))
      return;
    const Op &op = m_.op(v);
    std::string text;
    if (op.opcode == Opcode::FixedSpline)
      text = llvm::formatv("spline: {0} segments of degree {1}, window {2}",
                           int64_t{1} << op.intAttr("depth"),
                           op.intAttr("degree"), op.intAttr("window"));
    else if (op.opcode == Opcode::FixedFourier)
      text = llvm::formatv("trigonometric sum: {0} harmonics{1}, window {2}",
                           op.intsAttr("coeffs").size() / 4,
                           op.intAttr("slope") ? " and a line" : "",
                           op.intAttr("window"));
    else if (op.opcode == Opcode::FixedExp)
      text = llvm::formatv("table of e^x: {0} entries, window {1}",
                           int64_t{1} << op.intAttr("depth"),
                           op.intAttr("window"));
    if (!text.empty()) {
      out.insert(text);
      ++tables;
    }
    for (ValueId o : op.operands)
      describe(o, out, tables);
  }

private:
  bool known(ValueId v) const { return v.index < known_; }

  uint64_t encoded(double x, ValueId v) const {
    return static_cast<uint64_t>(std::llround(std::ldexp(x, m_.type(v).frac)));
  }
  static double decoded(uint64_t y, unsigned ring, unsigned frac) {
    return std::ldexp(static_cast<double>(core::toSigned(y, ring)),
                      -static_cast<int>(frac));
  }

  double spline(ValueId v, uint64_t x) {
    auto [it, fresh] = splines_.try_emplace(v.index, kernels::SplineTable{});
    kernels::SplineTable &t = it->second;
    if (fresh) {
      const Op &op = m_.op(v);
      t.inputBits = static_cast<unsigned>(op.intAttr("window"));
      t.segmentBits = static_cast<unsigned>(op.intAttr("depth"));
      t.degree = static_cast<unsigned>(op.intAttr("degree"));
      t.payloadFrac = static_cast<unsigned>(op.intAttr("payload_frac"));
      t.coeffFrac = static_cast<unsigned>(op.intAttr("coeff_frac"));
      t.ringBits = 62;
      t.coeffs = op.intsAttr("coeffs").vec();
    }
    auto [p, made] = prepared_.try_emplace(v.index, t);
    return decoded(p->second.plain(x, 0), t.ringBits, t.resultFrac());
  }

  double fourier(ValueId v, uint64_t x) {
    const Op &op = m_.op(v);
    kernels::FourierTable t;
    t.harmonics = kernels::fourierHarmonics(op.intsAttr("coeffs"));
    t.window = static_cast<unsigned>(op.intAttr("window"));
    t.step = static_cast<uint64_t>(op.intAttr("step"));
    t.resultFrac = static_cast<unsigned>(op.type.frac);
    t.ringBits = 62;
    t.offset = op.intAttr("offset");
    t.slope = op.intAttr("slope");
    uint64_t y = 0;
    const uint64_t zero = 0;
    kernels::fourierPlain(t, {&x, 1}, {&zero, 1}, {&y, 1});
    return decoded(y, t.ringBits, t.resultFrac);
  }

  double exponential(ValueId v, uint64_t x) const {
    const Op &op = m_.op(v);
    kernels::ExpParams p;
    p.window = static_cast<unsigned>(op.intAttr("window"));
    p.depth = static_cast<unsigned>(op.intAttr("depth"));
    p.inFrac = static_cast<unsigned>(m_.type(op.operands[0]).frac);
    p.tableFrac = static_cast<unsigned>(op.intAttr("table_frac"));
    p.publicFrac = static_cast<unsigned>(op.intAttr("public_frac"));
    return decoded(kernels::expPlain(p, x, 0), 64, p.resultFrac());
  }

  const Module &m_;
  const size_t known_;
  std::map<uint32_t, kernels::SplineTable> splines_;
  std::map<uint32_t, kernels::PreparedSpline> prepared_;
};

} // namespace

void ApproximationMeter::before(const Module &m) {
  sites_.clear();
  known_ = m.numValues();
  std::set<uint32_t> seen;
  auto visit = [&](ValueId v, ValueId user, size_t operand) {
    const Op &op = m.op(v);
    if (op.opcode == Opcode::FixedMap && seen.insert(v.index).second)
      sites_.push_back({op.loc, op.strAttr("expr").str(), op.floatAttr("lo"),
                        op.floatAttr("hi"), m.type(op.operands[0]).frac,
                        op.type.numel(), user, operand});
  };
  for (ValueId user : m.order())
    for (size_t i = 0; i < m.op(user).operands.size(); ++i)
      visit(m.op(user).operands[i], user, i);
  for (size_t i = 0; i < m.outputs().size(); ++i)
    visit(m.outputs()[i].value, {}, i);
}

std::vector<Approximation> ApproximationMeter::after(const Module &m) const {
  std::vector<Approximation> all;
  for (const Site &s : sites_) {
    const ValueId v = s.user.valid() ? m.op(s.user).operands[s.operand]
                                     : m.outputs()[s.operand].value;
    llvm::Expected<Expr> f = Expr::parse(s.expr);
    if (!f) {
      llvm::consumeError(f.takeError());
      continue;
    }
    Approximation a{s.loc, s.expr, s.lo, s.hi, s.elements, "", 0, 0};
    Evaluation table(m, known_);
    std::set<std::string> texts;
    int tables = 0;
    table.describe(v, texts, tables);
    if (tables == 0)
      continue; // a map that another pass took away
    if (tables > 1)
      a.method = std::to_string(tables) + " parts; ";
    for (const std::string &t : texts)
      a.method += (t == *texts.begin() ? "" : "; ") + t;
    // Points that the input can take.
    auto point = [&](int i) {
      const double x = s.lo + (s.hi - s.lo) * i / kPoints;
      return std::ldexp(std::floor(std::ldexp(x, s.inFrac) + (i == 0)),
                        -s.inFrac);
    };
    double largest = 0;
    for (int i = 0; i <= kPoints; ++i)
      largest = std::max(largest, std::fabs(f->eval(point(i))));
    for (int i = 0; i <= kPoints; ++i) {
      const double x = point(i);
      const double y = f->eval(x), e = std::fabs(table.at(v, x) - y);
      a.absoluteError = std::max(a.absoluteError, e);
      a.relativeError =
          std::max(a.relativeError,
                   e / std::max({std::fabs(y), largest * 1e-6, 1e-300}));
    }
    all.push_back(std::move(a));
  }
  return all;
}

} // namespace mpc::passes

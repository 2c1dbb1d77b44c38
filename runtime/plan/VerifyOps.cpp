//===- runtime/plan/VerifyOps.cpp - rules 10 to 23 ------------------------===//
//
// The rules are listed in PlanVerifier.cpp. Here one switch over the ops says
// which ones apply; an op without a case does not compile.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/Ring.h"
#include "runtime/plan/Digits.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/RangeLinks.h"

#include <bit>
#include <cmath>
#include <fmt/format.h>

namespace mpc::plan {
namespace {

using core::Shape;
using core::toString;

/// a * b + c, unless it exceeds what an array may hold; operands >= 0.
std::optional<int64_t> boundedMulAdd(int64_t a, int64_t b, int64_t c) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r) || __builtin_add_overflow(r, c, &r) ||
      r > kMaxElements)
    return std::nullopt;
  return r;
}

/// Checks collect the first complaint; the rest do nothing.
class Op {
public:
  Op(const Plan &p, const Instr &in) : p_(p), in_(in) {}

  std::string run();

private:
  const RegInfo &arg(size_t i) const { return p_.regs[in_.in[i]]; }
  const RegInfo &out() const { return p_.regs[in_.out]; }
  int64_t imm(size_t i) const { return in_.imm[i][0]; }
  const ConstInfo &constant(size_t i) const {
    return p_.consts[static_cast<size_t>(imm(i))];
  }

  template <class... A> void fail(fmt::format_string<A...> f, A &&...a) {
    if (error_.empty())
      error_ = fmt::format(f, std::forward<A>(a)...);
  }
  bool failed() const { return !error_.empty(); }

  void form(size_t i, Form want) {
    if (arg(i).form != want)
      fail("takes %{} as {}, got {}", in_.in[i], name(want), name(arg(i).form));
  }
  void linear(size_t i) {
    if (arg(i).form != Form::Masked && arg(i).form != Form::Additive)
      fail("takes %{} masked or additive, got {}", in_.in[i],
           name(arg(i).form));
  }
  void result(Form want) {
    if (out().form != want)
      fail("gives {}, %{} is {}", name(want), in_.out, name(out().form));
  }
  void resultForm(Form want, unsigned ring) {
    result(want);
    if (out().ring != ring)
      fail("gives ring {}, %{} has ring {}", ring, in_.out, out().ring);
  }
  void resultShape(const Shape &want) {
    if (out().shape != want)
      fail("gives shape {}, %{} has {}", toString(want), in_.out,
           toString(out().shape));
  }
  /// The result has operand 0's form, ring and shape.
  void likeOperand(bool shape = true) {
    resultForm(arg(0).form, arg(0).ring);
    if (shape)
      resultShape(arg(0).shape);
  }
  void sameRing() {
    if (arg(0).ring != arg(1).ring)
      fail("takes operands of one ring, got {} and {}", arg(0).ring,
           arg(1).ring);
  }
  void sameForm() {
    if (arg(0).form != arg(1).form)
      fail("takes operands of one form, got {} and {}", name(arg(0).form),
           name(arg(1).form));
  }
  void sameShape() {
    if (arg(0).shape != arg(1).shape)
      fail("takes operands of one shape, got {} and {}", toString(arg(0).shape),
           toString(arg(1).shape));
  }
  void broadcast(const Shape &a, const Shape &b) {
    Result<Shape> s = core::broadcastShapes(a, b);
    if (!s)
      fail("{}", s.error().message);
    else
      resultShape(*s);
  }
  void range(size_t i, int64_t lo, int64_t hi) {
    if (imm(i) < lo || imm(i) > hi)
      fail("takes {} in [{},{}], got {}", immName(info(in_.op).imms[i]), lo, hi,
           imm(i));
  }
  void window(size_t i, int64_t lo, int64_t hi) {
    range(i, lo, std::min<int64_t>(hi, arg(0).ring));
  }

  void input();
  void weight();
  void output();
  void matmul(size_t first, int64_t sizeA, int64_t sizeB);
  void reduceSum();
  void strided();
  void concat();
  void take();
  void extend();
  void spline();
  void exp();
  void fourier();
  void comparison(size_t x);
  Shape planes(const Shape &x) const;
  void notWords(size_t i) {
    if (arg(i).form == Form::Words)
      fail("does not take words, got %{}", in_.in[i]);
  }
  void oneHot(Form want);
  void selectWords();
  void fromWords();
  void inRange();

  const Plan &p_;
  const Instr &in_;
  std::string error_;
};

void Op::input() {
  if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= p_.inputs.size())
    return fail("loads input {}, there are {}", imm(0), p_.inputs.size());
  const InputInfo &i = p_.inputs[static_cast<size_t>(imm(0))];
  resultForm(Form::Masked, i.ring);
  resultShape(i.shape);
  if (out().frac != i.frac)
    fail("gives frac {}, %{} has {}", i.frac, in_.out, out().frac);
}

void Op::weight() {
  if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= p_.weights.size())
    return fail("loads weight {}, there are {}", imm(0), p_.weights.size());
  const WeightInfo &w = p_.weights[static_cast<size_t>(imm(0))];
  resultForm(w.form, w.ring);
  resultShape(w.shape);
  if (out().frac != w.frac)
    fail("gives frac {}, %{} has {}", w.frac, in_.out, out().frac);
}

void Op::output() {
  if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= p_.outputs.size())
    return fail("gives output {}, there are {}", imm(0), p_.outputs.size());
  const OutputInfo &o = p_.outputs[static_cast<size_t>(imm(0))];
  form(0, Form::Masked);
  if (arg(0).ring != o.ring || arg(0).frac != o.frac || arg(0).shape != o.shape)
    fail("gives '{}' as ring {}, frac {}, shape {}, got ring {}, frac {}, "
         "shape {}",
         o.name, o.ring, o.frac, toString(o.shape), arg(0).ring, arg(0).frac,
         toString(arg(0).shape));
}

void Op::matmul(size_t first, int64_t sizeA, int64_t sizeB) {
  for (size_t i = 0; i < 6; ++i)
    range(first + i, 0, kMaxElements);
  if (failed())
    return;
  int64_t batch = imm(first), m = imm(first + 1), k = imm(first + 2),
          n = imm(first + 3);
  std::optional<int64_t> a = boundedMulAdd(m, k, 0), b = boundedMulAdd(k, n, 0),
                         c = boundedMulAdd(m, n, 0);
  std::optional<int64_t> all = c ? boundedMulAdd(batch, *c, 0) : std::nullopt;
  std::optional<int64_t> endA, endB;
  int64_t before = std::max<int64_t>(batch - 1, 0);
  if (a)
    endA = boundedMulAdd(before, imm(first + 4), *a);
  if (b)
    endB = boundedMulAdd(before, imm(first + 5), *b);
  if (!all || !endA || !endB)
    return fail("of {} x [{},{}]*[{},{}] exceeds 2^36 elements", batch, m, k, k,
                n);
  if (*endA > sizeA)
    fail("reads {} elements of A, which has {}", *endA, sizeA);
  if (*endB > sizeB)
    fail("reads {} elements of B, which has {}", *endB, sizeB);
  if (out().numel() != *all)
    fail("gives {} x [{},{}], %{} has shape {}", batch, m, n, in_.out,
         toString(out().shape));
}

void Op::reduceSum() {
  linear(0);
  likeOperand(false);
  const Shape &x = arg(0).shape;
  int64_t last = -1;
  for (int64_t a : in_.imm[0]) {
    if (a <= last || a >= static_cast<int64_t>(x.size()))
      return fail("takes ascending axes of shape {}, got {}", toString(x), a);
    last = a;
  }
  Shape kept = x, removed;
  for (int64_t a : in_.imm[0])
    kept[static_cast<size_t>(a)] = 1;
  size_t next = 0;
  for (size_t i = 0; i < x.size(); ++i)
    if (next < in_.imm[0].size() && in_.imm[0][next] == static_cast<int64_t>(i))
      ++next;
    else
      removed.push_back(x[i]);
  if (out().shape != kept)
    resultShape(removed);
}

void Op::strided() {
  notWords(0);
  likeOperand(false);
  const Shape &to = out().shape;
  const std::vector<int64_t> &strides = in_.imm[1];
  if (strides.size() != to.size())
    return fail("takes one stride a dimension of {}, got {}", toString(to),
                strides.size());
  if (out().numel() == 0)
    return;
  // 128 bits hold 16 products of 2^36 and 2^63.
  __int128 lo = imm(0), hi = imm(0);
  for (size_t i = 0; i < to.size(); ++i) {
    __int128 reach = static_cast<__int128>(to[i] - 1) * strides[i];
    (reach < 0 ? lo : hi) += reach;
  }
  if (lo < 0 || hi >= arg(0).numel())
    fail("reads outside the {} elements of %{}", arg(0).numel(), in_.in[0]);
}

void Op::concat() {
  notWords(0);
  likeOperand(false);
  const Shape &to = out().shape;
  int64_t axis = imm(0);
  if (axis < 0 || axis >= static_cast<int64_t>(to.size()))
    return fail("takes an axis of shape {}, got {}", toString(to), axis);
  int64_t total = 0;
  for (size_t i = 0; i < in_.in.size(); ++i) {
    if (arg(i).form != arg(0).form || arg(i).ring != arg(0).ring)
      return fail("takes operands of one form and ring, %{} differs",
                  in_.in[i]);
    Shape s = arg(i).shape;
    if (s.size() == to.size()) {
      total += s[static_cast<size_t>(axis)];
      s[static_cast<size_t>(axis)] = to[static_cast<size_t>(axis)];
    }
    if (s != to || total > kMaxElements)
      return fail("joins %{} of shape {} to {} along axis {}", in_.in[i],
                  toString(arg(i).shape), toString(to), axis);
  }
  if (total != to[static_cast<size_t>(axis)])
    fail("joins {} along axis {}, %{} has shape {}", total, axis, in_.out,
         toString(to));
}

void Op::take() {
  notWords(0);
  likeOperand(false);
  const ConstInfo &c = constant(0);
  if (core::numel(c.shape) != out().numel())
    fail("has {} indices for shape {}", core::numel(c.shape),
         toString(out().shape));
  int64_t n = arg(0).numel();
  for (size_t i = 0; i < c.data.size(); ++i)
    if (c.data[i] < -1 || c.data[i] >= n)
      return fail("takes index {} (number {}) of {} elements", c.data[i], i, n);
}

void Op::extend() {
  form(0, Form::Masked);
  result(Form::Masked);
  resultShape(arg(0).shape);
  const RegInfo &x = arg(0);
  if (out().ring <= x.ring)
    fail("gives a larger ring than {}, %{} has {}", x.ring, in_.out,
         out().ring);
  if (x.intBits + x.frac + 2 > x.ring)
    fail("takes |x| <= 2^(k-2): {} integer and {} fraction bits in ring {} "
         "leave no spare bit",
         x.intBits, x.frac, x.ring);
}

// Limits of kernels::SplineTable, whose validate() bounds the coefficients.
void Op::spline() {
  form(0, Form::Masked);
  result(Form::Additive);
  resultShape(arg(0).shape);
  window(1, 1, 44);
  range(2, 0, 12);
  range(3, 0, 7);
  range(4, 1, 31);
  range(5, 0, 48);
  if (failed())
    return;
  if (imm(1) < imm(2) || imm(1) - imm(2) > 32)
    return fail("takes window - depth in [0,32], got {}", imm(1) - imm(2));
  if (constant(0).session)
    return fail("has coefficients that only the session knows");
  int64_t want = (int64_t{1} << imm(2)) * (imm(3) + 1);
  if (static_cast<int64_t>(constant(0).data.size()) != want)
    fail("takes {} coefficients, c{} has {}", want, imm(0),
         constant(0).data.size());
}

// Limits of kernels::ExpParams.
void Op::exp() {
  form(0, Form::Masked);
  result(Form::Additive);
  resultShape(arg(0).shape);
  window(0, 2, 44);
  range(1, 1, 10);
  range(2, 0, 44);
  range(3, 0, 62);
  range(4, 0, 62);
  if (failed())
    return;
  if (imm(0) <= imm(1))
    return fail("takes depth below window {}, got {}", imm(0), imm(1));
  // e^mb < 2^(1.4427 w), w = 2^(window - depth - inFrac), must fit 62 bits.
  double w = std::ldexp(1.0, static_cast<int>(imm(0) - imm(1) - imm(2)));
  if (static_cast<double>(imm(4)) + 1.4427 * w > 62)
    fail("has a public factor e^{} at {} fraction bits, which exceeds 62 bits",
         w, imm(4));
}

// Limits of kernels::FourierTable, whose validate() bounds the coefficients.
void Op::fourier() {
  form(0, Form::Masked);
  result(Form::Additive);
  resultShape(arg(0).shape);
  window(1, 2, 44);
  range(3, 0, 62);
  if (failed())
    return;
  range(2, 1, (int64_t{1} << imm(1)) - 1);
  if (constant(0).session)
    return fail("has coefficients that only the session knows");
  const std::vector<int64_t> &rows = constant(0).data;
  if (rows.empty() || rows.size() % 4 != 0 || rows.size() > 4 * 64)
    return fail("takes 1 to 64 harmonics of 4 numbers, c{} has {} numbers",
                imm(0), rows.size());
  for (size_t i = 0; i < rows.size(); i += 4) {
    const int64_t dealt = rows[i + 2], open = rows[i + 3];
    if (dealt < 0 || dealt > 46 || open < 0 || open > 46 ||
        dealt + open > imm(3) || imm(3) - dealt - open >= out().ring)
      return fail("has harmonic {} of {} and {} fraction bits in a result of "
                  "{}, ring {}",
                  i / 4 + 1, dealt, open, imm(3), out().ring);
  }
  // slope x is local: its bits must all be in x's ring.
  const auto slope = static_cast<uint64_t>(imm(5));
  if (slope != 0 && arg(0).ring + std::countr_zero(slope) < out().ring)
    fail("has a linear term of {} trailing zeros: ring {} of %{} is too small "
         "for ring {}",
         std::countr_zero(slope), arg(0).ring, in_.in[0], out().ring);
}

/// Immediates and operand of digits and sign; x: which operand is compared.
void Op::comparison(size_t x) {
  form(x, Form::Masked);
  resultForm(Form::Bits, 1);
  range(0, 2, 64);
  range(1, 0, 62);
  range(2, 1, 8);
  if (failed())
    return;
  if (imm(0) + imm(1) > arg(x).ring)
    fail("takes window {} + drop {} within ring {}", imm(0), imm(1),
         arg(x).ring);
  if (digitCount(imm(0), imm(2)) > 8)
    fail("has {} digits, at most 8 are supported", digitCount(imm(0), imm(2)));
}

Shape Op::planes(const Shape &x) const {
  Shape s{planeCount(imm(0), imm(2))};
  s.insert(s.end(), x.begin(), x.end());
  return s;
}

void Op::oneHot(Form want) {
  form(0, Form::Masked);
  result(want);
  window(0, 0, 20);
  if (failed())
    return;
  range(1, 1, int64_t{1} << imm(0));
  Shape s = arg(0).shape;
  s.push_back(imm(1));
  resultShape(s);
}

void Op::selectWords() {
  form(0, Form::Bits);
  form(1, Form::Words);
  if (failed())
    return;
  Shape s = arg(0).shape;
  if (s.empty() || arg(1).shape.size() != 2 || s.back() != arg(1).shape[0])
    return fail("takes bits [n..., rows] and words [rows, d], got {} and {}",
                toString(s), toString(arg(1).shape));
  s.back() = arg(1).shape[1];
  resultForm(Form::Words, arg(1).ring);
  resultShape(s);
}

void Op::fromWords() {
  form(0, Form::Words);
  result(Form::Additive);
  resultShape(arg(0).shape);
  if (out().ring < arg(0).ring)
    fail("gives a ring of at least {}, %{} has {}", arg(0).ring, in_.out,
         out().ring);
}

/// Bits that an in_range gives and a guard takes.
constexpr int64_t kGuardBits = 64;

void Op::inRange() {
  form(0, Form::Masked);
  resultForm(Form::Bits, 1);
  resultShape({kGuardBits});
  if (imm(0) > imm(1))
    fail("takes lo <= hi, got {} and {}", imm(0), imm(1));
  const std::vector<int64_t> &n = in_.imm[2];
  if (n.empty() || n.size() % 4 != 0 || n.size() > 4 * RangeLink::kMaxLinks)
    return fail("takes 1 to {} links of 4 numbers, got {} numbers",
                RangeLink::kMaxLinks, n.size());
  const int64_t widest = std::min<int64_t>(arg(0).ring, 63);
  for (size_t i = 0; i < n.size(); i += 4) {
    const int64_t window = n[i], bits = n[i + 1];
    if (bits < 1 || bits > RangeLink::kMaxBits || window < bits ||
        window > widest)
      return fail("has link {} of {} of {} bits in ring {}", i / 4 + 1, bits,
                  window, arg(0).ring);
    if (n[i + 2] < 0 || n[i + 2] >> window != 0 || n[i + 3] < 1 ||
        n[i + 3] >> bits != 0)
      return fail("has link {} with shift {}, accepted {}", i / 4 + 1, n[i + 2],
                  n[i + 3]);
  }
}

std::string Op::run() {
  switch (in_.op) {
  case PlanOp::Input:
    input();
    break;
  case PlanOp::Weight:
    weight();
    break;
  case PlanOp::Output:
    output();
    break;
  case PlanOp::Flush:
    break;
  case PlanOp::Add:
  case PlanOp::Sub:
    linear(0);
    sameForm();
    sameRing();
    likeOperand(false);
    broadcast(arg(0).shape, arg(1).shape);
    break;
  case PlanOp::Neg:
    linear(0);
    likeOperand();
    break;
  case PlanOp::AddConst:
  case PlanOp::MulConst:
    linear(0);
    likeOperand(false);
    broadcast(arg(0).shape, constant(0).shape);
    break;
  case PlanOp::Shl:
    linear(0);
    likeOperand();
    range(0, 0, arg(0).ring - 1);
    break;
  case PlanOp::MatMulConst: {
    linear(0);
    likeOperand(false);
    range(1, 0, 1);
    int64_t c = core::numel(constant(0).shape);
    int64_t x = arg(0).numel();
    if (imm(1) == 0)
      matmul(2, c, x);
    else
      matmul(2, x, c);
    break;
  }
  case PlanOp::ReduceSum:
    reduceSum();
    break;
  case PlanOp::Drop:
    linear(0);
    result(arg(0).form);
    resultShape(arg(0).shape);
    if (out().ring > arg(0).ring)
      fail("gives at most ring {}, %{} has {}", arg(0).ring, in_.out,
           out().ring);
    break;
  case PlanOp::ToAdditive:
    form(0, Form::Masked);
    resultForm(Form::Additive, arg(0).ring);
    resultShape(arg(0).shape);
    break;
  case PlanOp::Strided:
    strided();
    break;
  case PlanOp::Concat:
    concat();
    break;
  case PlanOp::Take:
    take();
    break;
  case PlanOp::Mul:
  case PlanOp::MatMul:
    form(0, Form::Masked);
    form(1, Form::Masked);
    sameRing();
    resultForm(Form::Additive, arg(0).ring);
    if (in_.op == PlanOp::Mul)
      broadcast(arg(0).shape, arg(1).shape);
    else
      matmul(0, arg(0).numel(), arg(1).numel());
    break;
  case PlanOp::Trunc:
    form(0, Form::Additive);
    range(0, 0, arg(0).ring - 1);
    range(1, 0, 1);
    if (!failed())
      resultForm(Form::Masked, arg(0).ring - static_cast<unsigned>(imm(0)));
    resultShape(arg(0).shape);
    break;
  case PlanOp::Extend:
    extend();
    break;
  case PlanOp::Spline:
    spline();
    break;
  case PlanOp::Exp:
    exp();
    break;
  case PlanOp::Fourier:
    fourier();
    break;
  case PlanOp::Digits:
    comparison(0);
    if (!failed())
      resultShape(planes(arg(0).shape));
    break;
  case PlanOp::Sign:
    form(0, Form::Bits);
    comparison(1);
    resultShape(arg(1).shape);
    if (!failed() && arg(0).shape != planes(arg(1).shape))
      fail("takes planes of shape {}, got {}", toString(planes(arg(1).shape)),
           toString(arg(0).shape));
    break;
  case PlanOp::BitXor:
  case PlanOp::BitAnd:
    form(1, Form::Bits);
    sameShape();
    [[fallthrough]];
  case PlanOp::BitNot:
    form(0, Form::Bits);
    likeOperand();
    break;
  case PlanOp::BitMux:
    for (size_t i = 0; i < in_.in.size(); ++i) {
      form(i, Form::Bits);
      if (!failed() && arg(i).shape != arg(0).shape)
        fail("takes bits of one shape, got {} and {}", toString(arg(0).shape),
             toString(arg(i).shape));
    }
    likeOperand();
    break;
  case PlanOp::FromBits:
    form(0, Form::Bits);
    result(Form::Additive);
    resultShape(arg(0).shape);
    break;
  case PlanOp::BitMul:
    form(0, Form::Bits);
    form(1, Form::Masked);
    sameShape();
    resultForm(Form::Additive, arg(1).ring);
    resultShape(arg(0).shape);
    break;
  case PlanOp::OneHot:
    oneHot(Form::Additive);
    break;
  case PlanOp::OneHotBits:
    oneHot(Form::Bits);
    break;
  case PlanOp::SelectWords:
    selectWords();
    break;
  case PlanOp::FromWords:
    fromWords();
    break;
  case PlanOp::Range:
    linear(0);
    if (imm(0) > imm(1))
      fail("takes lo <= hi, got {} and {}", imm(0), imm(1));
    break;
  case PlanOp::InRange:
    inRange();
    break;
  case PlanOp::Guard:
    form(0, Form::Bits);
    if (arg(0).shape != Shape{kGuardBits})
      fail("takes bits of shape 64, got {}", toString(arg(0).shape));
    break;
  }
  return std::move(error_);
}

} // namespace

std::string checkOp(const Plan &plan, const Instr &in) {
  return Op(plan, in).run();
}

} // namespace mpc::plan

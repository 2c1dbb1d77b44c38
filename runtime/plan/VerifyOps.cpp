//===- runtime/plan/VerifyOps.cpp - rules 10 to 24 ------------------------===//
//
// The rules are listed in PlanVerifier.cpp. Here one switch over the ops says
// which ones apply; an op without a case does not compile.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/OpCheck.h"

namespace mpc::plan {

using core::toString;

void OpCheck::form(size_t i, Form want) {
  if (arg(i).form != want)
    fail("takes {} as {}, got {}", argName(i), name(want), name(arg(i).form));
}

void OpCheck::linear(size_t i) {
  if (arg(i).form != Form::Masked && arg(i).form != Form::Additive)
    fail("takes {} masked or additive, got {}", argName(i), name(arg(i).form));
}

void OpCheck::result(Form want) {
  if (out().form != want)
    fail("gives {}, {} is {}", name(want), outName(), name(out().form));
}

void OpCheck::resultForm(Form want, unsigned ring) {
  result(want);
  if (out().ring != ring)
    fail("gives ring {}, {} has ring {}", ring, outName(), out().ring);
}

void OpCheck::likeOperand(bool shape) {
  resultForm(arg(0).form, arg(0).ring);
  if (shape)
    resultShape(arg(0).shape);
}

void OpCheck::sameRing() {
  if (arg(0).ring != arg(1).ring)
    fail("takes operands of one ring, got {} and {}", arg(0).ring, arg(1).ring);
}

void OpCheck::sameForm() {
  if (arg(0).form != arg(1).form)
    fail("takes operands of one form, got {} and {}", name(arg(0).form),
         name(arg(1).form));
}

void OpCheck::sameShape() {
  if (arg(0).shape != arg(1).shape)
    fail("takes operands of one shape, got {} and {}", toString(arg(0).shape),
         toString(arg(1).shape));
}

void OpCheck::range(size_t i, int64_t lo, int64_t hi) {
  if (imm(i) < lo || imm(i) > hi)
    fail("takes {} in [{},{}], got {}", immName(info(instr_.op).imms[i]), lo,
         hi, imm(i));
}

void OpCheck::window(size_t i, int64_t lo, int64_t hi) {
  range(i, lo, std::min<int64_t>(hi, arg(0).ring));
}

void OpCheck::notWords(size_t i) {
  if (arg(i).form == Form::Words)
    fail("does not take words, got {}", argName(i));
}

void OpCheck::broadcast(const Shape &a, const Shape &b) {
  const Shape both[] = {a, b};
  InstrCheck::broadcast(both);
}

void OpCheck::input() {
  if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= p_.inputs.size())
    return fail("loads input {}, there are {}", imm(0), p_.inputs.size());
  const InputInfo &i = p_.inputs[static_cast<size_t>(imm(0))];
  resultForm(Form::Masked, i.ring);
  resultShape(i.shape);
  if (out().frac != i.frac)
    fail("gives frac {}, {} has {}", i.frac, outName(), out().frac);
}

void OpCheck::weight() {
  if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= p_.weights.size())
    return fail("loads weight {}, there are {}", imm(0), p_.weights.size());
  const WeightInfo &w = p_.weights[static_cast<size_t>(imm(0))];
  resultForm(w.form, w.ring);
  resultShape(w.shape);
  if (out().frac != w.frac)
    fail("gives frac {}, {} has {}", w.frac, outName(), out().frac);
}

void OpCheck::output() {
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

/// a * b + c, unless it exceeds what an array may hold; operands >= 0.
static std::optional<int64_t> boundedMulAdd(int64_t a, int64_t b, int64_t c) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r) || __builtin_add_overflow(r, c, &r) ||
      r > kMaxElements)
    return std::nullopt;
  return r;
}

void OpCheck::matmul(size_t first, int64_t sizeA, int64_t sizeB) {
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
    fail("gives {} x [{},{}], {} has shape {}", batch, m, n, outName(),
         toString(out().shape));
}

void OpCheck::concat() {
  notWords(0);
  likeOperand(false);
  for (size_t i = 0; i < instr_.in.size(); ++i)
    if (arg(i).form != arg(0).form || arg(i).ring != arg(0).ring)
      return fail("takes operands of one form and ring, {} differs",
                  argName(i));
  concatShape(imm(0));
}

void OpCheck::take() {
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

void OpCheck::extend() {
  form(0, Form::Masked);
  result(Form::Masked);
  resultShape(arg(0).shape);
  const RegInfo &x = arg(0);
  if (out().ring <= x.ring)
    fail("gives a larger ring than {}, {} has {}", x.ring, outName(),
         out().ring);
  if (x.intBits + x.frac + 2 > x.ring)
    fail("takes |x| <= 2^(k-2): {} integer and {} fraction bits in ring {} "
         "leave no spare bit",
         x.intBits, x.frac, x.ring);
}

std::string OpCheck::run() {
  switch (instr_.op) {
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
    linear(0);
    likeOperand(false);
    reducedShape(instr_.imm[0]);
    break;
  case PlanOp::Drop:
    linear(0);
    result(arg(0).form);
    resultShape(arg(0).shape);
    if (out().ring > arg(0).ring)
      fail("gives at most ring {}, {} has {}", arg(0).ring, outName(),
           out().ring);
    break;
  case PlanOp::ToAdditive:
    form(0, Form::Masked);
    resultForm(Form::Additive, arg(0).ring);
    resultShape(arg(0).shape);
    break;
  case PlanOp::Strided:
    notWords(0);
    likeOperand(false);
    stridedShape(imm(0), instr_.imm[1]);
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
    if (instr_.op == PlanOp::Mul)
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
    for (size_t i = 0; i < instr_.in.size(); ++i) {
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

std::string checkOp(const Plan &plan, const Instr &in) {
  return OpCheck(plan, in).run();
}

} // namespace mpc::plan

//===- runtime/plan/VerifyPublic.cpp - rules 25 to 28 ---------------------===//
//
// The rules are listed in PlanVerifier.cpp. Whatever runs a public section
// relies on them; what depends on values (an index, a divisor, a range) it
// checks itself.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/InstrCheck.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>

namespace mpc::plan {
namespace {

using core::Shape;
using core::toString;
using Elem = PublicElem;

class Op : InstrCheck {
public:
  Op(const Plan &p, size_t index)
      : InstrCheck('$', p.open.code[index].in, static_cast<uint32_t>(index)),
        p_(p), in_(p.open.code[index]), at_(index) {}

  std::string run() {
    counts();
    if (!failed())
      types();
    return std::move(error_);
  }

private:
  const PublicType &arg(size_t i) const { return p_.open.code[in_.in[i]].type; }
  const PublicType &out() const { return in_.type; }
  int64_t imm(size_t i) const { return in_.imm[i][0]; }

  const Shape &argShape(size_t i) const override { return arg(i).shape; }
  const Shape &outShape() const override { return out().shape; }

  void counts() {
    const PublicOpInfo &op = info(in_.op);
    if (op.operands >= 0 ? in_.in.size() != static_cast<size_t>(op.operands)
                         : in_.in.empty())
      fail("takes {} operands, got {}", op.operands, in_.in.size());
    if (in_.imm.size() != op.imms.size())
      return fail("takes {} immediates, got {}", op.imms.size(),
                  in_.imm.size());
    for (size_t i = 0; i < op.imms.size(); ++i)
      if (!isList(op.imms[i]) && in_.imm[i].size() != 1)
        fail("immediate '{}' is one number, got {}", immName(op.imms[i]),
             in_.imm[i].size());
    for (uint32_t r : in_.in)
      if (r >= at_ || !hasResult(p_.open.code[r].op))
        fail("reads ${}, which is no earlier result", r);
    if (in_.loc >= p_.locations.size())
      fail("is at location {}, there are {}", in_.loc, p_.locations.size());
    if (!failed() && hasResult(in_.op))
      error_ = badShape(out().shape);
  }

  void elem(size_t i, std::initializer_list<Elem> allowed) {
    if (std::find(allowed.begin(), allowed.end(), arg(i).elem) == allowed.end())
      fail("does not take ${} of type {}", in_.in[i], name(arg(i).elem));
  }
  void result(Elem want) {
    if (out().elem != want)
      fail("gives {}, ${} is {}", name(want), at_, name(out().elem));
  }
  void like(size_t i) {
    result(arg(i).elem);
    resultShape(arg(i).shape);
  }
  /// All operands broadcast to the result's shape.
  void broadcastOperands() {
    std::vector<Shape> shapes;
    for (size_t i = 0; i < in_.in.size(); ++i)
      shapes.push_back(argShape(i));
    broadcast(shapes);
  }
  void sameElem(size_t i, size_t j) {
    if (arg(i).elem != arg(j).elem)
      fail("takes operands of one type, got {} and {}", name(arg(i).elem),
           name(arg(j).elem));
  }
  void indexBelow(size_t n, const char *what) {
    if (imm(0) < 0 || static_cast<uint64_t>(imm(0)) >= n)
      fail("is of {} {}, there are {}", what, imm(0), n);
  }

  void input();
  void constant();
  void real();
  void let();
  void give();
  void take();
  void gather();
  void flatIndex();
  void encode();
  void reduce();
  void softmax();
  void matmul();
  void types();

  const Plan &p_;
  const PublicInstr &in_;
  const size_t at_;
};

void Op::input() {
  indexBelow(p_.open.inputs.size(), "input");
  if (failed())
    return;
  const PublicInputInfo &i = p_.open.inputs[static_cast<size_t>(imm(0))];
  result(publicElemOf(i.dtype));
  resultShape(i.shape);
}

void Op::constant() {
  if (static_cast<int64_t>(in_.imm[0].size()) != core::numel(out().shape))
    fail("has {} numbers for shape {}", in_.imm[0].size(),
         toString(out().shape));
  if (out().elem == Elem::F32)
    fail("is no f32: that is 'real'");
  if (out().elem == Elem::Bool)
    for (int64_t v : in_.imm[0])
      if (v != 0 && v != 1)
        fail("holds a bool that is {}", v);
}

void Op::real() {
  if (static_cast<int64_t>(in_.imm[0].size()) != core::numel(out().shape))
    fail("has {} numbers for shape {}", in_.imm[0].size(),
         toString(out().shape));
  result(Elem::F32);
  for (int64_t v : in_.imm[0]) {
    if (v < 0 || v > 0xffffffffLL)
      return fail("holds {}, which are no bits of a float", v);
    const auto bits = static_cast<uint32_t>(v);
    if (std::isnan(std::bit_cast<float>(bits)) && bits != 0x7fc00000)
      return fail("holds a NaN in another form than 0x7fc00000");
  }
}

void Op::let() {
  indexBelow(p_.consts.size(), "constant");
  elem(0, {Elem::I64});
  if (failed())
    return;
  const ConstInfo &c = p_.consts[static_cast<size_t>(imm(0))];
  if (!c.session)
    return fail("is of c{}, which has its numbers already", imm(0));
  if (core::numel(c.shape) != core::numel(arg(0).shape))
    fail("gives {} numbers to c{} of shape {}", core::numel(arg(0).shape),
         imm(0), toString(c.shape));
}

void Op::give() {
  indexBelow(p_.outputs.size(), "output");
  if (failed())
    return;
  const OutputInfo &o = p_.outputs[static_cast<size_t>(imm(0))];
  if (arg(0).shape != o.shape)
    fail("gives '{}' as {}, it has shape {}", o.name, toString(arg(0).shape),
         toString(o.shape));
}

void Op::take() {
  result(arg(0).elem);
  if (static_cast<int64_t>(in_.imm[0].size()) != core::numel(out().shape))
    fail("has {} indices for shape {}", in_.imm[0].size(),
         toString(out().shape));
  const int64_t n = core::numel(arg(0).shape);
  for (int64_t i : in_.imm[0])
    if (i < -1 || i >= n)
      return fail("takes index {} of {} elements", i, n);
}

void Op::gather() {
  result(arg(0).elem);
  elem(1, {Elem::I64});
  if (!axisOf(arg(0).shape, imm(0)))
    return;
  const Shape &data = arg(0).shape, &index = arg(1).shape;
  Shape want(data.begin(), data.begin() + imm(0));
  want.insert(want.end(), index.begin(), index.end());
  want.insert(want.end(), data.begin() + imm(0) + 1, data.end());
  resultShape(want);
}

void Op::flatIndex() {
  elem(0, {Elem::I64});
  result(Elem::I64);
  for (size_t i = 0; i < 3; ++i)
    if (imm(i) < 0 || imm(i) > kMaxElements)
      return fail("takes sizes in [0, 2^36], got {}", imm(i));
  const __int128 all = static_cast<__int128>(imm(0)) * imm(1);
  const __int128 n = static_cast<__int128>(imm(0)) * core::numel(arg(0).shape);
  if (all > kMaxElements || n > kMaxElements || all * imm(2) > kMaxElements ||
      n * imm(2) != core::numel(out().shape))
    fail("gives {} x {} x {} indices, ${} has shape {}", imm(0),
         core::numel(arg(0).shape), imm(2), at_, toString(out().shape));
}

void Op::encode() {
  result(Elem::I64);
  resultShape(arg(0).shape);
  if (imm(0) < -128 || imm(0) > 128)
    fail("takes frac in -128..128, got {}", imm(0));
  const double most = std::max(std::fabs(out().lo), std::fabs(out().hi));
  if (!(out().lo <= out().hi) ||
      !(std::ldexp(most, static_cast<int>(imm(0))) < 0x1p62))
    fail("has the range [{}, {}] at frac {}: empty or beyond 62 bits", out().lo,
         out().hi, imm(0));
}

void Op::reduce() {
  elem(0, {Elem::F32, Elem::I64});
  result(arg(0).elem);
  reducedShape(in_.imm[0]);
}

void Op::softmax() {
  elem(0, {Elem::F32});
  like(0);
  if (in_.in.size() > 3)
    fail("takes at most two masks");
  if (!axisOf(arg(0).shape, imm(0)))
    return;
  for (size_t i = 1; i < in_.in.size(); ++i) {
    elem(i, {Elem::Bool});
    Result<Shape> s = core::broadcastShapes(arg(0).shape, arg(i).shape);
    if (!s || *s != arg(0).shape)
      fail("mask {} does not broadcast to {}", toString(arg(i).shape),
           toString(arg(0).shape));
  }
}

void Op::matmul() {
  elem(0, {Elem::F32, Elem::I64});
  sameElem(0, 1);
  result(arg(0).elem);
  const Shape &a = arg(0).shape, &b = arg(1).shape;
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2])
    return fail("operands {} and {} do not multiply", toString(a), toString(b));
  Result<Shape> s = core::broadcastShapes(Shape(a.begin(), a.end() - 2),
                                          Shape(b.begin(), b.end() - 2));
  if (!s)
    return fail("{}", s.error().message);
  s->push_back(a[a.size() - 2]);
  s->push_back(b.back());
  resultShape(*s);
}

void Op::types() {
  switch (in_.op) {
  case PublicOp::Input:
    return input();
  case PublicOp::Constant:
    return constant();
  case PublicOp::Real:
    return real();
  case PublicOp::Let:
    return let();
  case PublicOp::Give:
    return give();
  case PublicOp::Strided:
    result(arg(0).elem);
    return stridedShape(imm(0), in_.imm[1]);
  case PublicOp::Concat:
    for (size_t i = 0; i < in_.in.size(); ++i)
      result(arg(i).elem);
    return concatShape(imm(0));
  case PublicOp::Take:
    return take();
  case PublicOp::Gather:
    return gather();
  case PublicOp::FlatIndex:
    return flatIndex();
  case PublicOp::Neg:
  case PublicOp::Abs:
  case PublicOp::Sign:
  case PublicOp::Relu:
    elem(0, {Elem::F32, Elem::I64});
    return like(0);
  case PublicOp::Not:
    elem(0, {Elem::Bool});
    return like(0);
  case PublicOp::Floor:
  case PublicOp::Ceil:
  case PublicOp::Round:
  case PublicOp::Exp:
  case PublicOp::Log:
  case PublicOp::Sqrt:
  case PublicOp::Rsqrt:
  case PublicOp::Recip:
  case PublicOp::Erf:
  case PublicOp::Tanh:
  case PublicOp::Sigmoid:
  case PublicOp::Sin:
  case PublicOp::Cos:
  case PublicOp::Atan:
    elem(0, {Elem::F32});
    return like(0);
  case PublicOp::Add:
  case PublicOp::Sub:
  case PublicOp::Mul:
  case PublicOp::Div:
  case PublicOp::Mod:
  case PublicOp::FMod:
  case PublicOp::Pow:
  case PublicOp::Max:
  case PublicOp::Min:
    elem(0, {Elem::F32, Elem::I64});
    sameElem(0, 1);
    result(arg(0).elem);
    return broadcastOperands();
  case PublicOp::Less:
  case PublicOp::LessEqual:
  case PublicOp::Equal:
    sameElem(0, 1);
    result(Elem::Bool);
    return broadcastOperands();
  case PublicOp::And:
  case PublicOp::Or:
  case PublicOp::Xor:
    elem(0, {Elem::Bool});
    sameElem(0, 1);
    result(Elem::Bool);
    return broadcastOperands();
  case PublicOp::Select:
    elem(0, {Elem::Bool});
    sameElem(1, 2);
    result(arg(1).elem);
    return broadcastOperands();
  case PublicOp::Cast:
    return resultShape(arg(0).shape);
  case PublicOp::Encode:
    return encode();
  case PublicOp::ReduceSum:
  case PublicOp::ReduceMax:
  case PublicOp::ReduceMin:
  case PublicOp::ReduceProd:
    return reduce();
  case PublicOp::Softmax:
    return softmax();
  case PublicOp::MatMul:
    return matmul();
  }
}

std::string badInput(const PublicInputInfo &i) {
  if (std::string e = badShape(i.shape); !e.empty())
    return e;
  if (!(i.lo <= i.hi))
    return fmt::format("range [{}, {}] is empty", i.lo, i.hi);
  return {};
}

} // namespace

std::optional<Complaint> checkPublic(const Plan &p) {
  for (size_t i = 0; i < p.open.inputs.size(); ++i)
    if (std::string e = badInput(p.open.inputs[i]); !e.empty())
      return Complaint{
          Part::PublicInput, i,
          fmt::format("public input '{}': {}", p.open.inputs[i].name, e)};
  std::vector<bool> letBefore(p.consts.size(), false);
  std::vector<bool> given(p.outputs.size(), false);
  for (const Plan::PublicOutput &o : p.publicOutputs)
    given[o.output] = true;
  for (size_t i = 0; i < p.open.code.size(); ++i) {
    const PublicInstr &in = p.open.code[i];
    std::string e = Op(p, i).run();
    if (e.empty() && in.op == PublicOp::Let) {
      auto is = letBefore[static_cast<size_t>(in.scalar(0))];
      e = is ? fmt::format("lets c{} a second time", in.scalar(0)) : "";
      is = true;
    }
    if (e.empty() && in.op == PublicOp::Give) {
      auto is = given[static_cast<size_t>(in.scalar(0))];
      e = is ? fmt::format("gives output {} a second time", in.scalar(0)) : "";
      is = true;
    }
    if (e.empty())
      continue;
    std::string from;
    if (in.loc != 0 && in.loc < p.locations.size())
      from = fmt::format(" (from '{}')", p.locations[in.loc]);
    return Complaint{
        Part::PublicInstr, i,
        fmt::format("public '{}' {}{}", info(in.op).mnemonic, e, from)};
  }
  for (size_t i = 0; i < p.consts.size(); ++i)
    if (p.consts[i].session && !letBefore[i])
      return Complaint{Part::Const, i,
                       fmt::format("session constant c{} is never let", i)};
  return std::nullopt;
}

} // namespace mpc::plan

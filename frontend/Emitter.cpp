#include "frontend/Emitter.h"
#include "ir/Eval.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <algorithm>

namespace mpc::frontend {

void Emitter::fail(const llvm::Twine &why) {
  if (!failed_)
    failure_ = why.str();
  failed_ = true;
}

static const ir::Type kNoType;

const Shape &Emitter::shape(ValueId v) const {
  return v.valid() ? m_.type(v).shape : kNoType.shape;
}

Elem Emitter::elem(ValueId v) const {
  return v.valid() ? m_.type(v).elem : Elem::F32;
}

int64_t Emitter::numel(ValueId v) const {
  return v.valid() ? m_.type(v).numel() : 0;
}

const ConstData *Emitter::known(ValueId v) const {
  if (!v.valid() || !m_.type(v).isPublic())
    return nullptr;
  return m_.constantOf(v);
}

int64_t Emitter::axis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  fail("axis " + llvm::Twine(axis) + " of a tensor of rank " +
       llvm::Twine(rank));
  return 0;
}

Shape Emitter::axes(Ints axes, int64_t rank) {
  Shape out;
  for (int64_t a : axes)
    out.push_back(axis(a, rank));
  llvm::sort(out);
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    fail("axes " + listStr(axes) + " repeat an axis");
  return failed_ ? Shape{} : out;
}

bool Emitter::tooLarge(int64_t n) {
  if (n > kMaxFoldedElements)
    fail("would need a constant of " + llvm::Twine(n) + " elements");
  return failed_;
}

bool Emitter::usable(llvm::ArrayRef<ValueId> vs) const {
  return !failed_ && llvm::all_of(vs, [](ValueId v) { return v.valid(); });
}

ValueId Emitter::emit(Opcode opcode, llvm::ArrayRef<ValueId> operands,
                      Elem elem, Ints shape, llvm::ArrayRef<NamedAttr> attrs) {
  if (!usable(operands))
    return {};
  auto n = ir::checkedNumel(shape);
  if (!n || !usableShape(shape)) {
    fail("the result would have shape " + shapeStr(shape));
    return {};
  }
  ir::Vis vis = ir::Vis::Public;
  bool fold = true;
  std::vector<const ConstData *> data;
  for (ValueId v : operands) {
    vis = ir::join(vis, m_.type(v).vis);
    data.push_back(known(v));
    fold &= data.back() != nullptr;
  }
  auto type = ir::Type::tensor(elem, vis, shape);
  if (!fold) {
    ValueId v = m_.append(opcode, operands, std::move(type), loc_);
    for (const auto &[key, value] : attrs)
      m_.op(v).setAttr(key, value);
    return v;
  }
  if (tooLarge(*n))
    return {};
  ir::Op op;
  op.opcode = opcode;
  op.type = std::move(type);
  op.operands.assign(operands.begin(), operands.end());
  op.loc = loc_;
  for (const auto &[key, value] : attrs)
    op.setAttr(key, value);
  auto result = ir::evalOp(m_, op, data);
  if (!result) {
    fail(llvm::toString(result.takeError()));
    return {};
  }
  return constant(std::move(*result));
}

ValueId Emitter::constant(ConstData data) {
  if (failed_)
    return {};
  return m_.constant(std::move(data), ir::Vis::Public, loc_);
}

static ConstData makeData(Elem elem, Ints shape) {
  ConstData d;
  d.elem = elem;
  d.shape.assign(shape.begin(), shape.end());
  return d;
}

ValueId Emitter::scalar(double value) { return scalar(value, Elem::F32); }

ValueId Emitter::scalar(double value, Elem elem) {
  ConstData d = makeData(elem, {});
  if (elem == Elem::F32)
    d.floats = {static_cast<float>(value)};
  else
    d.ints = {value >= 0x1p63    ? INT64_MAX
              : value >= -0x1p63 ? static_cast<int64_t>(value)
                                 : INT64_MIN};
  return constant(std::move(d));
}

ValueId Emitter::floats(std::vector<float> v, Ints shape) {
  ConstData d = makeData(Elem::F32, shape);
  d.floats = std::move(v);
  return constant(std::move(d));
}

ValueId Emitter::ints(std::vector<int64_t> v, Ints shape) {
  ConstData d = makeData(Elem::I64, shape);
  d.ints = std::move(v);
  return constant(std::move(d));
}

ValueId Emitter::bools(std::vector<int64_t> v, Ints shape) {
  ConstData d = makeData(Elem::Bool, shape);
  d.ints = std::move(v);
  return constant(std::move(d));
}

/// Whether an elementwise op is defined for operands of this type.
static bool defined(Opcode op, Elem e) {
  switch (op) {
  case Opcode::Not:
  case Opcode::And:
  case Opcode::Or:
  case Opcode::Xor:
    return e == Elem::Bool;
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Mul:
  case Opcode::Div:
  case Opcode::Pow:
  case Opcode::Max:
  case Opcode::Min:
  case Opcode::Neg:
  case Opcode::Abs:
  case Opcode::Sign:
  case Opcode::Relu:
  case Opcode::Less:
  case Opcode::LessEqual:
  case Opcode::Equal:
    return e != Elem::Bool;
  default:
    return e == Elem::F32;
  }
}

ValueId Emitter::unary(Opcode op, ValueId x) {
  if (usable({x}) && !defined(op, elem(x)))
    fail("an operand of type " + ir::name(elem(x)));
  return emit(op, {x}, ir::yieldsBool(op) ? Elem::Bool : elem(x), shape(x));
}

ValueId Emitter::binary(Opcode op, ValueId a, ValueId b) {
  if (!usable({a, b}))
    return {};
  if (elem(a) != elem(b)) {
    fail("operands of types " + ir::name(elem(a)) + " and " +
         ir::name(elem(b)));
    return {};
  }
  if (!defined(op, elem(a))) {
    fail("operands of type " + ir::name(elem(a)));
    return {};
  }
  auto s = ir::broadcastShape(shape(a), shape(b));
  if (!s) {
    fail("shapes " + shapeStr(shape(a)) + " and " + shapeStr(shape(b)) +
         " do not broadcast");
    return {};
  }
  return emit(op, {a, b}, ir::yieldsBool(op) ? Elem::Bool : elem(a), *s);
}

ValueId Emitter::max(ValueId a, double b) {
  return binary(Opcode::Max, a, scalar(b, elem(a)));
}

ValueId Emitter::min(ValueId a, double b) {
  return binary(Opcode::Min, a, scalar(b, elem(a)));
}

ValueId Emitter::mod(ValueId a, ValueId b, bool fmod) {
  auto s = ir::broadcastShape(shape(a), shape(b));
  if (!s || elem(a) != elem(b)) {
    fail("operands of different types, or shapes that do not broadcast");
    return {};
  }
  return emit(Opcode::Mod, {a, b}, elem(a), *s, {{"fmod", int64_t{fmod}}});
}

ValueId Emitter::select(ValueId c, ValueId a, ValueId b) {
  if (!usable({a, b, c}))
    return {};
  if (elem(a) != elem(b) || elem(c) != Elem::Bool) {
    fail("a condition of type " + ir::name(elem(c)) + " choosing between " +
         ir::name(elem(a)) + " and " + ir::name(elem(b)));
    return {};
  }
  auto s = ir::broadcastShape(shape(a), shape(b));
  if (s)
    s = ir::broadcastShape(*s, shape(c));
  if (!s) {
    fail("shapes " + shapeStr(shape(c)) + ", " + shapeStr(shape(a)) + " and " +
         shapeStr(shape(b)) + " do not broadcast");
    return {};
  }
  // A choice that is known everywhere is no choice.
  if (const ConstData *k = known(c); k && !k->ints.empty())
    if (llvm::all_equal(k->ints))
      return broadcastTo(k->ints[0] ? a : b, *s);
  return emit(Opcode::Select, {c, a, b}, elem(a), *s);
}

ValueId Emitter::cast(ValueId x, Elem to) {
  return elem(x) == to ? x : emit(Opcode::Cast, {x}, to, shape(x));
}

ValueId Emitter::matmul(ValueId a, ValueId b) {
  if (!usable({a, b}))
    return {};
  const Shape sa = shape(a), sb = shape(b);
  auto mismatch = [&] {
    fail("cannot multiply matrices of shapes " + shapeStr(sa) + " and " +
         shapeStr(sb));
    return ValueId{};
  };
  if (sa.empty() || sb.empty() || elem(a) != elem(b))
    return mismatch();
  if (sa.size() == 1 || sb.size() == 1) {
    // A vector is a row on the left, a column on the right; its axis goes.
    ValueId r = matmul(sa.size() == 1 ? reshape(a, {1, sa[0]}) : a,
                       sb.size() == 1 ? reshape(b, {sb[0], 1}) : b);
    if (!r.valid())
      return r;
    Shape out = shape(r);
    if (sb.size() == 1)
      out.pop_back();
    if (sa.size() == 1)
      out.erase(out.end() - (sb.size() == 1 ? 1 : 2));
    return reshape(r, out);
  }
  auto out = ir::matmulShape(sa, sb);
  return out ? emit(Opcode::MatMul, {a, b}, elem(a), *out) : mismatch();
}

ValueId Emitter::reduce(Opcode op, ValueId x, Ints axes, bool keepdims) {
  Shape out;
  for (int64_t i = 0; i < rank(x); ++i) {
    bool gone = llvm::is_contained(axes, i);
    if (gone && shape(x)[i] == 0 && op != Opcode::ReduceSum &&
        op != Opcode::ReduceProd) {
      fail("reduces an axis of size 0");
      return {};
    }
    if (!gone)
      out.push_back(shape(x)[i]);
    else if (keepdims)
      out.push_back(1);
  }
  if (axes.empty())
    return x;
  if (usable({x}) && elem(x) == Elem::Bool)
    fail("an operand of type bool");
  return emit(op, {x}, elem(x), out,
              {{"axes", axes.vec()}, {"keepdims", int64_t{keepdims}}});
}

ValueId Emitter::softmax(ValueId x, int64_t axis) {
  return emit(Opcode::Softmax, {x}, Elem::F32, shape(x), {{"axis", axis}});
}

ValueId Emitter::gather(ValueId data, ValueId indices, int64_t axis) {
  if (!usable({data, indices}))
    return {};
  auto out = ir::gatherShape(shape(data), shape(indices), axis);
  if (!out || elem(indices) != Elem::I64) {
    fail("indices must be integers, the data of rank > 0");
    return {};
  }
  return emit(Opcode::Gather, {data, indices}, elem(data), *out,
              {{"axis", axis}});
}

ValueId Emitter::reshape(ValueId x, Ints to) {
  if (!usable({x}) || Ints(shape(x)) == to)
    return failed_ ? ValueId{} : x;
  auto n = ir::checkedNumel(to);
  if (!n || *n != numel(x)) {
    fail("cannot reshape " + shapeStr(shape(x)) + " to " + listStr(to));
    return {};
  }
  return emit(Opcode::Reshape, {x}, elem(x), to);
}

ValueId Emitter::transpose(ValueId x, Ints perm) {
  if (!usable({x}))
    return {};
  auto out = ir::transposeShape(shape(x), perm);
  if (!out) {
    fail("permutation " + listStr(perm) + " of a tensor of rank " +
         llvm::Twine(rank(x)));
    return {};
  }
  if (llvm::is_sorted(perm))
    return x;
  return emit(Opcode::Transpose, {x}, elem(x), *out, {{"perm", perm.vec()}});
}

ValueId Emitter::broadcastTo(ValueId x, Ints to) {
  if (!usable({x}) || Ints(shape(x)) == to)
    return failed_ ? ValueId{} : x;
  if (!ir::broadcastsTo(shape(x), to)) {
    fail("shape " + shapeStr(shape(x)) + " does not broadcast to " +
         shapeStr(to));
    return {};
  }
  return emit(Opcode::Broadcast, {x}, elem(x), to);
}

ValueId Emitter::slice(ValueId x, Ints starts, Ints steps, Ints sizes) {
  if (!usable({x}))
    return {};
  if (Ints(shape(x)) == sizes &&
      llvm::all_of(steps, [](int64_t s) { return s == 1; }))
    return x;
  // An empty axis may start anywhere; it starts at 0.
  Shape from(starts.begin(), starts.end());
  for (size_t a = 0; a < from.size(); ++a)
    if (sizes[a] == 0)
      from[a] = 0;
  if (llvm::all_of(steps, [](int64_t s) { return s > 0; }))
    return emit(Opcode::Slice, {x}, elem(x), sizes,
                {{"starts", Ints(from).vec()}, {"steps", steps.vec()}});
  // Backwards: element by element.
  if (!usableShape(sizes))
    fail("the result would have shape " + shapeStr(sizes));
  if (failed_ || tooLarge(ir::numelOf(sizes)))
    return {};
  std::vector<int64_t> indices{0};
  if (ir::numelOf(sizes) == 0)
    return take(x, {}, sizes);
  Shape str = strides(shape(x));
  for (int64_t a = 0; a < rank(x); ++a) {
    std::vector<int64_t> next;
    next.reserve(indices.size() * sizes[a]);
    for (int64_t base : indices)
      for (int64_t i = 0; i < sizes[a]; ++i)
        next.push_back(base + (starts[a] + i * steps[a]) * str[a]);
    indices = std::move(next);
  }
  return take(x, std::move(indices), sizes);
}

ValueId Emitter::slice(ValueId x, int64_t axis, int64_t start, int64_t size) {
  Shape starts(rank(x), 0), steps(rank(x), 1), sizes = shape(x);
  if (!usable({x}))
    return {};
  starts[axis] = start;
  sizes[axis] = size;
  return slice(x, starts, steps, sizes);
}

ValueId Emitter::concat(llvm::ArrayRef<ValueId> xs, int64_t axis) {
  if (!usable(xs))
    return {};
  if (xs.size() == 1)
    return xs[0];
  Shape out = shape(xs[0]);
  for (ValueId x : xs.drop_front()) {
    Shape s = shape(x);
    bool fits = s.size() == out.size() && elem(x) == elem(xs[0]);
    for (size_t i = 0; fits && i < s.size(); ++i)
      fits = static_cast<int64_t>(i) == axis || s[i] == out[i];
    if (!fits) {
      fail("cannot concatenate " + ir::name(elem(xs[0])) + " " +
           shapeStr(shape(xs[0])) + " and " + ir::name(elem(x)) + " " +
           shapeStr(s) + " along axis " + llvm::Twine(axis));
      return {};
    }
    out[axis] += s[axis];
  }
  return emit(Opcode::Concat, xs, elem(xs[0]), out, {{"axis", axis}});
}

ValueId Emitter::padZeros(ValueId x, Ints before, Ints after) {
  if (!usable({x}))
    return {};
  Shape out = shape(x);
  for (int64_t i = 0; i < rank(x); ++i)
    out[i] += before[i] + after[i];
  if (out == shape(x))
    return x;
  return emit(Opcode::Pad, {x}, elem(x), out, {{"before", before.vec()}});
}

ValueId Emitter::take(ValueId x, std::vector<int64_t> indices, Ints shape) {
  if (!usable({x}))
    return {};
  ConstData d = makeData(Elem::I64, shape);
  d.ints = std::move(indices);
  ir::ConstId id = m_.addConst(std::move(d));
  return emit(Opcode::Take, {x}, elem(x), shape, {{"indices", id}});
}

} // namespace mpc::frontend

//===- ir/Builder.cpp - appends tensor-level ops with inferred types ------===//
#include "ir/Builder.h"

namespace mpc::ir {

static std::vector<int64_t> vec(Dims d) { return {d.begin(), d.end()}; }

Vis Builder::joinOf(llvm::ArrayRef<ValueId> values) const {
  Vis vis = Vis::Public;
  for (ValueId v : values)
    vis = join(vis, type(v).vis);
  return vis;
}

ValueId Builder::create(Opcode op, llvm::ArrayRef<ValueId> operands, Elem elem,
                        Dims shape) {
  return m_.append(op, operands, Type::tensor(elem, joinOf(operands), shape),
                   loc_);
}

ValueId Builder::input(llvm::StringRef name, Elem elem, Dims shape, Vis vis) {
  ValueId v =
      m_.append(Opcode::Input, {}, Type::tensor(elem, vis, shape), loc_);
  m_.op(v).setAttr("name", name.str());
  return v;
}

ValueId Builder::constant(ConstData data, Vis vis) {
  return m_.constant(std::move(data), vis, loc_);
}

ValueId Builder::scalar(double value) {
  return floats({}, {static_cast<float>(value)}, Vis::Public);
}

ValueId Builder::scalarInt(int64_t value) { return ints({}, {value}); }

ValueId Builder::floats(Dims shape, llvm::ArrayRef<float> values, Vis vis) {
  assert(numelOf(shape) == static_cast<int64_t>(values.size()));
  ConstData data;
  data.shape.assign(shape.begin(), shape.end());
  data.floats.assign(values.begin(), values.end());
  return constant(std::move(data), vis);
}

ValueId Builder::ints(Dims shape, llvm::ArrayRef<int64_t> values) {
  assert(numelOf(shape) == static_cast<int64_t>(values.size()));
  ConstData data;
  data.elem = Elem::I64;
  data.shape.assign(shape.begin(), shape.end());
  data.ints.assign(values.begin(), values.end());
  return constant(std::move(data), Vis::Public);
}

//===--------------------------------------------------------------------===//
// Elementwise
//===--------------------------------------------------------------------===//

ValueId Builder::unary(Opcode op, ValueId a) {
  assert(info(op).minOperands == 1 && info(op).maxOperands == 1);
  return create(op, {a}, yieldsBool(op) ? Elem::Bool : type(a).elem, shape(a));
}

ValueId Builder::binary(Opcode op, ValueId a, ValueId b) {
  assert(type(a).elem == type(b).elem && "cast first");
  std::optional<Shape> out = broadcastShape(shape(a), shape(b));
  assert(out && "operands do not broadcast");
  return create(op, {a, b}, yieldsBool(op) ? Elem::Bool : type(a).elem, *out);
}

ValueId Builder::select(ValueId cond, ValueId a, ValueId b) {
  assert(type(cond).elem == Elem::Bool && type(a).elem == type(b).elem);
  std::optional<Shape> out = broadcastShape(shape(a), shape(b));
  assert(out && "operands do not broadcast");
  out = broadcastShape(shape(cond), *out);
  assert(out && "condition does not broadcast");
  return create(Opcode::Select, {cond, a, b}, type(a).elem, *out);
}

ValueId Builder::cast(ValueId a, Elem to) {
  if (type(a).elem == to)
    return a;
  return create(Opcode::Cast, {a}, to, shape(a));
}

ValueId Builder::map(ValueId a, const Expr &expr) {
  ValueId v = create(Opcode::Map, {a}, Elem::F32, shape(a));
  m_.op(v).setAttr("expr", expr.str());
  return v;
}

//===--------------------------------------------------------------------===//
// Contraction
//===--------------------------------------------------------------------===//

ValueId Builder::matmul(ValueId a, ValueId b) {
  assert(type(a).elem == type(b).elem && "cast first");
  std::optional<Shape> out = matmulShape(shape(a), shape(b));
  assert(out && "operands do not multiply");
  return create(Opcode::MatMul, {a, b}, type(a).elem, *out);
}

ValueId Builder::reduce(Opcode op, ValueId a, Dims axes, bool keepdims) {
  std::vector<int64_t> norm;
  for (int64_t axis : axes)
    norm.push_back(normalizeAxis(axis, type(a).rank()));
  std::optional<Shape> out = reduceShape(shape(a), norm, keepdims);
  assert(out && "axes do not fit");
  ValueId v = create(op, {a}, type(a).elem, *out);
  m_.op(v).setAttr("axes", std::move(norm));
  m_.op(v).setAttr("keepdims", int64_t(keepdims));
  return v;
}

ValueId Builder::softmax(ValueId a, int64_t axis, std::optional<ValueId> mask) {
  llvm::SmallVector<ValueId, 2> operands{a};
  if (mask)
    operands.push_back(*mask);
  ValueId v = create(Opcode::Softmax, operands, type(a).elem, shape(a));
  m_.op(v).setAttr("axis", normalizeAxis(axis, type(a).rank()));
  return v;
}

ValueId Builder::gather(ValueId data, ValueId indices, int64_t axis) {
  axis = normalizeAxis(axis, type(data).rank());
  std::optional<Shape> out = gatherShape(shape(data), shape(indices), axis);
  assert(out && "axis does not fit");
  ValueId v = create(Opcode::Gather, {data, indices}, type(data).elem, *out);
  m_.op(v).setAttr("axis", axis);
  return v;
}

//===--------------------------------------------------------------------===//
// Data movement
//===--------------------------------------------------------------------===//

ValueId Builder::move(Opcode op, ValueId a, Dims shape) {
  Type t = type(a);
  t.shape.assign(shape.begin(), shape.end());
  return m_.append(op, {a}, std::move(t), loc_);
}

ValueId Builder::reshape(ValueId a, Dims to) {
  assert(numelOf(to) == type(a).numel() && "a reshape keeps the elements");
  return shape(a) == to ? a : move(Opcode::Reshape, a, to);
}

ValueId Builder::transpose(ValueId a, Dims perm) {
  std::optional<Shape> out = transposeShape(shape(a), perm);
  assert(out && "not a permutation of the axes");
  ValueId v = move(Opcode::Transpose, a, *out);
  m_.op(v).setAttr("perm", vec(perm));
  return v;
}

ValueId Builder::slice(ValueId a, Dims starts, Dims sizes, Dims steps) {
  assert(starts.size() == shape(a).size() && steps.size() == starts.size() &&
         sizes.size() == starts.size() && "one of each for every axis");
  ValueId v = move(Opcode::Slice, a, sizes);
  m_.op(v).setAttr("starts", vec(starts));
  m_.op(v).setAttr("steps", vec(steps));
  return v;
}

ValueId Builder::concat(llvm::ArrayRef<ValueId> values, int64_t axis) {
  llvm::SmallVector<Dims, 4> shapes;
  for (ValueId v : values)
    shapes.push_back(shape(v));
  axis = normalizeAxis(axis, static_cast<int64_t>(shapes[0].size()));
  std::optional<Shape> out = concatShape(shapes, axis);
  assert(out && "operands do not fit together");
  Type t = type(values[0]);
  t.vis = joinOf(values);
  t.shape = *out;
  for (ValueId v : values)
    t.intBits = std::max(t.intBits, type(v).intBits);
  ValueId v = m_.append(Opcode::Concat, values, std::move(t), loc_);
  m_.op(v).setAttr("axis", axis);
  return v;
}

ValueId Builder::broadcast(ValueId a, Dims to) {
  assert(broadcastsTo(shape(a), to));
  return shape(a) == to ? a : move(Opcode::Broadcast, a, to);
}

ValueId Builder::pad(ValueId a, Dims before, Dims resultShape) {
  assert(before.size() == shape(a).size() && "one entry for every axis");
  ValueId v = move(Opcode::Pad, a, resultShape);
  m_.op(v).setAttr("before", vec(before));
  return v;
}

ValueId Builder::take(ValueId a, std::vector<int64_t> indices, Dims to) {
  assert(numelOf(to) == static_cast<int64_t>(indices.size()));
  ConstData data;
  data.elem = Elem::I64;
  data.shape.assign(to.begin(), to.end());
  data.ints = std::move(indices);
  ConstId id = m_.addConst(std::move(data));
  ValueId v = move(Opcode::Take, a, to);
  m_.op(v).setAttr("indices", id);
  return v;
}

} // namespace mpc::ir

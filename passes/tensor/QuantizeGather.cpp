//===- passes/tensor/QuantizeGather.cpp - rows of a table -----------------===//
// An index that all know moves data, one of the session's too; a secret one is
// a fixed.gather along axis 0, between transposes if need be.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

Quantizer::Converted Quantizer::gather(const Node &n) {
  const ValueId data = value(n.op.operands[0]);
  int64_t axis = n.op.intAttr("axis");
  if (axis < 0)
    axis += in_.type(n.op.operands[0]).rank();
  if (const ConstData *index = in_.constantOf(n.op.operands[1]))
    return moved(publicGather(data, *index, axis, n.shape), data);
  if (in_.type(n.op.operands[1]).isPublic())
    return openGather(data, raw(n.op.operands[1]), axis, n.shape);

  const int64_t rows = shapeOf(data)[axis];
  const ValueId index = value(n.op.operands[1]);
  const Range range = rangeOf(index);
  if (range.first < -static_cast<double>(rows) ||
      range.second > static_cast<double>(rows - 1))
    return nodeError(n.op,
                     llvm::formatv("a secret index must lie in [{0}, {1}], "
                                   "its declared range is [{2}, {3}]",
                                   -rows, rows - 1, range.first, range.second));
  return secretGather(data, fromTheStart(index, rows), axis, n.shape);
}

ValueId Quantizer::publicGather(ValueId data, const ConstData &index,
                                int64_t axis, const Shape &shape) {
  const Shape d = shapeOf(data);
  const int64_t outer = numelOf(llvm::ArrayRef(d).take_front(axis)),
                inner = numelOf(llvm::ArrayRef(d).drop_front(axis + 1));
  std::vector<int64_t> flat;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i : index.ints) {
      const int64_t row = i < 0 ? i + d[axis] : i;
      for (int64_t k = 0; k < inner; ++k)
        flat.push_back((o * d[axis] + row) * inner + k);
    }
  return b_.take(data, std::move(flat), shape);
}

ValueId Quantizer::fromTheStart(ValueId index, int64_t rows) {
  if (rangeOf(index).first >= 0)
    return index;
  const Shape s = shapeOf(index);
  const double count = static_cast<double>(rows);
  const ValueId wrap = multiply(toArithmetic(less(index, scalar(0), s)),
                                scalar(count), s, {0, count});
  return addOrSub(Opcode::FixedAdd, index, wrap, s, {0, count - 1});
}

ValueId Quantizer::secretGather(ValueId data, ValueId index, int64_t axis,
                                const Shape &shape) {
  if (out_.type(data).elem == Elem::Bool && out_.constantOf(data)) {
    const ConstData &bits = *out_.constantOf(data);
    ConstData numbers{Elem::F32, bits.shape, {}, {}};
    numbers.floats.assign(bits.ints.begin(), bits.ints.end());
    data = publicConstant(std::move(numbers));
  }
  data = ready(toArithmetic(data));
  const Shape table = shapeOf(data);
  Shape gathered = shape;
  std::vector<int64_t> back;
  if (axis != 0) {
    std::vector<int64_t> perm{axis};
    gathered = shapeOf(index);
    for (int64_t i = 0, n = table.size(); i < n; ++i)
      if (i != axis) {
        perm.push_back(i);
        gathered.push_back(table[i]);
      }
    data = moved(b_.transpose(data, perm), data);
    const int64_t k = shapeOf(index).size(), n = shape.size();
    for (int64_t i = 0; i < n; ++i)
      back.push_back(i < axis ? k + i : i < axis + k ? i - axis : i);
  }
  ValueId g = emit(Opcode::FixedGather, {data, index}, gathered, fracOf(data),
                   rangeOf(data));
  out_.op(g).setAttr("axis", int64_t{0});
  out_.op(g).setAttr("rows", table[axis]);
  return axis == 0 ? g : moved(b_.transpose(g, back), g);
}

} // namespace mpc::passes

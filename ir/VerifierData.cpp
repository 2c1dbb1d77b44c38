//===- ir/VerifierData.cpp - rules 8, 13 to 21: data and its movement -----===//
//
// And the helpers that the checks of every level share.
//
//===----------------------------------------------------------------------===//
#include "ir/Expr.h"
#include "ir/VerifierImpl.h"

namespace mpc::ir::detail {

using llvm::Twine;

std::string shapeText(Dims shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? "x" : "") + std::to_string(shape[i]);
  return text + "]";
}

bool OpChecker::fail(const Twine &message) {
  if (message_.empty())
    message_ = message.str();
  return false;
}

bool OpChecker::shapeIs(const std::optional<Shape> &expected,
                        const Twine &otherwise) {
  if (!expected)
    return fail(otherwise);
  return require(result().shape == *expected,
                 "has shape " + shapeText(result().shape) + ", expected " +
                     shapeText(*expected));
}

bool OpChecker::shapeBroadcast() {
  Shape shape = operand(0).shape;
  for (size_t i = 1; i < numOperands(); ++i) {
    std::optional<Shape> next = broadcastShape(shape, operand(i).shape);
    if (!next)
      return fail("operands " + shapeText(shape) + " and " +
                  shapeText(operand(i).shape) + " do not broadcast");
    shape = std::move(*next);
  }
  return shapeIs(shape, "");
}

bool OpChecker::segmentsFill(int64_t axis) {
  if (!op_.hasAttr("segments"))
    return true;
  const Shape &s = operand(0).shape;
  int64_t sum = 0;
  for (int64_t length : op_.intsAttr("segments")) {
    if (!require(length >= 1, "takes segments of at least one element, got " +
                                  Twine(length)))
      return false;
    sum += length;
  }
  return require(axis + 1 == static_cast<int64_t>(s.size()),
                 "has segments along the last axis only") &&
         require(sum == s.back(), "has segments of " + Twine(sum) +
                                      " elements in all for " + shapeText(s));
}

bool OpChecker::shapeReduced() {
  if (op_.hasAttr("segments")) {
    const llvm::ArrayRef<int64_t> axes = op_.intsAttr("axes");
    if (!require(axes.size() == 1 && op_.intAttr("keepdims") == 1,
                 "with segments takes one axis and keepdims = 1") ||
        !segmentsFill(axes[0]))
      return false;
    Shape to = operand(0).shape;
    to.back() = static_cast<int64_t>(op_.intsAttr("segments").size());
    return shapeIs(to, "");
  }
  return intAttrIn("keepdims", 0, 1) &&
         shapeIs(reduceShape(operand(0).shape, op_.intsAttr("axes"),
                             op_.intAttr("keepdims")),
                 "axes are repeated or outside " + shapeText(operand(0).shape));
}

bool OpChecker::shapeMatMul() {
  return shapeIs(matmulShape(operand(0).shape, operand(1).shape),
                 "operands " + shapeText(operand(0).shape) + " and " +
                     shapeText(operand(1).shape) + " do not multiply");
}

bool OpChecker::intAttrIn(llvm::StringRef key, int64_t lo, int64_t hi) {
  int64_t v = op_.intAttr(key);
  return require(lo <= v && v <= hi, "takes " + key + " in [" + Twine(lo) +
                                         "," + Twine(hi) + "], got " +
                                         Twine(v));
}

bool OpChecker::axisIn(const Type &t) {
  int64_t axis = op_.intAttr("axis");
  return require(0 <= axis && axis < t.rank(),
                 "axis " + Twine(axis) + " is outside " + shapeText(t.shape));
}

bool OpChecker::expr() {
  llvm::Expected<Expr> e = Expr::parse(op_.strAttr("expr"));
  return e ? true : fail(llvm::toString(e.takeError()));
}

bool OpChecker::domain() {
  if (!op_.hasAttr("lo") || !op_.hasAttr("hi"))
    return true;
  return require(op_.floatAttr("lo") <= op_.floatAttr("hi"), "needs lo <= hi");
}

bool OpChecker::checkAny() {
  const Type &t = result();
  switch (op_.opcode) {
  case Opcode::Input:
    return input();
  case Opcode::Constant:
    return constant();
  case Opcode::Reshape:
    return sameKind(0) && require(operand(0).numel() == t.numel(),
                                  "turns " + Twine(operand(0).numel()) +
                                      " elements into " + Twine(t.numel()));
  case Opcode::Transpose:
    return sameKind(0) &&
           shapeIs(transposeShape(operand(0).shape, op_.intsAttr("perm")),
                   "perm does not permute the axes of " +
                       shapeText(operand(0).shape));
  case Opcode::Slice:
    return sameKind(0) && slice();
  case Opcode::Concat: {
    llvm::SmallVector<Dims, 4> shapes;
    for (size_t i = 0; i < numOperands(); ++i) {
      if (!sameKind(i))
        return false;
      shapes.push_back(operand(i).shape);
    }
    return axisIn(operand(0)) &&
           shapeIs(concatShape(shapes, op_.intAttr("axis")),
                   "operands differ in more than the axis");
  }
  case Opcode::Broadcast:
    return sameKind(0) &&
           require(broadcastsTo(operand(0).shape, t.shape),
                   shapeText(operand(0).shape) + " does not broadcast to " +
                       shapeText(t.shape));
  case Opcode::Pad:
    return sameKind(0) && pad();
  case Opcode::Take:
    return sameKind(0) && take();
  case Opcode::Pick:
    return sameKind(0) &&
           require(operand(1).elem == Elem::I64 && operand(1).isPublic(),
                   "needs public i64 indices, got " + operand(1).str()) &&
           shapeIs(operand(1).shape, "");
  case Opcode::Encode:
    return shapeIs(operand(0).shape, "") &&
           require(operand(0).isPublic() && !operand(0).isFx(),
                   "needs a public operand that is no fx, got " +
                       operand(0).str()) &&
           require(t.isFx(), "gives fx, not " + t.str());
  default:
    return fail("has no rules");
  }
}

bool OpChecker::input() {
  return require(!op_.strAttr("name").empty(), "needs a name") && domain();
}

bool OpChecker::constant() {
  const ConstData &data = m_.constData(op_.constAttr("value"));
  Elem elem = dataElem(result());
  if (!require(result().vis != Vis::Secret,
               "is secret; only an input is the client's") ||
      !require(data.elem == elem,
               "is " + name(elem) + ", its data is " + name(data.elem)) ||
      !require(data.shape == result().shape,
               "has shape " + shapeText(result().shape) + ", its data has " +
                   shapeText(data.shape)) ||
      !require(data.numel() == result().numel(), "has " + Twine(data.numel()) +
                                                     " elements of " +
                                                     Twine(result().numel())))
    return false;
  if (elem == Elem::Bool)
    for (int64_t v : data.ints)
      if (v != 0 && v != 1)
        return fail("holds a bool that is neither 0 nor 1");
  return true;
}

bool OpChecker::sameKind(size_t i) {
  const Type &from = operand(i), &to = result();
  return require(from.elem == to.elem && from.frac == to.frac &&
                     from.form == to.form,
                 "turns " + from.str() + " into " + to.str()) &&
         equalRing(from, to);
}

bool OpChecker::slice() {
  Dims shape = operand(0).shape, sizes = result().shape;
  Dims starts = op_.intsAttr("starts"), steps = op_.intsAttr("steps");
  if (!require(starts.size() == shape.size() && steps.size() == shape.size() &&
                   sizes.size() == shape.size(),
               "needs one start, step and extent an axis"))
    return false;
  // Dimensions are below 2^41, so bounding the step avoids overflow.
  constexpr int64_t kMaxStep = int64_t(1) << 20;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!require(steps[i] != 0, "has a step of 0"))
      return false;
    if (sizes[i] == 0)
      continue;
    bool inside =
        0 <= starts[i] && starts[i] < shape[i] && sizes[i] <= shape[i] &&
        (sizes[i] == 1 || (-kMaxStep <= steps[i] && steps[i] <= kMaxStep));
    if (inside && sizes[i] > 1) {
      int64_t last = starts[i] + (sizes[i] - 1) * steps[i];
      inside = 0 <= last && last < shape[i];
    }
    if (!require(inside, "leaves the operand " + shapeText(shape) +
                             " along axis " + Twine(i)))
      return false;
  }
  return true;
}

bool OpChecker::pad() {
  Dims shape = operand(0).shape, out = result().shape;
  Dims before = op_.intsAttr("before");
  if (!require(before.size() == shape.size() && out.size() == shape.size(),
               "needs one entry of before and one extent an axis"))
    return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!require(0 <= before[i] && before[i] <= out[i] &&
                     shape[i] <= out[i] - before[i],
                 "does not fit into " + shapeText(out) + " along axis " +
                     Twine(i)))
      return false;
  return true;
}

bool OpChecker::take() {
  const ConstData &indices = m_.constData(op_.constAttr("indices"));
  int64_t n = operand(0).numel();
  if (!require(indices.elem == Elem::I64, "needs i64 indices") ||
      !require(indices.numel() == result().numel(),
               "needs " + Twine(result().numel()) + " indices, got " +
                   Twine(indices.numel())))
    return false;
  for (int64_t i : indices.ints)
    if (!require(-1 <= i && i < n,
                 "index " + Twine(i) + " is outside [-1," + Twine(n) + ")"))
      return false;
  return true;
}

} // namespace mpc::ir::detail

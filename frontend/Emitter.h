//===- frontend/Emitter.h - builds tensor ops, folds what is known --------===//
//
// What operator handlers build with. Two rules make handlers short:
//  - an op whose operands are all public constants is evaluated on the spot
//    and becomes a constant;
//  - errors stick: the first fail() wins, and from then on every function
//    returns an invalid value and does nothing, so handlers need no checks
//    between steps (except before they use numbers they computed).
// Shapes follow numpy; what does not fit is the model's error, never an
// assertion.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "frontend/Support.h"
#include "ir/Module.h"

namespace mpc::frontend {

using ir::ConstData;
using ir::Elem;
using ir::Opcode;
using ir::Shape;
using ir::ValueId;
using Ints = llvm::ArrayRef<int64_t>;

class Emitter {
public:
  Emitter(ir::Module &m, std::string loc) : m_(m), loc_(std::move(loc)) {}

  void fail(const llvm::Twine &why);
  bool failed() const { return failed_; }
  const std::string &failure() const { return failure_; }

  const Shape &shape(ValueId v) const;
  int64_t rank(ValueId v) const { return shape(v).size(); }
  Elem elem(ValueId v) const;
  int64_t numel(ValueId v) const;
  /// The data of a public constant, else null. Valid until the next op.
  const ConstData *known(ValueId v) const;
  /// `axis` counted from the front; fails if it is not in [-rank, rank).
  int64_t axis(int64_t axis, int64_t rank);
  /// The same for a list; sorted, fails on duplicates.
  Shape axes(Ints axes, int64_t rank);
  /// Fails if a list of `n` elements is more than the compiler should hold.
  bool tooLarge(int64_t n);

  ValueId constant(ConstData data);
  ValueId scalar(double value);            ///< f32, rank 0
  ValueId scalar(double value, Elem elem); ///< rank 0
  ValueId floats(std::vector<float> v, Ints shape);
  ValueId ints(std::vector<int64_t> v, Ints shape);
  ValueId ints(Ints v) { return ints(v.vec(), {int64_t(v.size())}); }
  ValueId bools(std::vector<int64_t> v, Ints shape);

  ValueId unary(Opcode op, ValueId x);
  /// Broadcasts; comparisons and logic give bool.
  ValueId binary(Opcode op, ValueId a, ValueId b);
  ValueId add(ValueId a, ValueId b) { return binary(Opcode::Add, a, b); }
  ValueId sub(ValueId a, ValueId b) { return binary(Opcode::Sub, a, b); }
  ValueId mul(ValueId a, ValueId b) { return binary(Opcode::Mul, a, b); }
  ValueId div(ValueId a, ValueId b) { return binary(Opcode::Div, a, b); }
  ValueId mul(ValueId a, double b) { return mul(a, scalar(b, elem(a))); }
  ValueId add(ValueId a, double b) { return add(a, scalar(b, elem(a))); }
  ValueId max(ValueId a, double b);
  ValueId min(ValueId a, double b);
  ValueId mod(ValueId a, ValueId b, bool fmod);
  ValueId select(ValueId c, ValueId a, ValueId b);
  ValueId cast(ValueId x, Elem elem);
  ValueId matmul(ValueId a, ValueId b);
  /// Over non-negative, sorted axes.
  ValueId reduce(Opcode op, ValueId x, Ints axes, bool keepdims);
  ValueId softmax(ValueId x, int64_t axis);
  ValueId gather(ValueId data, ValueId indices, int64_t axis);

  ValueId reshape(ValueId x, Ints shape);
  ValueId transpose(ValueId x, Ints perm);
  ValueId broadcastTo(ValueId x, Ints shape);
  /// result[i] = x[start + i * step] along every axis; steps may be negative.
  ValueId slice(ValueId x, Ints starts, Ints steps, Ints sizes);
  /// [start, start + size) of one axis.
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t size);
  ValueId concat(llvm::ArrayRef<ValueId> xs, int64_t axis);
  ValueId padZeros(ValueId x, Ints before, Ints after);
  /// Flat elements of x; -1 gives 0.
  ValueId take(ValueId x, std::vector<int64_t> indices, Ints shape);

protected:
  using NamedAttr = std::pair<const char *, ir::Attr>;
  ValueId emit(Opcode op, llvm::ArrayRef<ValueId> operands, Elem elem,
               Ints shape, llvm::ArrayRef<NamedAttr> attrs = {});
  bool usable(llvm::ArrayRef<ValueId> vs) const;

  ir::Module &m_;
  std::string loc_;

private:
  bool failed_ = false;
  std::string failure_;
};

} // namespace mpc::frontend

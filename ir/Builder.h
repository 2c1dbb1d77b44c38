//===- ir/Builder.h - appends tensor-level ops with inferred types --------===//
//
// Shape, element type and visibility (the join of the operands) of a result
// follow from the operands. Operands that do not fit are a bug of the caller
// (asserted): whoever reads foreign data checks first, with ir/Infer.h.
//
//   Builder b(m, "/mlp/Gelu");
//   ValueId y = b.binary(Opcode::Mul, x, b.scalar(0.5));
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Expr.h"
#include "ir/Infer.h"
#include "ir/Module.h"

namespace mpc::ir {

class Builder {
public:
  explicit Builder(Module &m, llvm::StringRef loc = "")
      : m_(m), loc_(loc.str()) {}

  Module &module() { return m_; }
  void setLoc(llvm::StringRef loc) { loc_ = loc.str(); }
  const Type &type(ValueId v) const { return m_.type(v); }
  Dims shape(ValueId v) const { return m_.type(v).shape; }
  Vis joinOf(llvm::ArrayRef<ValueId> values) const;

  /// Appends any op; visibility is the join of the operands.
  ValueId create(Opcode op, llvm::ArrayRef<ValueId> operands, Elem elem,
                 Dims shape);

  ValueId input(llvm::StringRef name, Elem elem, Dims shape, Vis vis);
  ValueId constant(ConstData data, Vis vis);
  ValueId scalar(double value);     ///< public f32 of rank 0
  ValueId scalarInt(int64_t value); ///< public i64 of rank 0
  ValueId floats(Dims shape, llvm::ArrayRef<float> values, Vis vis);
  ValueId ints(Dims shape, llvm::ArrayRef<int64_t> values);

  // Elementwise
  ValueId unary(Opcode op, ValueId a);
  ValueId binary(Opcode op, ValueId a, ValueId b);    ///< broadcasts
  ValueId select(ValueId cond, ValueId a, ValueId b); ///< broadcasts
  ValueId cast(ValueId a, Elem to); ///< a itself if it has that type
  ValueId map(ValueId a, const Expr &expr);

  // Contraction; axes may be negative
  ValueId matmul(ValueId a, ValueId b);
  ValueId reduce(Opcode op, ValueId a, Dims axes, bool keepdims);
  ValueId softmax(ValueId a, int64_t axis, std::optional<ValueId> mask = {});
  ValueId gather(ValueId data, ValueId indices, int64_t axis);

  // Data movement, of any element type (keeps ring, fraction and form).
  // Reshape and broadcast answer `a` itself if nothing changes.
  ValueId reshape(ValueId a, Dims shape);
  ValueId transpose(ValueId a, Dims perm);
  ValueId slice(ValueId a, Dims starts, Dims sizes, Dims steps);
  ValueId concat(llvm::ArrayRef<ValueId> values, int64_t axis);
  ValueId broadcast(ValueId a, Dims shape);
  ValueId pad(ValueId a, Dims before, Dims resultShape);
  /// `indices`: one flat index of `a` for each element of `shape`, -1: zero.
  ValueId take(ValueId a, std::vector<int64_t> indices, Dims shape);

private:
  ValueId move(Opcode op, ValueId a, Dims shape);

  Module &m_;
  std::string loc_;
};

} // namespace mpc::ir

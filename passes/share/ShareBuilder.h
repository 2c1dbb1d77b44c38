//===- passes/share/ShareBuilder.h - a module at share level --------------===//
//
// Private to lower-to-shares: appends protocol ops, and converts forms and
// rings where an op needs the other one. Masked -> additive is free, additive
// -> masked is an exchange (share.trunc with bits = 0), made once a value.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Builder.h"

namespace mpc::passes {

class ShareBuilder {
public:
  using Op = ir::Op;
  using Opcode = ir::Opcode;
  using Type = ir::Type;
  using ValueId = ir::ValueId;

  explicit ShareBuilder(const std::string &name)
      : out_(name, ir::Level::Share), b_(out_) {}

  ir::Module &module() { return out_; }
  /// For data movement, which keeps forms.
  ir::Builder &mover() { return b_; }
  void setLoc(llvm::StringRef loc) {
    loc_ = loc.str();
    b_.setLoc(loc);
  }

  const Type &type(ValueId v) const { return out_.type(v); }
  ir::Form formOf(ValueId v) const { return type(v).form; }
  int ringOf(ValueId v) const { return type(v).ring; }
  bool isPublic(ValueId v) const { return type(v).isPublic(); }

  static Type shareType(ir::Form form, const Type &like);
  static Type bitsType(const ir::Shape &shape);
  /// `t` with `intBits`, or as many as its ring leaves room for.
  static Type withIntBits(Type t, int intBits);

  ValueId emit(Opcode op, llvm::ArrayRef<ValueId> operands, Type t);
  ValueId masked(ValueId v);
  ValueId additive(ValueId v);
  /// Drops top bits; public constants are encoded in the ring asked for.
  ValueId inRing(ValueId v, int ring);

private:
  ir::Module out_;
  ir::Builder b_;
  std::string loc_;
  llvm::DenseMap<uint32_t, ValueId> masked_; ///< of additive values
};

} // namespace mpc::passes

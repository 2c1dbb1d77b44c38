//===- ir/VerifierImpl.h - checks of one op, private to ir/ ---------------===//
#pragma once

#include "ir/Infer.h"
#include "ir/Module.h"
#include "llvm/ADT/Twine.h"

namespace mpc::ir::detail {

/// Checks one op whose operands, attributes and visibility have been checked.
/// Every check answers whether all is well; the first complaint is kept.
class OpChecker {
public:
  OpChecker(const Module &m, const Op &op) : m_(m), op_(op) {}

  bool checkAny();    // data and its movement
  bool checkTensor(); // VerifierTensor.cpp
  bool checkFixed();  // VerifierFixed.cpp
  bool checkShare();  // VerifierShare.cpp

  std::string takeMessage() { return std::move(message_); }

private:
  const Type &operand(size_t i) const { return m_.type(op_.operands[i]); }
  const Type &result() const { return op_.type; }
  size_t numOperands() const { return op_.operands.size(); }

  bool fail(const llvm::Twine &message);
  bool require(bool ok, const llvm::Twine &message) {
    return ok || fail(message);
  }
  /// The result's shape is `expected` (nothing: `otherwise`).
  bool shapeIs(const std::optional<Shape> &expected,
               const llvm::Twine &otherwise);
  bool shapeOfOperand(size_t i) { return shapeIs(operand(i).shape, ""); }
  bool shapeBroadcast(); ///< of all operands
  bool shapeReduced();
  bool shapeMatMul();
  bool intAttrIn(llvm::StringRef key, int64_t lo, int64_t hi);
  bool axisIn(const Type &t);
  /// Segments, if there are any, fill the axis, which is the last one.
  bool segmentsFill(int64_t axis);
  bool expr();
  bool domain(); ///< lo <= hi

  bool input();
  bool constant();
  bool slice();
  bool pad();
  bool take();
  /// Element type, fraction, form and assigned ring are operand i's.
  bool sameKind(size_t i);

  bool elementwise();
  bool elementTypes(bool f32, bool i64, bool boolean);

  // fixed and share
  bool isFx(size_t i);
  bool fxResult();
  bool fracIs(int64_t expected);
  bool equalFrac(size_t i, size_t j);
  bool equalRing(const Type &a, const Type &b); ///< where both have one
  bool ringOfOperands(); ///< the result's and all fx operands' rings agree
  bool trunc(int64_t minBits);
  bool shl();
  bool extend();
  bool tableShape(); ///< window, depth and degree
  bool fourierTable();
  bool rangeLinks();
  bool boolOp();
  bool fixedGather();

  // share
  bool formIs(size_t i, Form form);
  bool linear(size_t i); ///< masked or additive, and the result like it
  bool resultForm(Form form);
  bool shareAdd();

  const Module &m_;
  const Op &op_;
  std::string message_;
};

std::string shapeText(Dims shape);

} // namespace mpc::ir::detail

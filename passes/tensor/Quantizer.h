//===- passes/tensor/Quantizer.h - the work of the pass quantize ----------===//
//
// Private to the pass: Quantize*.cpp, a file per family of ops. Reads a module
// at tensor level and appends to one at fixed level; members that return a
// ValueId return one of the new module.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Builder.h"
#include "ir/Expr.h"
#include "ir/NodeError.h"
#include "passes/Scale.h"
#include "llvm/ADT/DenseSet.h"

namespace mpc::passes {

class Quantizer {
public:
  using ConstData = ir::ConstData;
  using Expr = ir::Expr;
  using Op = ir::Op;
  using Opcode = ir::Opcode;
  using Shape = ir::Shape;
  using ValueId = ir::ValueId;
  using Values = llvm::ArrayRef<ValueId>;

  Quantizer(const ir::Module &in, Context &ctx);
  llvm::Expected<ir::Module> run();

private:
  /// The op of the old module that is being converted.
  struct Node {
    ValueId id;
    const Op &op;
    Shape shape;
    Range range;
  };
  /// What stands for the node's result.
  using Converted = llvm::Expected<ValueId>;
  using Converter = Converted (*)(Quantizer &, const Node &);

  /// What allocate-precision gave a function; as the options say without.
  struct Precision {
    std::optional<int> frac; ///< of the result
    std::optional<double> tolerance, relativeTolerance;
  };
  static constexpr int64_t kNoneBelow = 1, kNoneAbove = 2; ///< of `proved`
  /// More fraction bits than the target by up to this many are left alone.
  static constexpr int kSlackBits = 2;

  // --- Quantize.cpp: constants, inputs, operands
  // ------------------------------
  llvm::Error convert(ValueId v);
  ValueId constant(const Node &n);
  ValueId input(const Node &n);
  /// A public value that is no constant: encoded at its own fraction bits, a
  /// bool as it is.
  ValueId value(ValueId old);
  /// Operand i of the node; a bool that was joined with known ones as numbers
  /// becomes a bit again.
  ValueId operand(const Node &n, int i);
  /// The same; a secret bool becomes 0 or 1.
  ValueId number(const Node &n, int i);
  void copyAttrs(const Op &from, ValueId to);

  // --- QuantizeOpen.cpp: what all parties compute when a session starts
  // ----------
  /// The public value as it is, at tensor level.
  ValueId raw(ValueId old);
  ValueId encoded(ValueId raw, int frac, Range range);
  /// Whether every element of a public value is a whole number for sure.
  bool isWhole(ValueId old) const;
  bool isOpen(ValueId v) const {
    return out_.type(v).isPublic() && !out_.constantOf(v);
  }
  /// Rows of any data by an index that all parties know.
  ValueId openGather(ValueId data, ValueId index, int64_t axis,
                     const Shape &shape);

  // --- QuantizeOps.cpp: the table of ops, and the linear ones
  // -----------------
  static Converter converterOf(Opcode op);
  ValueId movement(const Node &n);
  /// Values of which many parts are read, or some elements several times: one
  /// rescaling of the whole is cheaper than one of each part.
  void findPieces();
  /// Values that comparisons read, perhaps moved. They are rounded once, where
  /// they are made: were each reader's copy rounded by itself, x < x might
  /// hold.
  void findCompared();
  ValueId concat(const Node &n);
  ValueId matmul(const Node &n);
  ValueId reduceSum(const Node &n);
  ValueId reduceMax(ValueId x, const Node &n, Range range);
  ValueId reduceMin(const Node &n);
  ValueId cast(const Node &n);

  // --- QuantizeScale.cpp: fraction bits
  // ---------------------------------------
  ValueId emit(Opcode op, Values operands, Shape shape, int frac, Range range);
  ValueId emitBool(Opcode op, Values operands, Shape shape);
  Range rangeOf(ValueId v) const {
    return out_.op(v).range.value_or(Range{0, 0});
  }
  int fracOf(ValueId v) const { return out_.type(v).frac; }
  Shape shapeOf(ValueId v) const { return out_.type(v).shape; }
  /// Encoded at any fraction bits: a weight, a public value.
  bool isConstant(ValueId v) const {
    return out_.constantOf(v) != nullptr || out_.type(v).isPublic();
  }
  /// The least fraction bits from `frac` to `most` that represent every element
  /// exactly, else `most`.
  int exactBits(ValueId v, int frac, int most) const;
  /// Movement built by Builder keeps the range of its operand.
  ValueId moved(ValueId v, ValueId from);
  ValueId publicConstant(ConstData data);
  ValueId scalar(double x);

  /// Fraction bits to which `v` may be rounded: allocated, or by its range.
  int targetOf(ValueId v) const;
  /// `v` is what stands for a value with this attribute, if `from` has it.
  void setTarget(ValueId v, const Op &from, llvm::StringRef key = "frac");
  /// `v` with exactly `frac` fraction bits: constants are re-encoded, more bits
  /// are a shift, fewer a rescaling.
  ValueId withFrac(ValueId v, int frac);
  /// `v` fit for a product: at its target fraction bits. Later readers of the
  /// same value get the rescaled one too.
  ValueId ready(ValueId v);
  /// Public factor of x: as few fraction bits as represent it exactly, at most
  /// those that give the largest element fracBits + 2 significant bits or keep
  /// the product's error below its target, a sum of `terms` products.
  ValueId publicFactor(ValueId v, ValueId x, double terms = 1);
  /// x, with more fraction bits if the constant c that it meets needs them (an
  /// integer that meets a half).
  ValueId fineEnoughFor(ValueId c, ValueId x);
  bool isUntruncated(ValueId v) const;
  bool isReduction(ValueId v) const;
  /// Rows of a table: additive shares of any ring come out of it.
  bool isGathered(ValueId v) const;
  /// Whether values of this range keep a spare bit in the widest ring.
  bool fits(Range r, int frac) const;
  /// Brings two summands to common fraction bits. Two untruncated products meet
  /// by a shift, which is free: their sum is truncated once. An untruncated
  /// product that meets a value at its target is rescaled first, since shifting
  /// the other up would only ask for a wider ring and a truncation later.
  void align(ValueId &a, ValueId &b);

  // Arithmetic on values of any fraction bits.
  ValueId addOrSub(Opcode op, ValueId a, ValueId b, Shape shape, Range range);
  ValueId difference(ValueId a, ValueId b, Range range);
  ValueId negated(ValueId x);
  ValueId multiply(ValueId a, ValueId b, Shape shape, Range range);
  ValueId spread(ValueId x, Shape shape);

  // --- QuantizeMap.cpp: functions of one variable, powers
  // ---------------------
  /// f(x) with x in `domain`; fraction bits of the operand follow from f's
  /// steepness there.
  /// `proved`: ends of the domain that x respects by construction, see
  /// fixed.map.
  ValueId map(ValueId x, const Expr &f, Range domain, Range range,
              const Precision &p = {}, int64_t proved = 0);
  /// A very wide domain where f is flat over most of it: values are moved to
  /// where the flat part ends, by a comparison. Narrows `domain`.
  ValueId withoutTails(ValueId x, const Expr &f, Range &domain,
                       double tolerance);
  int fracForMap(const Expr &f, Range domain) const;
  /// x^y. Whole exponents up to 16 are products; else exp(y log x), x > 0.
  Converted power(const Node &n, ValueId x, ValueId y);
  ValueId wholePower(const Node &n, ValueId x, ValueId y);

  // --- QuantizeLogic.cpp: comparisons, bits, choices
  // --------------------------
  ValueId less(ValueId a, ValueId b, Shape shape);
  ValueId equal(ValueId a, ValueId b, Shape shape);
  ValueId logicalNot(ValueId a);
  ValueId logicalAnd(ValueId a, ValueId b, Shape shape);
  ValueId logicalOr(ValueId a, ValueId b, Shape shape);
  ValueId logicalXor(ValueId a, ValueId b, Shape shape);
  /// A bool as the numbers 0 and 1.
  ValueId toArithmetic(ValueId v);
  ValueId select(ValueId cond, ValueId a, ValueId b, Shape shape, Range range);
  /// A choice known to all: both sides times 0 or 1.
  ValueId blend(ValueId cond, ValueId a, ValueId b, Shape shape, Range range);
  /// x where the bit is set, else 0; both known to all.
  ValueId maskedOpen(ValueId bit, ValueId x, Range range);
  /// A bool known to all as the factors 0 and 1; `other`: 1 where it is false.
  ValueId factor(ValueId cond, bool other);
  ValueId maxOrMin(const Node &n);
  ValueId relu(const Node &n);
  ValueId absolute(const Node &n);
  ValueId sign(const Node &n);

  // --- QuantizeInteger.cpp: rounding, division
  // --------------------------------
  ValueId floor(ValueId x);
  ValueId round(ValueId x);
  /// Towards zero.
  ValueId truncateReal(ValueId x, Shape shape);
  struct SignAndSize {
    ValueId negative, size;
  };
  SignAndSize signAndSize(ValueId x, Shape shape);
  /// x or -x.
  ValueId withSign(ValueId negative, ValueId x);
  struct Division {
    ValueId quotient, rest;
  };
  /// Long division of x >= 0 by y > 0, one comparison a bit of the quotient,
  /// which is below 2^bits.
  Division divide(ValueId x, ValueId y, int bits, Shape shape);
  ValueId integerDivision(ValueId a, ValueId b, Shape shape);
  /// With `fmod` the rest has the sign of a, else that of b.
  ValueId modulo(ValueId a, ValueId b, bool fmod, bool real, Shape shape);

  // --- QuantizeSoftmax.cpp
  // ----------------------------------------------------
  /// The operand of a softmax; lanes that a secret mask takes out score less
  /// than the rest.
  ValueId scores(const Node &n);
  /// The rows along a softmax's axis: one at each position of the other axes,
  /// or the segments of the last axis.
  struct SoftmaxRows {
    int64_t axis;
    std::vector<int64_t> segments; ///< empty: none
    Shape shape;                   ///< of one value a row
    int64_t longest;
    int levels; ///< of the tree of maxima
  };
  static SoftmaxRows softmaxRows(const Op &op, const Shape &shape);
  /// A value a row at each of its lanes, or broadcasting there.
  ValueId toLanes(ValueId perRow, const SoftmaxRows &rows, const Shape &shape);
  ValueId rowSums(ValueId e, const SoftmaxRows &rows);
  /// The lanes that remain of masks that only the session knows.
  std::optional<ValueId> openMask(const Node &n);
  /// Lanes of segments as rows of the longest one's length, with zeros.
  ValueId inSquare(ValueId e, const SoftmaxRows &rows);
  /// e with zeros where such a mask takes lanes out.
  ValueId withoutMasked(const Node &n, ValueId e, const ConstData *mask,
                        const SoftmaxRows &rows);
  /// An upper bound of each row that exceeds its maximum by little.
  ValueId rowTops(ValueId x, const ConstData *mask, const SoftmaxRows &rows);
  /// exp(x) for x <= 0, computed only in lanes that the mask leaves.
  ValueId expOfLanes(ValueId x, const ConstData *mask, Range range,
                     const Precision &p);
  /// exp alone if the product that follows divides by the row sums.
  ValueId softmax(const Node &n);
  /// The row of a packed softmax that each row of a take of it comes from;
  /// nothing if one comes from several.
  std::optional<std::vector<int64_t>> rowsOfTake(const Op &take,
                                                 const Op &softmax) const;
  /// softmax(x) * B as (exp(x) * B) * (1 / row sum).
  ValueId normalizedProduct(const Node &n, ValueId b);
  /// Operand i; a product that waits for its rows' reciprocals gets them.
  ValueId scaled(const Node &n, int i);
  /// Products that wait, joined and then scaled all at once; no value if the
  /// operands are others.
  ValueId unscaledConcat(const Node &n);
  /// Values that nothing but matmuls read, as their left operand; packed
  /// softmaxes that are read so in whole rows.
  void findLeftFactors();

  // --- QuantizeGather.cpp
  // -----------------------------------------------------
  Converted gather(const Node &n);
  ValueId publicGather(ValueId data, const ConstData &index, int64_t axis,
                       const Shape &shape);
  /// A secret index that may count from the end, counted from the start.
  ValueId fromTheStart(ValueId index, int64_t rows);
  /// Rows of the table along any axis, which becomes axis 0 in between.
  ValueId secretGather(ValueId data, ValueId index, int64_t axis,
                       const Shape &shape);

  const ir::Module &in_;
  Context &ctx_;
  ir::Module out_;
  ir::Builder b_;
  std::string loc_;
  std::vector<ValueId> map_;              ///< by old value
  llvm::DenseMap<uint32_t, ValueId> raw_; ///< public values, by old value
  llvm::DenseSet<uint32_t> compared_;     ///< see findCompared
  llvm::DenseSet<uint32_t> whole_;        ///< of raw_: whole numbers
  std::string error_;                     ///< the first, if any
  llvm::DenseMap<uint32_t, ValueId> ready_;
  llvm::DenseMap<uint32_t, int> target_; ///< allocated, by new value
  std::optional<int> nodeFrac_;          ///< that of the node in conversion
  llvm::DenseMap<uint32_t, ValueId> numbers_; ///< bools as 0 and 1
  std::vector<bool> onlyLeftFactor_;          ///< by old value
  std::vector<bool> readInPieces_;            ///< by old value
  struct Unnormalized {
    ValueId exp, inverse;
    int lower; ///< whole bits by which the maximum's slack shrinks the exps
  };
  /// Softmaxes left as exp and reciprocal of its row sums, by old value.
  llvm::DenseMap<uint32_t, Unnormalized> unnormalized_;
  std::vector<bool>
      readByConcatOnly_; ///< by old value; not along the last axis
  /// Products of packed softmaxes that a concat scales: the factor a row.
  llvm::DenseMap<uint32_t, ValueId> unscaled_;
};

} // namespace mpc::passes

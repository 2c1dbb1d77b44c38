//===- passes/tensor/Roundings.h - where quantize will round --------------===//
//
// Private to the pass allocate-precision. quantize rounds a product, or a sum
// of some, that something but a sum reads; one that is summed up and read
// besides; and what is much smaller than the sum it goes into. A softmax that
// only products read is divided by its row sums there.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"

namespace mpc::passes {

class Roundings {
public:
  using Op = ir::Op;
  using ValueId = ir::ValueId;

  explicit Roundings(const ir::Module &m);

  bool isReal(ValueId v) const {
    return m_.type(v).elem == ir::Elem::F32 && !m_.type(v).isPublic();
  }
  /// Whether the op's result is linear in its operands, all but one public: it
  /// takes them as they are.
  bool isLinear(const Op &op) const;
  /// A sum's mean: fraction bits come with the factor.
  bool isScaled(const Op &op) const;
  /// The softmax that v is, or takes rows from.
  ValueId softmaxOf(ValueId v) const;

  /// Not rounded yet: a product or a sum of some.
  bool isRaw(ValueId v) const { return raw_[v.index]; }
  bool isRounded(ValueId v) const { return rounded_[v.index]; }
  /// A softmax that something but a left factor reads: it is multiplied out.
  bool isNormalized(ValueId v) const { return normalized_[v.index]; }
  /// The values that v is added to, directly or not, have one number.
  uint32_t sum(ValueId v) const { return sum_[v.index]; }
  /// Integer bits of the widest value of v's sum.
  int intBitsOfSum(ValueId v) const { return intBits_[sum(v)]; }
  /// How many products read v.
  uint32_t productsOf(ValueId v) const { return productsOf_[v.index]; }

private:
  bool isProduct(const Op &op) const;
  void findReaders();
  void findRoundings();
  void findNormalized();
  uint32_t root(uint32_t v);

  const ir::Module &m_;
  std::vector<bool> read_;   ///< by more than sums, or in parts
  std::vector<bool> summed_; ///< up, over axes
  std::vector<bool> raw_, rounded_, normalized_;
  std::vector<int> intBits_; ///< by sum
  std::vector<uint32_t> readers_, productsOf_;
  std::vector<uint32_t> sum_; ///< union of the values that are added up
};

} // namespace mpc::passes

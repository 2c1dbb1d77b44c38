//===- passes/tensor/PrecisionModel.h - what fraction bits are worth ------===//
//
// Private to the pass allocate-precision. A module's roundings as a problem:
// each has an error that falls with its fraction bits and a cost that grows
// with them; products of matrices have rings that the fraction bits of both
// operands fill.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "passes/tensor/Sensitivity.h"
#include <cmath>

namespace mpc::passes {

/// A value that may be rounded (or a part of a softmax).
struct PrecisionSource {
  ir::ValueId value;
  const char *key;   ///< attribute: frac, exp_frac, inverse_frac
  double weight = 0; ///< noise variance times sensitivity
  double cost = 0;
  int least = -32, most = 40;
  bool counted = false;
  int frac = 0;

  double error(int f) const { return weight * std::ldexp(1.0, -2 * f); }
};

struct PrecisionProduct {
  size_t a, b;  ///< sources
  int intBits;  ///< of the sum it ends up in
  uint32_t sum; ///< summands agree on their fraction bits
  double work;  ///< multiplications of matrices
};

struct PrecisionProblem {
  static constexpr size_t kNone = ~size_t{0};

  std::vector<PrecisionSource> sources;
  std::vector<PrecisionProduct> products;
  std::vector<size_t> root;    ///< source of every value
  std::vector<bool> isRounded; ///< by value: where quantize rounds

  int ringOf(const PrecisionProduct &p) const {
    return sources[p.a].frac + sources[p.b].frac + p.intBits + 2;
  }
  /// Of the allowance, which is 1.
  double totalError() const;
};

PrecisionProblem precisionProblem(const ir::Module &m, const Sensitivity &s,
                                  int ringBits);

} // namespace mpc::passes

//===- passes/share/Maxima.h - comparisons, trees of maxima ---------------===//
//
// Private to lower-to-shares. A sign is digits and then a tree over them; a
// maximum is a tree of comparisons, two or (where the profile prefers rounds to
// comparisons) four at a time.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "passes/share/ShareBuilder.h"
#include "runtime/plan/Profile.h"

namespace mpc::passes {

class Maxima {
public:
  using ValueId = ir::ValueId;

  Maxima(ShareBuilder &b, const plan::Profile &profile)
      : b_(b), profile_(profile) {}

  /// Bits of x < 0, x in `window` bits after its low `drop` bits are cut.
  ValueId sign(ValueId x, int window, int drop);
  /// bit * x, additive, for bits and x of one shape.
  ValueId bitTimes(ValueId bit, ValueId x);

  /// What fixed.reduce_max `op` is of x; `range`: of its operand.
  ValueId reduce(ValueId x, const ir::Op &op, std::pair<double, double> range);

private:
  /// How elements of one reduction are compared: right up to 2^drop ulps.
  struct Precision {
    int window, drop;
  };
  using Places = std::vector<int64_t>; ///< along the last axis

  ValueId sign(ValueId x, Precision p) { return sign(x, p.window, p.drop); }
  bool inFours(ValueId x, Precision p) const;
  /// a if not `less`, else a - difference.
  ValueId keepLarger(ValueId a, ValueId less, ValueId difference);
  /// Maximum of a and b (same type, masked).
  ValueId larger(ValueId a, ValueId b, Precision p);
  ValueId largestOfFour(const ValueId (&p)[4], int64_t axis, Precision how);
  ValueId winnersOfTwo(ValueId x, int64_t axis, Precision p);
  ValueId winnersOfFour(ValueId x, int64_t axis, Precision p);
  ValueId ofSegments(ValueId x, const ir::Op &op, Precision p);
  ValueId part(ValueId x, int64_t axis, int64_t start, int64_t size);
  /// x at some places of its last axis.
  ValueId places(ValueId x, llvm::ArrayRef<int64_t> at);

  ShareBuilder &b_;
  const plan::Profile &profile_;
};

} // namespace mpc::passes

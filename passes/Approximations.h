//===- passes/Approximations.h - how far tables are from their functions --===//
//
// What `approximate` made of every fixed.map, and the largest error on the
// domain, measured: the tables are evaluated with the runtime's own integers
// (kernels/), without the noise of truncations before and after.
//
//   ApproximationMeter meter;
//   meter.before(m);          // any time between quantize and approximate
//   ...approximate...
//   std::vector<Approximation> all = meter.after(m);
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include <string>
#include <vector>

namespace mpc::passes {

struct Approximation {
  std::string loc, expr;
  double lo, hi;
  int64_t elements;
  std::string method;   ///< "spline: 64 segments of degree 3, ring 41"
  double absoluteError; ///< largest of |table - f| on a grid of the domain
  double relativeError; ///< ... / |f|, where |f| is at least its largest / 1e6
};

class ApproximationMeter {
public:
  void before(const ir::Module &m);
  std::vector<Approximation> after(const ir::Module &m) const;

private:
  struct Site {
    std::string loc, expr;
    double lo, hi;
    int inFrac;
    int64_t elements;
    ir::ValueId user; ///< an op that reads the map, invalid: an output
    size_t operand;   ///< which operand of it, or which output
  };
  std::vector<Site> sites_;
  size_t known_ = 0; ///< values that were there before
};

} // namespace mpc::passes

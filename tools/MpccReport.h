//===- tools/MpccReport.h - bits and ranges of every value ----------------===//
//
// `mpcc compile --report`: what became of each value at fixed level, with the
// interval that holds whatever the input (as far as the value's operands keep
// their ranges) beside the range it was calibrated to; as JSON or as a table.
// The report tells ranges exactly as the compiler has them: for the owner.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "passes/Approximations.h"
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mpc::tools {

struct ValueReport {
  std::string node, op;
  ir::Type type;
  std::pair<double, double> interval; ///< proved from the operands' ranges
  std::pair<double, double> range;    ///< declared: calibrated, or narrower
  /// No input takes the value out of its range, but for an ulp of rounding.
  bool proved() const {
    const double ulp = std::ldexp(1.0, -type.frac);
    return interval.first >= range.first - ulp &&
           interval.second <= range.second + ulp;
  }
};

/// Of a module at fixed level with rings.
std::vector<ValueReport> reportValues(const ir::Module &m, double tolerance);

nlohmann::json toJson(const std::vector<ValueReport> &values);
/// One line a value, in program order.
std::string toTable(const std::vector<ValueReport> &values);

nlohmann::json toJson(const std::vector<passes::Approximation> &all);
/// One line a function, in program order; nothing if there is none.
std::string toTable(const std::vector<passes::Approximation> &all);

} // namespace mpc::tools

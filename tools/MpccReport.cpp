//===- tools/MpccReport.cpp -----------------------------------------------===//
#include "MpccReport.h"
#include "passes/Interval.h"
#include <cmath>
#include <fmt/format.h>

namespace mpc::tools {
namespace {

using Range = std::pair<double, double>;

std::string text(Range r) {
  return fmt::format("[{:.4g}, {:.4g}]", r.first, r.second);
}

std::string shape(const ir::Type &t) {
  return t.shape.empty() ? "1" : fmt::format("{}", fmt::join(t.shape, "x"));
}

nlohmann::json json(Range r) {
  const auto number = [](double x) {
    return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr);
  };
  return {number(r.first), number(r.second)};
}

} // namespace

std::vector<ValueReport> reportValues(const ir::Module &m, double tolerance) {
  std::vector<ValueReport> values;
  for (ir::ValueId v : m.order()) {
    const ir::Op &op = m.op(v);
    if (!op.type.isFx() || !op.range)
      continue;
    values.push_back({op.loc, ir::info(op.opcode).mnemonic.str(), op.type,
                      passes::intervalOf(m, op, tolerance), *op.range});
  }
  return values;
}

nlohmann::json toJson(const std::vector<ValueReport> &values) {
  nlohmann::json all = nlohmann::json::array();
  for (const ValueReport &v : values)
    all.push_back({{"node", v.node},
                   {"op", v.op},
                   {"shape", std::vector<int64_t>(v.type.shape.begin(),
                                                  v.type.shape.end())},
                   {"visibility", ir::name(v.type.vis).str()},
                   {"interval", json(v.interval)},
                   {"range", json(v.range)},
                   {"proved", v.proved()},
                   {"frac_bits", v.type.frac},
                   {"int_bits", v.type.intBits},
                   {"ring_bits", v.type.ring}});
  return all;
}

std::string toTable(const std::vector<ValueReport> &values) {
  std::string out =
      fmt::format("{:<24} {:<24} {:>4} {:>4} {:>4}  {:<16} {:<20} "
                  "node\n",
                  "interval", "range", "frac", "int", "ring", "shape", "op");
  for (const ValueReport &v : values)
    out += fmt::format("{:<24} {:<24} {:>4} {:>4} {:>4}  {:<16} {:<20} {}\n",
                       v.proved() ? "within the range" : text(v.interval),
                       text(v.range), v.type.frac, v.type.intBits, v.type.ring,
                       shape(v.type), v.op, v.node);
  return out;
}

nlohmann::json toJson(const std::vector<passes::Approximation> &all) {
  nlohmann::json list = nlohmann::json::array();
  for (const passes::Approximation &a : all)
    list.push_back({{"node", a.loc},
                    {"function", a.expr},
                    {"domain", json(Range{a.lo, a.hi})},
                    {"elements", a.elements},
                    {"method", a.method},
                    {"absolute_error", a.absoluteError},
                    {"relative_error", a.relativeError}});
  return list;
}

std::string toTable(const std::vector<passes::Approximation> &all) {
  if (all.empty())
    return {};
  std::string out =
      fmt::format("\n{:<12} {:<12} {:<24} {:>9}  node: function, "
                  "method\n",
                  "abs. error", "rel. error", "domain", "elements");
  for (const passes::Approximation &a : all)
    out +=
        fmt::format("{:<12.2g} {:<12.2g} {:<24} {:>9}  {}: {}, {}\n",
                    a.absoluteError, a.relativeError, text(Range{a.lo, a.hi}),
                    a.elements, a.loc, a.expr, a.method);
  return out;
}

} // namespace mpc::tools

#include "passes/GeneratedInputs.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace mpc::ir;

namespace mpc::passes {

std::pair<double, double> declaredRange(const Op &op) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (op.hasAttr("lo") && op.hasAttr("hi"))
    return {op.floatAttr("lo"), op.floatAttr("hi")};
  return op.type.elem == Elem::Bool ? std::pair{0.0, 1.0}
                                    : std::pair{-kInf, kInf};
}

static ConstData randomData(const Op &op, std::mt19937_64 &rng) {
  ConstData c{op.type.elem, op.type.shape, {}, {}};
  const auto [lo, hi] = declaredRange(op);
  for (int64_t i = 0, n = op.type.numel(); i < n; ++i) {
    if (op.type.elem == Elem::F32) {
      const double x = std::normal_distribution<double>()(rng);
      c.floats.push_back(static_cast<float>(std::clamp(x, lo, hi)));
    } else {
      const bool bounded = std::isfinite(lo) && std::isfinite(hi);
      std::uniform_int_distribution<int64_t> d(
          bounded ? static_cast<int64_t>(lo) : 0,
          bounded ? static_cast<int64_t>(hi) : 1);
      c.ints.push_back(d(rng));
    }
  }
  return c;
}

std::vector<InputMap> generatedInputs(const Module &m) {
  std::vector<InputMap> samples(2);
  std::mt19937_64 rng(1);
  for (InputMap &sample : samples)
    for (ValueId v : m.order())
      if (const Op &op = m.op(v); op.opcode == Opcode::Input)
        sample[op.strAttr("name")] = randomData(op, rng);
  if (samples.front().empty())
    samples.clear();
  return samples;
}

} // namespace mpc::passes

//===- passes/tensor/AllocatePrecision.cpp - bits where they matter -------===//
//   %2 = tensor.matmul %0, %1  ==>  %2 = tensor.matmul %0, %1 {frac = 11}
// Stage: tensor, between calibrate and quantize. Every real value gets the
// fraction bits to which it may be rounded, so that the root mean square error
// of each output stays within --target-error (as a fraction of its standard
// deviation below 1, absolute up to 16, of a sixteenth of it above).
//   minimize    sum over roundings v of cost[v] * frac[v]
//   subject to  sum over v of noise[v] * white[v] * 4^-frac[v] <= 1
// white (Sensitivity.h) is what a unit of noise does to the outputs, noise the
// variance of one rounding (Roundings.h says where) in squared units of the
// last place, cost (PrecisionModel.h) the bits that one fraction bit puts on
// wires: those of the value's own exchanges, of the other operand of every
// product that reads it (their fractions add), and, at half price, dealt ones.
// PrecisionSearch.h finds the optimum.
// Does nothing with --frac-bits (Options::uniform). Refuses a target that the
// widest ring cannot meet. docs/precision.md has more.
// Tests: tests/lit/passes/allocate-precision/
#include "ir/NodeError.h"
#include "passes/GeneratedInputs.h"
#include "passes/Scale.h"
#include "passes/tensor/PrecisionSearch.h"

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// A table errs by 2^-kTableBits units at most. Its error is the same wherever
/// its argument is, so it adds up more than noise does.
constexpr int kTableBits = 2;

llvm::Error tooTight(const Module &m, const PrecisionProblem &p,
                     const Options &options) {
  const PrecisionSource *worst = nullptr;
  for (const PrecisionSource &s : p.sources)
    if (s.counted && (!worst || s.error(s.frac) > worst->error(worst->frac)))
      worst = &s;
  return nodeError(
      m.op(worst->value),
      llvm::formatv(
          "a target error of {0} cannot be met: rings of {1} bits "
          "leave {2} fraction bits here at most, an error of about "
          "{3}; raise --target-error or --ring-bits",
          shortNumber(options.targetError), options.ringBits, worst->frac,
          shortNumber(options.targetError * std::sqrt(p.totalError()))));
}

void write(Module &m, const PrecisionProblem &p, const Sensitivity &s,
           bool fixedTolerance) {
  for (const PrecisionSource &source : p.sources)
    m.op(source.value).setAttr(source.key, int64_t{source.frac});
  for (ValueId v : m.order()) {
    Op &op = m.op(v);
    if (p.root[v.index] == PrecisionProblem::kNone)
      continue;
    const int frac = p.sources[p.root[v.index]].frac;
    op.setAttr("frac", int64_t{frac});
    if (p.isRounded[v.index])
      op.setAttr("rounds", int64_t{1});
    if (op.opcode != Opcode::Map || fixedTolerance)
      continue;
    // The same error absolute and relative to what the samples show.
    const double absolute = std::ldexp(1.0, -frac - kTableBits);
    const double ratio = s.relative[v.index] / s.white[v.index];
    op.setAttr("tolerance", absolute);
    op.setAttr("relative_tolerance",
               ratio > 0 ? std::exp2(std::floor(
                               std::log2(absolute / std::sqrt(ratio))))
                         : absolute);
  }
}

} // namespace

llvm::Error allocatePrecision(Module &m, Context &ctx) {
  if (ctx.options.uniform)
    return llvm::Error::success();
  const double target = ctx.options.targetError;
  const std::vector<InputMap> generated = ctx.options.samples.empty()
                                              ? generatedInputs(m)
                                              : std::vector<InputMap>();
  const std::vector<InputMap> &samples =
      generated.empty() ? ctx.options.samples : generated;
  if (samples.empty())
    return llvm::Error::success();
  llvm::Expected<Sensitivity> s =
      measureSensitivity(m, samples.front(), [&](double deviation) {
        // Absolute for deviations of 1 to 16; to a power of two: the plan is
        // public.
        const double size =
            deviation > 0 ? std::exp2(std::floor(std::log2(deviation))) : 1.0;
        return target * (size < 1 ? size : std::max(1.0, size / 16));
      });
  if (!s)
    return s.takeError();
  const int ringBits = static_cast<int>(ctx.options.ringBits);
  PrecisionProblem p = precisionProblem(m, *s, ringBits);
  if (!allocateFractions(p, ringBits, ctx.options.profile))
    return tooTight(m, p, ctx.options);
  write(m, p, *s, ctx.options.fixedTolerance);
  return llvm::Error::success();
}

} // namespace mpc::passes

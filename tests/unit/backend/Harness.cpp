#include "Harness.h"
#include "ir/Text.h"
#include "runtime/emu/Emulator.h"
#include <cmath>
#include <random>

using namespace mpc::ir;

namespace mpc::testing {
namespace {

std::string moduleText(const std::string &body) {
  return "module @t level(tensor) {\n" + body + "\n}\n";
}

InputMap randomInputs(const Module &m, unsigned seed) {
  InputMap inputs;
  std::mt19937 rng(seed);
  for (ValueId v : m.order()) {
    const Op &op = m.op(v);
    if (op.opcode != Opcode::Input)
      continue;
    const double lo = op.floatAttr("lo"), hi = op.floatAttr("hi");
    ConstData c{op.type.elem, op.type.shape, {}, {}};
    for (int64_t i = 0; i < op.type.numel(); ++i) {
      // Both ends of the range first, then anything inside.
      const double x = i == 0   ? lo
                       : i == 1 ? hi
                                : std::uniform_real_distribution<>(lo, hi)(rng);
      if (op.type.elem == Elem::F32)
        c.floats.push_back(static_cast<float>(x));
      else
        c.ints.push_back(static_cast<int64_t>(std::floor(x)));
    }
    inputs[op.strAttr("name")] = std::move(c);
  }
  return inputs;
}

core::NpyArray toNpy(const ConstData &c) {
  const core::Shape shape(c.shape.begin(), c.shape.end());
  if (c.elem == Elem::F32)
    return core::NpyArray::of<float>(shape, c.floats);
  return core::NpyArray::of<int64_t>(shape, c.ints);
}

std::vector<double> toReals(const core::NpyArray &a) {
  std::vector<double> r;
  if (Result<std::vector<float>> f = core::toFloat32(a); f)
    r.assign(f->begin(), f->end());
  else if (Result<std::vector<int64_t>> i = core::toInt64(a); i)
    r.assign(i->begin(), i->end());
  return r;
}

} // namespace

Compiled compile(const std::string &body, passes::Options options) {
  Compiled r;
  llvm::Expected<Module> m = parse(moduleText(body), "test.mir");
  if (!m) {
    r.error = llvm::toString(m.takeError());
    return r;
  }
  r.inputs = randomInputs(*m, 1);
  for (const Output &o : m->outputs())
    r.outputNames.push_back(o.name);
  passes::Context ctx;
  ctx.options = options;
  if (ctx.options.samples.empty())
    ctx.options.samples = {r.inputs, randomInputs(*m, 2), randomInputs(*m, 3)};
  std::vector<const passes::PassInfo *> all;
  for (const passes::PassInfo &p : passes::allPasses())
    all.push_back(&p);
  if (llvm::Error e = passes::runPasses(*m, all, ctx)) {
    r.error = llvm::toString(std::move(e));
    return r;
  }
  llvm::Expected<backend::Emitted> e = backend::emitPlan(*m, {});
  if (!e) {
    r.error = llvm::toString(e.takeError());
    return r;
  }
  r.plan = std::move(e->plan);
  r.weights = std::move(e->weights);
  return r;
}

Answers run(const std::string &body, passes::Options options, uint64_t seed) {
  Answers a;
  Compiled c = compile(body, options);
  a.error = c.error;
  if (!a.error.empty())
    return a;

  Module m = llvm::cantFail(parse(moduleText(body), "test.mir"));
  std::vector<ConstData> expected = llvm::cantFail(evaluate(m, c.inputs));
  for (const ConstData &e : expected) {
    a.expected.emplace_back();
    for (int64_t i = 0; i < e.numel(); ++i)
      a.expected.back().push_back(e.at(i));
  }

  std::vector<core::NpyArray> inputs;
  for (const plan::InputInfo &i : c.plan.inputs)
    inputs.push_back(toNpy(c.inputs[i.name]));
  for (const plan::PublicInputInfo &i : c.plan.open.inputs)
    inputs.push_back(toNpy(c.inputs[i.name]));
  emu::SeededCoins coins(seed);
  emu::EmulateOptions eo;
  eo.threads = 1;
  eo.checkRanges = true;
  emu::RangeReport ranges;
  auto out = emu::emulate(c.plan, c.weights, inputs, coins, eo, &ranges);
  if (!out) {
    a.error = out.error().message;
    return a;
  }
  a.outOfRange = ranges.total;
  if (ranges.first)
    a.firstOutOfRange = ranges.first->message();
  for (const core::NpyArray &o : *out)
    a.emulated.push_back(toReals(o));
  return a;
}

double Answers::worst() const {
  if (emulated.size() != expected.size())
    return INFINITY;
  double w = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (emulated[i].size() != expected[i].size())
      return INFINITY;
    for (size_t k = 0; k < expected[i].size(); ++k) {
      const double d = std::fabs(emulated[i][k] - expected[i][k]);
      w = std::isnan(d) ? INFINITY : std::max(w, d);
    }
  }
  return w;
}

} // namespace mpc::testing

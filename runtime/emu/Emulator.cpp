//===- runtime/emu/Emulator.cpp - the loop over instructions --------------===//
#include "runtime/emu/Emulator.h"

#include "runtime/core/Ring.h"
#include "runtime/emu/EmulatorOps.h"
#include "runtime/plan/Encode.h"
#include "runtime/pub/Open.h"

#include <cmath>
#include <fmt/format.h>

namespace mpc::emu {
namespace {

using plan::Instr;
using plan::Plan;
using plan::PlanOp;
using plan::Reg;
using plan::RegInfo;

/// A register's elements: its own, or a view of an input or weight.
struct Value {
  Elements own;
  View view;
};

std::string place(const Plan &p, const Instr &in) {
  return in.loc == 0 ? fmt::format("'{}'", info(in.op).mnemonic)
                     : fmt::format("'{}'", p.locations[in.loc]);
}

class Emulator {
public:
  Emulator(const Plan &plan, const plan::Weights &weights, CoinSource &coins,
           const EmulateOptions &options, RangeReport *ranges)
      : p_(plan), weights_(weights), coins_(coins), options_(options),
        ranges_(ranges), pool_(options.threads), values_(plan.regs.size()),
        outputs_(plan.outputs.size()) {}

  Result<std::vector<core::NpyArray>>
  run(std::span<const core::NpyArray> inputs) {
    MPC_TRY(load(inputs));
    std::vector<uint32_t> last = plan::lastUses(p_);
    for (const Plan::PublicOutput &o : p_.publicOutputs)
      outputs_[o.output] =
          plan::decodePublicOutput(p_.outputs[o.output], o.values);
    for (size_t i = 0; i < p_.code.size(); ++i) {
      const Instr &in = p_.code[i];
      MPC_TRY(step(i));
      if (hasResult(in.op)) {
        View v = values_[in.out].view;
        if (options_.observe)
          options_.observe(i, v);
        if (options_.checkRanges && ranges_)
          checkRange(i, v);
        free(in.out, i, last);
      }
      for (Reg r : in.in)
        free(r, i, last);
    }
    return std::move(outputs_);
  }

private:
  Status load(std::span<const core::NpyArray> inputs) {
    if (ranges_) {
      *ranges_ = {};
      ranges_->byLocation.assign(p_.locations.size(), 0);
    }
    if (inputs.size() != p_.inputs.size())
      return Error{fmt::format("{} inputs given, the plan has {}",
                               inputs.size(), p_.inputs.size())};
    for (size_t i = 0; i < inputs.size(); ++i) {
      Result<Elements> x = plan::encodeInput(p_.inputs[i], inputs[i]);
      if (!x)
        return x.error();
      inputs_.push_back(std::move(*x));
    }
    if (weights_.tensors.size() != p_.weights.size())
      return Error{fmt::format("{} weights given, the plan has {}",
                               weights_.tensors.size(), p_.weights.size())};
    for (size_t i = 0; i < p_.weights.size(); ++i)
      if (static_cast<int64_t>(weights_.tensors[i].size()) !=
          core::numel(p_.weights[i].shape))
        return Error{fmt::format("weight '{}' has {} elements, the plan's "
                                 "shape is {}",
                                 p_.weights[i].name, weights_.tensors[i].size(),
                                 core::toString(p_.weights[i].shape))};
    return {};
  }

  Status step(size_t i) {
    const Instr &in = p_.code[i];
    switch (in.op) {
    case PlanOp::Flush:
      return {};
    case PlanOp::Input:
      values_[in.out].view = inputs_[static_cast<size_t>(in.scalar(0))];
      return {};
    case PlanOp::Weight:
      values_[in.out].view =
          weights_.tensors[static_cast<size_t>(in.scalar(0))];
      return {};
    case PlanOp::Output: {
      auto index = static_cast<size_t>(in.scalar(0));
      outputs_[index] =
          plan::decodeOutput(p_.outputs[index], values_[in.in[0]].view);
      return {};
    }
    default: // every op with operands
      break;
    }
    OpContext c{p_, in, i, {}, coins_, pool_};
    for (Reg r : in.in)
      c.args.push_back(values_[r].view);
    Result<Elements> out = evaluate(c);
    if (!out)
      return Error{fmt::format("{}: {}", place(p_, in), out.error().message)};
    Value &v = values_[in.out];
    v.own = std::move(*out);
    v.view = v.own;
    return {};
  }

  void free(Reg r, size_t i, const std::vector<uint32_t> &last) {
    if (last[r] == i)
      values_[r] = Value{};
  }

  void checkRange(size_t i, View v) {
    const Instr &in = p_.code[i];
    const RegInfo &r = p_.regs[in.out];
    int bits = r.intBits + r.frac; // |X| < 2^bits
    // Beyond the ring, or all of it: nothing is declared.
    if (r.form == plan::Form::Bits || r.intBits == r.ring || bits >= r.ring ||
        bits > 62)
      return;
    int64_t limit = bits < 0 ? 1 : int64_t{1} << bits;
    uint64_t bad = 0;
    for (size_t e = 0; e < v.size(); ++e) {
      int64_t x = core::toSigned(v[e], r.ring);
      if (x < limit && x > -limit)
        continue;
      if (bad++ == 0 && !ranges_->first)
        ranges_->first =
            RangeReport::Violation{i,
                                   in.out,
                                   e,
                                   std::ldexp(static_cast<double>(x), -r.frac),
                                   r.intBits,
                                   std::string(info(in.op).mnemonic),
                                   p_.locations[in.loc]};
    }
    ranges_->total += bad;
    ranges_->byLocation[in.loc] += bad;
  }

  const Plan &p_;
  const plan::Weights &weights_;
  CoinSource &coins_;
  const EmulateOptions &options_;
  RangeReport *ranges_;
  kernels::ThreadPool pool_;
  std::vector<Elements> inputs_;
  std::vector<Value> values_;
  std::vector<core::NpyArray> outputs_;
};

} // namespace

std::string RangeReport::Violation::message() const {
  return fmt::format("'{}' ({}, %{}): element {} is {}, declared |x| < 2^{}",
                     location, mnemonic, reg, element, value, intBits);
}

Result<std::vector<core::NpyArray>>
emulate(const Plan &plan, const plan::Weights &weights,
        const std::vector<core::NpyArray> &inputs, CoinSource &coins,
        const EmulateOptions &options, RangeReport *ranges) {
  if (plan.open.empty())
    return Emulator(plan, weights, coins, options, ranges).run(inputs);
  const size_t secret = plan.inputs.size();
  if (inputs.size() != secret + plan.open.inputs.size())
    return Error{fmt::format("{} inputs given, the plan has {} and {} public "
                             "ones",
                             inputs.size(), secret, plan.open.inputs.size())};
  const std::span<const core::NpyArray> all(inputs);
  auto bytes = pub::packInputs(plan, all.subspan(secret));
  if (!bytes)
    return bytes.error();
  auto opened = pub::openPlan(plan, *bytes);
  if (!opened)
    return opened.error();
  return Emulator(*opened, weights, coins, options, ranges)
      .run(all.first(secret));
}

} // namespace mpc::emu

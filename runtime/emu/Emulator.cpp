//===- runtime/emu/Emulator.cpp - the loop over instructions --------------===//
#include "runtime/emu/Emulator.h"

#include "runtime/core/Ring.h"
#include "runtime/emu/EmulatorOps.h"
#include "runtime/plan/Encode.h"
#include "runtime/pub/Open.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
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
    findUndeclared();
    for (const Plan::PublicOutput &o : p_.publicOutputs)
      outputs_[o.output] =
          plan::decodePublicOutput(p_.outputs[o.output], o.values);
    for (size_t i = 0; i < p_.code.size(); ++i) {
      const Instr &in = p_.code[i];
      if (options_.checkRanges && ranges_)
        checkOperands(i);
      MPC_TRY(step(i));
      if (hasResult(in.op)) {
        View v = values_[in.out].view;
        if (options_.observe)
          options_.observe(i, v);
        if (options_.checkRanges && ranges_)
          checkResult(i, v);
        free(in.out, i, last);
      }
      for (Reg r : in.in)
        free(r, i, last);
    }
    return std::move(outputs_);
  }

private:
  /// Values of which a range declares the whole ring: whatever they are, it is
  /// not chosen later where it is out of their own bits.
  void findUndeclared() {
    undeclared_.assign(p_.regs.size(), false);
    for (const Instr &in : p_.code)
      if (in.op == PlanOp::Range) {
        const unsigned ring = p_.regs[in.in[0]].ring;
        undeclared_[in.in[0]] = in.scalar(0) == core::ringMin(ring) &&
                                in.scalar(1) == core::ringMax(ring);
      }
  }

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
    case PlanOp::Range:
      return {};
    case PlanOp::Guard:
      return guard(values_[in.in[0]].view);
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

  /// As the client does.
  Status guard(View bits) const {
    for (uint64_t bit : bits)
      if (bit != 0)
        return Error{ranges_ && ranges_->first
                         ? fmt::format("{}; here {}", plan::guardFailure(),
                                       ranges_->first->message())
                         : plan::guardFailure()};
    return {};
  }

  /// Elements of v, signed in `ring` bits, outside [lo, hi].
  void check(size_t i, Reg reg, View v, int64_t lo, int64_t hi,
             std::string_view what) {
    const Instr &in = p_.code[i];
    const RegInfo &r = p_.regs[reg];
    uint64_t bad = 0;
    for (size_t e = 0; e < v.size(); ++e) {
      const int64_t x = core::toSigned(v[e], r.ring);
      if (x >= lo && x <= hi)
        continue;
      if (bad++ == 0 && !ranges_->first)
        note(i, reg, e, x, lo, hi, what);
    }
    ranges_->total += bad;
    ranges_->byLocation[in.loc] += bad;
  }
  void note(size_t i, Reg reg, size_t e, int64_t x, int64_t lo, int64_t hi,
            std::string_view what) {
    const Instr &in = p_.code[i];
    const auto real = [&](int64_t v) {
      return std::ldexp(static_cast<double>(v), -p_.regs[reg].frac);
    };
    ranges_->first = RangeReport::Violation{i,
                                            reg,
                                            e,
                                            real(x),
                                            real(lo),
                                            real(hi),
                                            std::string(info(in.op).mnemonic),
                                            p_.locations[in.loc],
                                            std::string(what)};
  }

  void checkResult(size_t i, View v) {
    const Instr &in = p_.code[i];
    const RegInfo &r = p_.regs[in.out];
    if (in.op == PlanOp::InRange) {
      checkGuarded(i, v);
      return;
    }
    int bits = r.intBits + r.frac; // |X| < 2^bits
    // All of the ring, or beyond it: nothing is declared.
    if (r.form == plan::Form::Bits || r.form == plan::Form::Words ||
        r.intBits == r.ring || bits + 1 >= r.ring || bits > 62 ||
        undeclared_[in.out])
      return;
    const int64_t limit = bits < 0 ? 1 : int64_t{1} << bits;
    check(i, in.out, v, 1 - limit, limit - 1, "its declared range");
  }

  /// Where a check refuses: elements outside, else one so near to an end that
  /// the masks decide.
  void checkGuarded(size_t i, View refused) {
    const Instr &in = p_.code[i];
    if (std::all_of(refused.begin(), refused.end(),
                    [](uint64_t bit) { return bit == 0; }))
      return;
    const Reg reg = in.in[0];
    const View x = values_[reg].view;
    const uint64_t before = ranges_->total;
    check(i, reg, x, in.scalar(0), in.scalar(1), "its guarded range");
    if (ranges_->total != before || ranges_->first)
      return;
    const RegInfo &r = p_.regs[reg];
    const int64_t middle = in.scalar(0) / 2 + in.scalar(1) / 2;
    size_t farthest = 0;
    const auto distance = [&](size_t e) {
      return std::abs(core::toSigned(x[e], r.ring) - middle);
    };
    for (size_t e = 1; e < x.size(); ++e)
      if (distance(e) > distance(farthest))
        farthest = e;
    note(i, reg, farthest, core::toSigned(x[farthest], r.ring), in.scalar(0),
         in.scalar(1), "its guarded range");
    ++ranges_->total;
    ++ranges_->byLocation[in.loc];
  }

  void checkOperands(size_t i) {
    const Instr &in = p_.code[i];
    if (in.op == PlanOp::Range && !undeclared_[in.in[0]])
      check(i, in.in[0], values_[in.in[0]].view, in.scalar(0) - kTableSlack,
            in.scalar(1) + kTableSlack, "the domain of its table");
    if (in.op != PlanOp::Sign)
      return;
    const int64_t bits = in.scalar(0) + in.scalar(1) - 1;
    if (bits + 1 < p_.regs[in.in[1]].ring && bits < 62)
      check(i, in.in[1], values_[in.in[1]].view, -(int64_t{1} << bits),
            (int64_t{1} << bits) - 1, "the window of its comparison");
  }

  const Plan &p_;
  const plan::Weights &weights_;
  CoinSource &coins_;
  const EmulateOptions &options_;
  RangeReport *ranges_;
  kernels::ThreadPool pool_;
  std::vector<Elements> inputs_;
  std::vector<Value> values_;
  std::vector<bool> undeclared_;
  std::vector<core::NpyArray> outputs_;
};

} // namespace

double RangeReport::Violation::excess() const {
  return value > hi ? value - hi : value < lo ? lo - value : 0;
}

std::string RangeReport::Violation::message() const {
  const std::string where =
      fmt::format("'{}' ({}, %{}): element {} is {:.6g}", location, mnemonic,
                  reg, element, value);
  return excess() > 0
             ? fmt::format("{}, outside {} [{:.6g}, {:.6g}] by {:.3g}", where,
                           what, lo, hi, excess())
             : fmt::format(
                   "{}, at an end of {} [{:.6g}, {:.6g}], where a guard "
                   "may refuse",
                   where, what, lo, hi);
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

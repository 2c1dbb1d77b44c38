//===- runtime/pub/Open.cpp -----------------------------------------------===//
#include "runtime/pub/Open.h"

#include "runtime/plan/Encode.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/pub/Value.h"

#include <algorithm>
#include <fmt/format.h>

namespace mpc::pub {
namespace {

using plan::PublicInputInfo;
using plan::PublicInstr;
using plan::PublicOp;

size_t bytesOf(const PublicInputInfo &i) {
  return static_cast<size_t>(core::numel(i.shape)) * core::dtypeSize(i.dtype);
}

Error inInput(const PublicInputInfo &i, const std::string &what) {
  return Error{fmt::format("public input '{}': {}", i.name, what)};
}

/// Every number of the array, in the declared range.
Status check(const PublicInputInfo &i, const Value &v) {
  for (size_t k = 0; k < v.size(); ++k)
    if (const double x = v.at(k); !(x >= i.lo && x <= i.hi))
      return inInput(i, fmt::format("element {} is {}, outside the declared "
                                    "range [{}, {}]",
                                    k, x, i.lo, i.hi));
  return {};
}

Result<Value> parseInput(const PublicInputInfo &i,
                         std::span<const uint8_t> bytes) {
  Value v(plan::PublicType{plan::publicElemOf(i.dtype), i.shape});
  if (i.dtype == core::DType::Bool)
    for (uint8_t b : bytes)
      if (b > 1)
        return inInput(i, "holds a bool that is neither 0 nor 1");
  const core::NpyArray array{i.dtype, i.shape, {bytes.begin(), bytes.end()}};
  if (v.isReal()) {
    auto floats = core::toFloat32(array, core::NonFinite::Allow);
    if (!floats)
      return inInput(i, floats.error().message);
    v.floats = std::move(*floats);
  } else {
    auto ints = core::toInt64(array);
    if (!ints)
      return inInput(i, ints.error().message);
    v.ints = std::move(*ints);
  }
  MPC_TRY(check(i, v));
  return v;
}

std::vector<uint32_t> lastReaders(const plan::PublicSection &s) {
  std::vector<uint32_t> last(s.code.size(), 0);
  for (uint32_t i = 0; i < s.code.size(); ++i)
    for (uint32_t r : s.code[i].in)
      last[r] = i;
  return last;
}

class Run {
public:
  Run(const plan::Plan &plan, std::vector<Value> inputs)
      : inputs_(std::move(inputs)), opened_(plan),
        values_(plan.open.code.size()) {}

  Result<plan::Plan> all() {
    const plan::PublicSection &s = opened_.open;
    const std::vector<uint32_t> last = lastReaders(s);
    for (uint32_t i = 0; i < s.code.size(); ++i) {
      if (Status ok = step(i); !ok)
        return Error{place(s.code[i]) + ok.error().message};
      for (uint32_t r : s.code[i].in)
        if (last[r] == i)
          values_[r] = Value();
    }
    MPC_TRY(checkTakes());
    return std::move(opened_);
  }

private:
  std::string place(const PublicInstr &in) const {
    return in.loc == 0
               ? fmt::format("public '{}': ", info(in.op).mnemonic)
               : fmt::format("'{}' (public {}): ", opened_.locations[in.loc],
                             info(in.op).mnemonic);
  }

  Status step(uint32_t i) {
    const PublicInstr &in = opened_.open.code[i];
    std::vector<const Value *> args;
    for (uint32_t r : in.in)
      args.push_back(&values_[r]);
    switch (in.op) {
    case PublicOp::Input:
      values_[i] = inputs_[static_cast<size_t>(in.scalar(0))];
      return {};
    case PublicOp::Let:
      opened_.consts[static_cast<size_t>(in.scalar(0))].data = args[0]->ints;
      return {};
    case PublicOp::Give: {
      plan::Plan::PublicOutput out{static_cast<uint32_t>(in.scalar(0)), {}};
      for (size_t k = 0; k < args[0]->size(); ++k)
        out.values.push_back(args[0]->at(k));
      opened_.publicOutputs.push_back(std::move(out));
      return {};
    }
    default:
      break;
    }
    Value out(in.type);
    Status status;
    const bool known = evalElementwise(in, args, out, status) ||
                       evalMovement(in, args, out, status) ||
                       evalReduction(in, args, out);
    assert(known && "the verifier knows every op");
    (void)known;
    MPC_TRY(status);
    values_[i] = std::move(out);
    return {};
  }

  /// Indices that only the session knows, the verifier has not seen.
  Status checkTakes() const {
    for (const plan::Instr &in : opened_.code) {
      if (in.op != plan::PlanOp::Take)
        continue;
      const plan::ConstInfo &c =
          opened_.consts[static_cast<size_t>(in.scalar(0))];
      const int64_t n = opened_.regs[in.in[0]].numel();
      if (!c.session)
        continue;
      for (int64_t i : c.data)
        if (i < -1 || i >= n)
          return Error{fmt::format("'{}' (take): index {} of {} elements",
                                   opened_.locations[in.loc], i, n)};
    }
    return {};
  }

  std::vector<Value> inputs_;
  plan::Plan opened_;
  std::vector<Value> values_;
};

} // namespace

Result<plan::Plan> openPlan(const plan::Plan &plan,
                            std::span<const uint8_t> bytes) {
  const uint64_t want = plan::publicInputBytes(plan);
  if (bytes.size() != want)
    return Error{fmt::format("{} bytes of public inputs, the plan has {}",
                             bytes.size(), want)};
  std::vector<Value> inputs;
  for (const PublicInputInfo &i : plan.open.inputs) {
    auto v = parseInput(i, bytes.first(bytesOf(i)));
    if (!v)
      return v.error();
    bytes = bytes.subspan(bytesOf(i));
    inputs.push_back(std::move(*v));
  }
  return Run(plan, std::move(inputs)).all();
}

Result<std::vector<uint8_t>>
packInputs(const plan::Plan &plan, std::span<const core::NpyArray> arrays) {
  const auto &inputs = plan.open.inputs;
  if (arrays.size() != inputs.size())
    return Error{fmt::format("{} public inputs given, the plan has {}",
                             arrays.size(), inputs.size())};
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (arrays[i].shape != inputs[i].shape)
      return inInput(inputs[i], fmt::format("has shape {}, expected {}",
                                            core::toString(arrays[i].shape),
                                            core::toString(inputs[i].shape)));
    auto exact = plan::convertExactly(arrays[i], inputs[i].dtype);
    if (!exact)
      return inInput(inputs[i], exact.error().message);
    bytes.insert(bytes.end(), exact->bytes.begin(), exact->bytes.end());
  }
  return bytes;
}

std::vector<core::Digest> digests(const plan::Plan &opened,
                                  std::span<const uint8_t> bytes) {
  std::vector<core::Digest> out;
  for (const PublicInputInfo &i : opened.open.inputs) {
    out.push_back(core::sha256(bytes.first(bytesOf(i))));
    bytes = bytes.subspan(bytesOf(i));
  }
  core::Sha256 all;
  for (const plan::ConstInfo &c : opened.consts)
    if (c.session)
      all.update({reinterpret_cast<const uint8_t *>(c.data.data()),
                  c.data.size() * sizeof(int64_t)});
  out.push_back(all.finish());
  return out;
}

std::string digestName(const plan::Plan &plan, size_t i) {
  return i < plan.open.inputs.size()
             ? fmt::format("public input '{}'", plan.open.inputs[i].name)
             : "what follows from the public inputs";
}

} // namespace mpc::pub

//===- runtime/vm/Client.cpp ----------------------------------------------===//
#include "runtime/vm/Client.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "runtime/plan/Encode.h"
#include "runtime/pub/Open.h"

#include <algorithm>
#include <fmt/format.h>

namespace mpc::vm {
namespace {

using core::SecretVector;
using net::Channel;
using plan::PlanOp;

SecretVector<uint64_t> unpack(std::span<const uint8_t> bytes, size_t n,
                              unsigned ring) {
  SecretVector<uint64_t> out(n);
  kernels::unpackBits(bytes.data(), n, ring, out.data());
  return out;
}

/// Calls fn(instruction, size, ring, offset, bytes) for each instruction that
/// one of `ops` matches, in plan order, values lying one after the other,
/// `copies` times each.
template <class F>
size_t eachValue(const plan::Plan &plan, std::initializer_list<PlanOp> ops,
                 size_t copies, F fn) {
  size_t at = 0;
  for (const plan::Instr &in : plan.code) {
    if (std::find(ops.begin(), ops.end(), in.op) == ops.end())
      continue;
    const plan::RegInfo &r =
        plan.regs[in.op == PlanOp::Input ? in.out : in.in[0]];
    const auto n = static_cast<size_t>(r.numel());
    const size_t bytes = core::packedBytes(n, r.ring);
    fn(in, n, r.ring, at, bytes);
    at += copies * bytes;
  }
  return at;
}

constexpr std::initializer_list<PlanOp> kFromClient = {PlanOp::Input};
constexpr std::initializer_list<PlanOp> kToClient = {PlanOp::Output,
                                                     PlanOp::Guard};

} // namespace

size_t inputBytes(const plan::Plan &plan) {
  return eachValue(
      plan, kFromClient, 1,
      [](const plan::Instr &, size_t, unsigned, size_t, size_t) {});
}

size_t outputBytes(const plan::Plan &plan) {
  return eachValue(
      plan, kToClient, 2,
      [](const plan::Instr &, size_t, unsigned, size_t, size_t) {});
}

Result<EncodedInputs> encodeInputs(const plan::Plan &plan,
                                   std::span<const core::NpyArray> inputs) {
  const size_t secret = plan.inputs.size();
  if (inputs.size() != secret + plan.open.inputs.size())
    return Error{fmt::format("{} inputs given, the plan has {}", inputs.size(),
                             secret + plan.open.inputs.size())};
  EncodedInputs out;
  for (size_t i = 0; i < secret; ++i) {
    auto words = plan::encodeInput(plan.inputs[i], inputs[i]);
    if (!words)
      return words.error();
    out.secret.push_back(SecretVector<uint64_t>::copyOf(*words));
    core::wipe(words->data(), words->size() * sizeof(uint64_t));
  }
  if (plan.open.empty())
    return out;
  auto bytes = pub::packInputs(plan, inputs.subspan(secret));
  if (!bytes)
    return bytes.error();
  auto opened = pub::openPlan(plan, *bytes);
  if (!opened)
    return opened.error();
  out.open = std::move(*bytes);
  out.known.assign(opened->publicOutputs.begin() +
                       static_cast<long>(plan.publicOutputs.size()),
                   opened->publicOutputs.end());
  return out;
}

Result<ClientResult> runClient(const plan::Plan &plan,
                               const EncodedInputs &inputs, Channel &p1,
                               Channel &p2) {
  const net::Counters start1 = p1.counters(), start2 = p2.counters();
  if (!plan.open.empty()) {
    p1.setContext("public inputs");
    p2.setContext("public inputs");
    MPC_TRY(p1.send(inputs.open));
    MPC_TRY(p2.send(inputs.open));
  }
  const net::Counters before1 = p1.counters(), before2 = p2.counters();
  p1.setContext("mask words");
  p2.setContext("mask words");
  const size_t nBytes = inputBytes(plan);
  SecretVector<uint8_t> l1(nBytes), l2(nBytes);
  MPC_TRY(p1.recv(l1.span()));
  MPC_TRY(p2.recv(l2.span()));

  ClientResult result;
  const uint64_t start = nowNs();
  std::vector<uint8_t> message(nBytes);
  eachValue(plan, kFromClient, 1,
            [&](const plan::Instr &in, size_t n, unsigned ring, size_t at,
                size_t bytes) {
              const auto i = static_cast<size_t>(in.scalar(0));
              auto m = unpack(l1.span().subspan(at, bytes), n, ring);
              auto second = unpack(l2.span().subspan(at, bytes), n, ring);
              for (size_t k = 0; k < n; ++k)
                m.data()[k] += second.data()[k] + inputs.secret[i].data()[k];
              kernels::packBits(m.data(), n, ring, message.data() + at);
            });
  p1.setContext("inputs");
  p2.setContext("inputs");
  MPC_TRY(p1.send(message));
  MPC_TRY(p2.send(message));

  p1.setContext("outputs");
  p2.setContext("outputs");
  const size_t outBytes = outputBytes(plan);
  SecretVector<uint8_t> o1(outBytes), o2(outBytes);
  MPC_TRY(p1.recv(o1.span()));
  MPC_TRY(p2.recv(o2.span()));

  result.outputs.resize(plan.outputs.size());
  Status ok;
  eachValue(plan, kToClient, 2,
            [&](const plan::Instr &in, size_t n, unsigned ring, size_t at,
                size_t bytes) {
              const bool guard = in.op == PlanOp::Guard;
              const auto i = guard ? 0 : static_cast<size_t>(in.scalar(0));
              const auto m1 = o1.span().subspan(at, bytes);
              const auto m2 = o2.span().subspan(at, bytes);
              if (!std::equal(m1.begin(), m1.end(), m2.begin())) {
                ok = Error{fmt::format(
                    "{}: parties 1 and 2 sent different masked values",
                    guard ? "guard"
                          : fmt::format("output '{}'", plan.outputs[i].name))};
                return;
              }
              auto x = unpack(m1, n, ring);
              auto a = unpack(o1.span().subspan(at + bytes, bytes), n, ring);
              auto b = unpack(o2.span().subspan(at + bytes, bytes), n, ring);
              for (size_t k = 0; k < n; ++k)
                x.data()[k] =
                    core::reduce(x.data()[k] - a.data()[k] - b.data()[k], ring);
              if (!guard)
                result.outputs[i] =
                    plan::decodeOutput(plan.outputs[i], x.span());
              else if (ok && std::any_of(x.begin(), x.end(),
                                         [](uint64_t bit) { return bit != 0; }))
                ok = Error{plan::guardFailure()};
            });
  MPC_TRY(ok);
  for (const auto *known : {&plan.publicOutputs, &inputs.known})
    for (const plan::Plan::PublicOutput &p : *known)
      result.outputs[p.output] =
          plan::decodePublicOutput(plan.outputs[p.output], p.values);

  ClientReport &r = result.report;
  r.onlineNs = nowNs() - start;
  const net::Counters d1 = p1.counters() - before1,
                      d2 = p2.counters() - before2;
  r.sent = {0, d1.payloadSent, d2.payloadSent};
  r.openSent = {0, (before1 - start1).payloadSent,
                (before2 - start2).payloadSent};
  r.wireSent = {0, p1.counters().wireSent, p2.counters().wireSent};
  return result;
}

} // namespace mpc::vm

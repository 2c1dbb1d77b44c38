// Guarded and clipped programs on inputs inside and outside what they were
// calibrated for, emulated and among three parties.
#include "Harness.h"
#include "runtime/emu/Emulator.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/vm/InProcessRun.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mpc;
using namespace mpc::testing;

namespace {

using Floats = std::vector<float>;

ir::InputMap sample(ir::Shape shape, Floats x) {
  ir::InputMap m;
  m["x"] = {ir::Elem::F32, shape, std::move(x), {}};
  return m;
}

/// A program of one input "x", declared up to +-1000, calibrated on `seen`.
Compiled compiled(const std::string &body, const ir::Shape &shape,
                  const Floats &seen, bool guard, bool clip = false) {
  passes::Options o;
  o.guard = guard;
  o.clipMaps = clip;
  o.samples = {sample(shape, seen)};
  Compiled c = compile(body, o);
  INFO(c.error);
  REQUIRE(c.error.empty());
  return c;
}

struct Outcome {
  std::string error;
  Floats out;
};

core::NpyArray array(const Compiled &c, const Floats &x) {
  return core::NpyArray::of<float>(c.plan.inputs[0].shape, x);
}

Outcome emulated(const Compiled &c, const Floats &x) {
  emu::SeededCoins coins(5);
  emu::EmulateOptions o;
  o.threads = 1;
  o.checkRanges = true;
  emu::RangeReport report;
  auto r = emu::emulate(c.plan, c.weights, {array(c, x)}, coins, o, &report);
  if (!r)
    return {r.error().message, {}};
  const auto v = (*r)[0].as<float>();
  return {report.first ? report.first->message() : "", {v.begin(), v.end()}};
}

Outcome parties(const Compiled &c, const Floats &x) {
  auto r = vm::runInProcess(c.plan, c.weights, std::vector{array(c, x)});
  if (!r)
    return {r.error().message, {}};
  const plan::PlanCost want = plan::totalCost(c.plan);
  CHECK(r->stats.rounds == want.rounds);
  CHECK(r->stats.p0ToP2 == want.p0ToP2);
  CHECK(r->stats.p1ToP2 == want.p1ToP2);
  CHECK(r->stats.p1ToClient == want.p1ToClient);
  const auto v = r->outputs[0].as<float>();
  return {"", {v.begin(), v.end()}};
}

bool has(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

const char *kInput =
    "%0 = input {hi = 1000.0, lo = -1000.0, name = \"x\"} : f32[2x4] secret\n";

/// Both ways of running: good inputs pass and agree, bad ones are refused and
/// the emulator names the node.
void check(const std::string &body, const Floats &seen,
           const std::vector<Floats> &bad, const char *node) {
  const Compiled c = compiled(kInput + body, {2, 4}, seen, true);
  const Compiled plain = compiled(kInput + body, {2, 4}, seen, false);
  CHECK(plan::totalCost(c.plan).rounds <=
        plan::totalCost(plain.plan).rounds + 1);
  const Outcome e = emulated(c, seen), p = parties(c, seen),
                without = emulated(plain, seen);
  CHECK(e.error == "");
  CHECK(p.error == "");
  REQUIRE(e.out.size() == without.out.size());
  for (size_t i = 0; i < e.out.size(); ++i) {
    CHECK(std::fabs(e.out[i] - without.out[i]) < 4e-3);
    CHECK(std::fabs(p.out[i] - without.out[i]) < 4e-3);
  }
  for (const Floats &x : bad) {
    INFO("x " << x[0] << " " << x[1] << " " << x[2]);
    const Outcome refused = emulated(c, x);
    CHECK(has(refused.error, "guard: a value left the range"));
    CHECK(has(refused.error, node));
    CHECK(has(parties(c, x).error, "client: guard: a value left the range"));
  }
}

const Floats kSeen = {1, -2, 0.5f, 1.5f, -1, 2, -0.25f, 0.125f};

Floats with(size_t i, float x) {
  Floats v = kSeen;
  v[i] = x;
  return v;
}

} // namespace

TEST_CASE("guard: a product's operand", "[backend][guard]") {
  check("%1 = constant {name = \"w\", value = dense<f32[4x4] 0.5>} : f32[4x4] "
        "weight\n"
        "%2 = tensor.matmul %0, %1 : f32[2x4] secret loc(\"/fc\")\n"
        "%3 = tensor.mul %2, %2 : f32[2x4] secret loc(\"/square\")\n"
        "%4 = tensor.mul %3, %3 : f32[2x4] secret loc(\"/fourth\")\n"
        "%5 = tensor.matmul %4, %1 : f32[2x4] secret loc(\"/out\")\n"
        "return %5 as \"o\" : f32",
        kSeen, {with(0, 40), with(3, -300), with(7, 1000)}, "(in_range");
}

TEST_CASE("guard: a function's domain", "[backend][guard]") {
  check("%1 = constant {name = \"w\", value = dense<f32[4x4] 0.5>} : f32[4x4] "
        "weight\n"
        "%2 = tensor.matmul %0, %1 : f32[2x4] secret loc(\"/fc\")\n"
        "%3 = tensor.tanh %2 : f32[2x4] secret loc(\"/act\")\n"
        "return %3 as \"o\" : f32",
        kSeen, {with(0, 40), with(3, -300), with(7, 1000), with(7, -1000)},
        "'/act'");
}

TEST_CASE("guard: a row of zeros in a normalization", "[backend][guard]") {
  Floats zeros(8, 0);
  Floats half = kSeen;
  std::fill(half.begin() + 4, half.end(), 0.0f);
  check("%1 = tensor.mul %0, %0 : f32[2x4] secret loc(\"/sq\")\n"
        "%2 = tensor.reduce_sum %1 {axes = [1], keepdims = 1} : f32[2x1] "
        "secret loc(\"/sum\")\n"
        "%3 = tensor.rsqrt %2 : f32[2x1] secret loc(\"/rsqrt\")\n"
        "%4 = tensor.mul %0, %3 : f32[2x4] secret loc(\"/norm\")\n"
        "return %4 as \"o\" : f32",
        kSeen, {zeros, half, with(0, 100)}, "'/rsqrt'");
}

TEST_CASE("guard: huge logits", "[backend][guard]") {
  check("%1 = constant {name = \"w\", value = dense<f32[4x4] [1, 0, 0, 0, 0, "
        "1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]>} : f32[4x4] weight\n"
        "%2 = tensor.matmul %0, %1 : f32[2x4] secret loc(\"/scores\")\n"
        "%3 = tensor.softmax %2 {axis = 1} : f32[2x4] secret loc(\"/soft\")\n"
        "return %3 as \"o\" : f32",
        kSeen, {with(0, 900), with(1, -900), with(5, 100)}, "(in_range");
}

TEST_CASE("nothing can leave its range: no guard", "[backend][guard]") {
  Compiled c = compiled("%0 = input {hi = 1.0, lo = -1.0, name = \"x\"} : "
                        "f32[2x4] secret\n"
                        "%1 = tensor.tanh %0 : f32[2x4] secret\n"
                        "return %1 as \"o\" : f32",
                        {2, 4}, Floats(8, 0.5f), true);
  for (const plan::Instr &in : c.plan.code)
    CHECK(in.op != plan::PlanOp::Guard);
}

TEST_CASE("clip: a function saturates beyond its domain", "[backend][guard]") {
  // x sigmoid(x) of x W, W the identity: steep at the upper end.
  const std::string body =
      std::string(kInput) +
      "%1 = constant {name = \"w\", value = dense<f32[4x4] [1, 0, 0, 0, 0, 1, "
      "0, 0, 0, 0, 1, 0, 0, 0, 0, 1]>} : f32[4x4] weight\n"
      "%2 = tensor.matmul %0, %1 : f32[2x4] secret loc(\"/fc\")\n"
      "%3 = tensor.map %2 {expr = \"mul(x,sigmoid(x))\"} : f32[2x4] secret "
      "loc(\"/act\")\n"
      "return %3 as \"o\" : f32";
  const Compiled c = compiled(body, {2, 4}, kSeen, false, true);
  double lo = 0, hi = 0; // the domain, as the plan declares it
  for (const plan::Instr &in : c.plan.code)
    if (in.op == plan::PlanOp::Range) {
      const double scale = std::ldexp(1.0, -c.plan.regs[in.in[0]].frac);
      hi = static_cast<double>(in.scalar(1) - in.scalar(0)) / 2 * scale;
      lo = -hi;
    }
  CHECK(std::fabs(hi - 4) < 0.01); // seen 2, a bit of margin
  const auto f = [](double x) { return x / (1 + std::exp(-x)); };
  for (float far : {3.99f, 4.0f, 4.01f, 4.5f, 8.0f, 33.0f, 129.0f, 1000.0f}) {
    const Floats x = {far, -far, 0, 1, -far, far, far, -1};
    for (const Outcome &o : {emulated(c, x), parties(c, x)}) {
      CHECK(o.error == "");
      REQUIRE(o.out.size() == x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        INFO("x " << x[i]);
        const double at = std::clamp<double>(x[i], lo, hi);
        CHECK(std::fabs(o.out[i] - f(at)) < 1e-3);
      }
    }
  }
}

TEST_CASE("trust: the emulator names the table", "[backend][guard]") {
  const Compiled c = compiled(
      std::string(kInput) +
          "%1 = constant {name = \"w\", value = dense<f32[4x4] 0.5>} : "
          "f32[4x4] weight\n"
          "%2 = tensor.matmul %0, %1 : f32[2x4] secret loc(\"/fc\")\n"
          "%3 = tensor.map %2 {expr = \"mul(x,sigmoid(x))\"} : f32[2x4] "
          "secret loc(\"/act\")\n"
          "return %3 as \"o\" : f32",
      {2, 4}, Floats(8, 0.5f), false);
  CHECK(emulated(c, Floats(8, 0.5f)).error == "");
  // Nothing below 0 was seen; it has bits for it, but no table.
  const std::string e = emulated(c, Floats(8, -0.25f)).error;
  INFO(e);
  CHECK(has(e, "'/act' (range, %"));
  CHECK(has(e, "outside the domain of its table ["));
}

//===- tools/MpccPlan.cpp - mpcc emulate, cost, dis -----------------------===//
#include "MpccCommon.h"
#include "mpcc.h"
#include "runtime/emu/Emulator.h"
#include "runtime/plan/Files.h"
#include "runtime/plan/PlanCost.h"
#include <nlohmann/json.hpp>
#include <random>

namespace mpc::tools {
namespace {

struct EmulateArgs {
  std::string plan, weights, outputDir;
  plan::InputFiles inputs;
  uint64_t seed = 1;
  unsigned threads = 0;
  bool allowOutOfRange = false;
};

int emulate(const EmulateArgs &a) {
  Result<plan::Plan> p = plan::Plan::load(a.plan);
  if (!p)
    return fail(a.plan, p.error());
  Result<plan::Weights> w = plan::loadWeights(*p, a.plan, a.weights);
  if (!w)
    return fail(a.weights.empty() ? plan::defaultWeightsPath(a.plan)
                                  : a.weights,
                w.error());
  Result<plan::LoadedInputs> in = plan::loadInputs(*p, a.inputs);
  if (!in)
    return fail(in.error().message);
  for (const std::string &n : in->notes)
    fmt::print(stderr, "note: {}\n", n);

  emu::SeededCoins coins(a.seed);
  emu::EmulateOptions options;
  options.threads = a.threads;
  options.checkRanges = true;
  emu::RangeReport ranges;
  Result<std::vector<core::NpyArray>> out =
      emu::emulate(*p, *w, in->arrays, coins, options, &ranges);
  if (!out)
    return fail(a.plan, out.error());
  if (ranges.first) {
    const std::string what = fmt::format(
        "{} value{} left the declared range, first {}; calibrate on samples "
        "like this one or raise --margin-bits",
        ranges.total, ranges.total == 1 ? "" : "s", ranges.first->message());
    if (!a.allowOutOfRange)
      return fail(fmt::format("{}: error: {} (--allow-out-of-range writes the "
                              "outputs all the same)",
                              a.plan, what));
    fmt::print(stderr, "{}: warning: {}\n", a.plan, what);
  }
  if (Status s = plan::saveOutputs(*p, *out, a.outputDir); !s)
    return fail(s.error().message);
  return 0;
}

nlohmann::json toJson(const plan::PlanCost &c) {
  return {{"offline",
           {{"bytes", {{"p0_p1", c.p0ToP1}, {"p0_p2", c.p0ToP2}}},
            {"gemm_macs", c.offlineGemmMacs}}},
          {"online",
           {{"rounds", c.rounds},
            {"gemm_macs", c.onlineGemmMacs},
            {"bytes",
             {{"p1_p2", c.p1ToP2},
              {"p2_p1", c.p2ToP1},
              {"client_p1", c.clientToP1},
              {"client_p2", c.clientToP2},
              {"p1_client", c.p1ToClient},
              {"p2_client", c.p2ToClient}}}}}};
}

int cost(const std::string &path, bool json) {
  Result<plan::Plan> p = plan::Plan::load(path);
  if (!p)
    return fail(path, p.error());
  const plan::PlanCost total = plan::totalCost(*p);
  const std::vector<plan::PlanCost> nodes = plan::locationCosts(*p);
  if (json) {
    nlohmann::json j = toJson(total);
    const uint64_t open = plan::publicInputBytes(*p);
    j["session"]["bytes"] = {
        {"client_p1", open}, {"client_p2", open}, {"p1_p0", open}};
    j["nodes"] = nlohmann::json::array();
    for (size_t i = 0; i < nodes.size(); ++i) {
      nlohmann::json n = toJson(nodes[i]);
      n["node"] = p->locations[i];
      j["nodes"].push_back(std::move(n));
    }
    fmt::print("{}\n", j.dump(1));
    return 0;
  }
  fmt::print("{:>7} {:>14} {:>14} {:>14} {:>10}  node\n", "rounds",
             "online bytes", "offline bytes", "GEMM MACs", "");
  auto row = [](const plan::PlanCost &c, const std::string &name) {
    fmt::print("{:>7} {:>14} {:>14} {:>14} {:>10}  {}\n", c.rounds,
               c.p1ToP2 + c.p2ToP1, c.p0ToP1 + c.p0ToP2,
               c.onlineGemmMacs + c.offlineGemmMacs, "", name);
  };
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i] != plan::PlanCost{})
      row(nodes[i], p->locations[i].empty() ? "(no node)" : p->locations[i]);
  row(total, "total");
  return 0;
}

} // namespace

Command addEmulate(CLI::App &app) {
  auto a = std::make_shared<EmulateArgs>();
  CLI::App *c = app.add_subcommand(
      "emulate",
      "run a plan in one process: exact fixed point, no cryptography");
  c->add_option("plan", a->plan, "the plan")->required();
  c->add_option("--weights", a->weights,
                "default: the plan's name with .weights");
  c->add_option("--input-dir", a->inputs.directory,
                "directory of <input name>.npy");
  c->add_option("--input", a->inputs.overrides, "NAME=FILE.npy")->take_all();
  c->add_option("--output-dir", a->outputDir, "where <output name>.npy go")
      ->required();
  c->add_option("--seed", a->seed, "seed of the roundings' coins")
      ->capture_default_str();
  c->add_option("--threads", a->threads, "0: one per CPU");
  c->add_flag("--allow-out-of-range", a->allowOutOfRange,
              "a value outside its declared range is a warning, no error");
  c->footer(
      "example:\n  mpcc emulate bert.plan --input-dir in --output-dir out");
  return [a] { return emulate(*a); };
}

Command addCost(CLI::App &app) {
  auto path = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App *c = app.add_subcommand(
      "cost",
      "rounds, bytes and multiplications per ONNX node, before running");
  c->add_option("plan", *path, "the plan")->required();
  c->add_flag("--json", *json, "as JSON on stdout");
  c->footer("example:\n  mpcc cost bert.plan --json");
  return [path, json] { return cost(*path, *json); };
}

Command addDis(CLI::App &app) {
  auto path = std::make_shared<std::string>();
  CLI::App *c = app.add_subcommand("dis", "print a plan as text");
  c->add_option("plan", *path, "the plan")->required();
  c->footer("example:\n  mpcc dis bert.plan");
  return [path] {
    Result<plan::Plan> p = plan::Plan::load(*path);
    if (!p)
      return fail(*path, p.error());
    fmt::print("{}", p->disassemble());
    return 0;
  };
}

} // namespace mpc::tools

//===- tools/MpccCost.cpp - mpcc cost: what a plan will take --------------===//
#include "MpccCommon.h"
#include "ProfileFile.h"
#include "mpcc.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/plan/PlanTime.h"
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

namespace mpc::tools {
namespace {

struct CostArgs {
  std::string plan, network = "loopback", sort = "seconds";
  size_t top = 20;
  bool json = false;
};

using Json = nlohmann::ordered_json;

Json toJson(const plan::PlanCost &c, const plan::PhaseTimes &t) {
  return {{"offline",
           {{"seconds", t.offline},
            {"bytes", {{"p0_p1", c.p0ToP1}, {"p0_p2", c.p0ToP2}}},
            {"gemm_macs", c.offlineGemmMacs}}},
          {"online",
           {{"seconds", t.online},
            {"rounds", c.rounds},
            {"round_s", t.rounds},
            {"line_s", t.lines},
            {"compute_s", t.compute},
            {"gemm_macs", c.onlineGemmMacs},
            {"bytes",
             {{"p1_p2", c.p1ToP2},
              {"p2_p1", c.p2ToP1},
              {"client_p1", c.clientToP1},
              {"client_p2", c.clientToP2},
              {"p1_client", c.p1ToClient},
              {"p2_client", c.p2ToClient}}}}}};
}

Json toJson(const plan::Work &w) {
  Json j;
#define WORK(name, key, unit, value, doc)                                      \
  j[std::string(key).substr(0, std::string(key).rfind('_'))] = w.name;
#include "runtime/plan/Work.def"
  return j;
}

/// Everything that is printed, in either form.
struct Report {
  plan::PlanCost total;
  std::vector<plan::PlanCost> nodes;
  plan::TimeEstimate time;
  std::array<uint64_t, 3> memory;
};

Json toJson(const plan::Plan &p, const plan::Profile &profile,
            const Report &r) {
  Json j = toJson(r.total, r.time.total);
  const uint64_t open = plan::publicInputBytes(p);
  j["session"]["bytes"] = {
      {"client_p1", open}, {"client_p2", open}, {"p1_p0", open}};
  j["network"] = profile.name;
  j["wall_s"] = r.time.total.offline + r.time.total.online;
  j["setup_s"] = r.time.total.setup;
  j["peak_rss_bytes"] = {
      {"p0", r.memory[0]}, {"p1", r.memory[1]}, {"p2", r.memory[2]}};
  plan::PlanWork work;
  for (const plan::PlanWork &w : plan::instrWork(p))
    work += w;
  const auto [owner, receiver] = plan::setupWork(p);
  j["work"] = {{"p0_offline", toJson(work.dealer)},
               {"evaluator_offline", toJson(work.offline)},
               {"evaluator_online", toJson(work.online)},
               {"owner_setup", toJson(owner)},
               {"evaluator_setup", toJson(receiver)}};
  j["nodes"] = Json::array();
  for (size_t i = 0; i < r.nodes.size(); ++i) {
    Json n = {{"node", p.locations[i]}};
    n.update(toJson(r.nodes[i], r.time.nodes[i]));
    j["nodes"].push_back(std::move(n));
  }
  return j;
}

double sortKey(const std::string &sort, const plan::PlanCost &c,
               const plan::PhaseTimes &t) {
  if (sort == "rounds")
    return c.rounds;
  if (sort == "online")
    return static_cast<double>(c.p1ToP2 + c.p2ToP1);
  if (sort == "offline")
    return static_cast<double>(c.p0ToP1 + c.p0ToP2);
  if (sort == "macs")
    return static_cast<double>(c.onlineGemmMacs + c.offlineGemmMacs);
  return t.offline + t.online;
}

void printTotals(const plan::Profile &profile, const Report &r) {
  const plan::PlanCost &c = r.total;
  const plan::PhaseTimes &t = r.time.total;
  fmt::print("profile {}: predicted\n", profile.name);
  fmt::print("  set-up  {:>10}   once a deployment\n", secondsText(t.setup));
  fmt::print("  offline {:>10}   {} from P0 ({} to P1, {} to P2), {} MACs\n",
             secondsText(t.offline), bytesText(c.p0ToP1 + c.p0ToP2),
             bytesText(c.p0ToP1), bytesText(c.p0ToP2),
             countText(c.offlineGemmMacs));
  fmt::print("  online  {:>10}   {} between P1 and P2 in {} rounds, {} MACs\n",
             secondsText(t.online), bytesText(c.p1ToP2 + c.p2ToP1), c.rounds,
             countText(c.onlineGemmMacs));
  fmt::print("          {:>10}   of it waiting, {} on the line, {} computing\n",
             secondsText(t.rounds), secondsText(t.lines),
             secondsText(t.compute));
  fmt::print("  memory  P0 {}, P1 {}, P2 {}\n\n", bytesText(r.memory[0]),
             bytesText(r.memory[1]), bytesText(r.memory[2]));
}

void printNodes(const plan::Plan &p, const CostArgs &a, const Report &r) {
  std::vector<size_t> order(r.nodes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) {
    return r.nodes[i] == plan::PlanCost{} &&
           r.time.nodes[i].offline + r.time.nodes[i].online == 0;
  });
  if (a.sort != "graph")
    std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) {
      return sortKey(a.sort, r.nodes[x], r.time.nodes[x]) >
             sortKey(a.sort, r.nodes[y], r.time.nodes[y]);
    });
  constexpr const char *kRow = "{:>9} {:>9} {:>7} {:>9} {:>9} {:>9}  {}\n";
  fmt::print(kRow, "offline", "online", "rounds", "online", "offline", "MACs",
             "node");
  auto row = [&](const plan::PlanCost &c, const plan::PhaseTimes &t,
                 const std::string &name) {
    fmt::print(kRow, secondsText(t.offline), secondsText(t.online), c.rounds,
               bytesText(c.p1ToP2 + c.p2ToP1), bytesText(c.p0ToP1 + c.p0ToP2),
               countText(c.onlineGemmMacs + c.offlineGemmMacs), name);
  };
  const size_t shown = a.top ? std::min(a.top, order.size()) : order.size();
  plan::PlanCost restCost;
  plan::PhaseTimes restTime;
  for (size_t k = 0; k < order.size(); ++k) {
    const size_t i = order[k];
    if (k < shown) {
      row(r.nodes[i], r.time.nodes[i],
          p.locations[i].empty() ? "(no node)" : p.locations[i]);
      continue;
    }
    restCost += r.nodes[i];
    restTime.offline += r.time.nodes[i].offline;
    restTime.online += r.time.nodes[i].online;
  }
  if (shown < order.size())
    row(restCost, restTime,
        fmt::format("({} more nodes; --top 0 shows all)",
                    order.size() - shown));
  row(r.total, r.time.total, "total (nodes share rounds)");
}

int cost(const CostArgs &a) {
  Result<plan::Profile> profile = readProfile(a.network);
  if (!profile)
    return fail(profile.error().message);
  Result<plan::Plan> p = plan::Plan::load(a.plan);
  if (!p)
    return fail(a.plan, p.error());
  const Report r{plan::totalCost(*p), plan::locationCosts(*p),
                 plan::estimateTime(*p, *profile), plan::estimateMemory(*p)};
  if (a.json) {
    fmt::print("{}\n", toJson(*p, *profile, r).dump(1));
    return 0;
  }
  printTotals(*profile, r);
  printNodes(*p, a, r);
  return 0;
}

} // namespace

Command addCost(CLI::App &app) {
  auto a = std::make_shared<CostArgs>();
  CLI::App *c = app.add_subcommand(
      "cost", "seconds, rounds, bytes, multiplications and memory, in all and "
              "per ONNX node, before running");
  addPlan(*c, a->plan);
  c->add_option("--network", a->network, kNetworkHelp)->capture_default_str();
  c->add_flag("--json", a->json, "as JSON on stdout, every node");
  c->add_option("--top", a->top, "nodes in the table, 0: all")
      ->capture_default_str();
  c->add_option("--sort", a->sort, "what the table is sorted by")
      ->check(CLI::IsMember(
          {"seconds", "rounds", "online", "offline", "macs", "graph"}))
      ->capture_default_str();
  c->footer("Seconds are predictions under the profile; bytes and rounds are "
            "exact.\nexample:\n  mpcc cost bert.plan --network wan --top 10");
  return [a] { return cost(*a); };
}

} // namespace mpc::tools

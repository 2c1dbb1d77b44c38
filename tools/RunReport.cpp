//===- tools/RunReport.cpp ------------------------------------------------===//
#include "tools/RunReport.h"

#include "runtime/plan/PlanCost.h"
#include "runtime/plan/PlanTime.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mpc::tools {

namespace {

using nlohmann::ordered_json;

/// By op: bytes and exchanges as declared (and checked, see tests), then by
/// party how often, and seconds at work.
ordered_json opsJson(const plan::Plan &plan, const vm::RunStats &s) {
  std::array<plan::PlanCost, 256> cost = {};
  std::array<uint64_t, 256> exchanges = {};
  const std::vector<plan::PlanCost> costs = plan::instrCosts(plan);
  for (size_t i = 0; i < costs.size(); ++i) {
    const auto code = static_cast<uint8_t>(plan.code[i].op);
    cost[code] += costs[i];
    exchanges[code] += plan::info(plan.code[i].op).exchange;
  }
  ordered_json ops = ordered_json::object();
  const auto seconds = [](uint64_t ns) {
    return static_cast<double>(ns) * 1e-9;
  };
  for (const plan::PlanOpInfo &op : plan::allPlanOps()) {
    const auto code = static_cast<uint8_t>(op.op);
    const plan::PlanCost &c = cost[code];
    ordered_json parties = {{"offline_bytes", c.p0ToP1 + c.p0ToP2},
                            {"online_bytes", c.p1ToP2 + c.p2ToP1},
                            {"exchanges", exchanges[code]}};
    bool ran = false;
    for (size_t p = 0; p < 3; ++p)
      if (const vm::OpTime &t = s.ops[p][code];
          t.count + t.offlineNs + t.onlineNs > 0) {
        ran = true;
        parties[fmt::format("p{}", p)] = {{"count", t.count},
                                          {"offline_s", seconds(t.offlineNs)},
                                          {"online_s", seconds(t.onlineNs)}};
      }
    if (ran)
      ops[std::string(op.mnemonic)] = parties;
  }
  ordered_json wait = ordered_json::object();
  for (size_t p = 0; p < 3; ++p)
    wait[fmt::format("p{}", p)] = {{"offline_s", seconds(s.offlineWaitNs[p])},
                                   {"online_s", seconds(s.onlineWaitNs[p])}};
  ops["(wait for peers)"] = wait;
  return ops;
}

} // namespace

std::string statsJson(const plan::Plan &plan, const vm::RunStats &s) {
  const auto predicted = plan::estimateMemory(plan);
  const ordered_json json = {
      {"wall_s", s.wallSeconds},
      {"setup_s", s.setupSeconds},
      {"session",
       {{"bytes",
         {{"client_p1", s.openClientToP1},
          {"client_p2", s.openClientToP2},
          {"p1_p0", s.openP1ToP0}}}}},
      {"offline",
       {{"seconds", s.offlineSeconds},
        {"bytes", {{"p0_p1", s.p0ToP1}, {"p0_p2", s.p0ToP2}}},
        {"gemm_macs", s.offlineGemmMacs}}},
      {"online",
       {{"seconds", s.onlineSeconds},
        {"rounds", s.rounds},
        {"bytes",
         {{"p1_p2", s.p1ToP2},
          {"p2_p1", s.p2ToP1},
          {"client_p1", s.clientToP1},
          {"client_p2", s.clientToP2},
          {"p1_client", s.p1ToClient},
          {"p2_client", s.p2ToClient}}}}},
      {"wire_bytes",
       {{"p0_p1", s.wireP0P1},
        {"p0_p2", s.wireP0P2},
        {"p1_p2", s.wireP1P2},
        {"p2_p1", s.wireP2P1},
        {"client_p1", s.wireClientP1},
        {"client_p2", s.wireClientP2},
        {"p1_client", s.wireP1Client},
        {"p2_client", s.wireP2Client}}},
      {"peak_rss_bytes",
       {{"p0", s.peakRss[0]}, {"p1", s.peakRss[1]}, {"p2", s.peakRss[2]}}},
      {"peak_rss_predicted_bytes",
       {{"p0", predicted[0]}, {"p1", predicted[1]}, {"p2", predicted[2]}}},
      {"ops", opsJson(plan, s)},
      {"cpu_s",
       {{"offline",
         {{"p0", s.offlineCpu[0]},
          {"p1", s.offlineCpu[1]},
          {"p2", s.offlineCpu[2]}}},
        {"online", {{"p1", s.onlineCpu[1]}, {"p2", s.onlineCpu[2]}}}}}};
  return json.dump(2) + "\n";
}

std::string summary(const plan::Plan &plan, const vm::RunStats &s) {
  const auto predicted = plan::estimateMemory(plan);
  const auto mb = [](uint64_t bytes) {
    return static_cast<double>(bytes) / 1e6;
  };
  return fmt::format("set-up  {:8.3f} s\n"
                     "offline {:8.3f} s  {:10.3f} MB from P0\n"
                     "online  {:8.3f} s  {:10.3f} MB between P1 and P2, {} "
                     "rounds\n"
                     "memory  {:8.0f} MB at P0, {:.0f} at P1, {:.0f} at P2 "
                     "(predicted {:.0f}, {:.0f}, {:.0f})\n",
                     s.setupSeconds, s.offlineSeconds, mb(s.p0ToP1 + s.p0ToP2),
                     s.onlineSeconds, mb(s.p1ToP2 + s.p2ToP1), s.rounds,
                     mb(s.peakRss[0]), mb(s.peakRss[1]), mb(s.peakRss[2]),
                     mb(predicted[0]), mb(predicted[1]), mb(predicted[2]));
}

} // namespace mpc::tools

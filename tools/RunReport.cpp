//===- tools/RunReport.cpp
//-------------------------------------------------===//
#include "tools/RunReport.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mpc::tools {

std::string statsJson(const vm::RunStats &s) {
  using nlohmann::ordered_json;
  const ordered_json json = {
      {"wall_s", s.wallSeconds},
      {"setup_s", s.setupSeconds},
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
       {{"p0", s.peakRss[0]}, {"p1", s.peakRss[1]}, {"p2", s.peakRss[2]}}}};
  return json.dump(2) + "\n";
}

std::string summary(const vm::RunStats &s) {
  const auto mb = [](uint64_t bytes) {
    return static_cast<double>(bytes) / 1e6;
  };
  return fmt::format("set-up  {:8.3f} s\n"
                     "offline {:8.3f} s  {:10.3f} MB from P0\n"
                     "online  {:8.3f} s  {:10.3f} MB between P1 and P2, {} "
                     "rounds\n",
                     s.setupSeconds, s.offlineSeconds, mb(s.p0ToP1 + s.p0ToP2),
                     s.onlineSeconds, mb(s.p1ToP2 + s.p2ToP1), s.rounds);
}

} // namespace mpc::tools

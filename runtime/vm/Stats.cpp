//===- runtime/vm/Stats.cpp -----------------------------------------------===//
#include "runtime/vm/Stats.h"

#include "runtime/core/ByteStream.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

namespace mpc::vm {
namespace {

/// The one list of a report's fields, for both directions.
template <class Report, class F> void eachField(Report &r, F f) {
  for (auto *v :
       {&r.party, &r.offlineBeginNs, &r.offlineEndNs, &r.onlineNs, &r.rounds,
        &r.onlineGemmMacs, &r.offlineGemmMacs, &r.peakRss, &r.offlineWaitNs,
        &r.onlineWaitNs, &r.openSent, &r.offlineCpuNs, &r.onlineCpuNs})
    f(*v);
  for (auto *a : {&r.offlineSent, &r.onlineSent, &r.wireSent})
    for (auto &v : *a)
      f(v);
  for (auto &op : r.ops)
    for (auto *v : {&op.count, &op.offlineNs, &op.onlineNs})
      f(*v);
}

} // namespace

uint64_t nowNs() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

namespace {

uint64_t clockNs(clockid_t clock) {
  timespec t;
  ::clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(t.tv_nsec);
}

} // namespace

uint64_t cpuNs() { return clockNs(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t threadCpuNs() { return clockNs(CLOCK_THREAD_CPUTIME_ID); }

uint64_t peakRssBytes() {
  // Not ru_maxrss: that survives exec and would tell the parent's peak.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:"))
      return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

std::vector<uint8_t> PartyReport::encode() const {
  core::Writer w;
  eachField(*this, [&](uint64_t v) { w.u64(v); });
  return w.take();
}

Result<PartyReport> PartyReport::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  PartyReport report;
  eachField(report, [&](uint64_t &v) { v = r.u64(); });
  MPC_TRY(r.finish());
  return report;
}

RunStats combine(const std::array<PartyReport, 3> &p,
                 const ClientReport &client) {
  RunStats s;
  const uint64_t ready = std::max(p[1].offlineEndNs, p[2].offlineEndNs);
  s.offlineSeconds = static_cast<double>(ready - p[0].offlineBeginNs) * 1e-9;
  s.onlineSeconds = static_cast<double>(client.onlineNs) * 1e-9;
  for (const PartyReport &r : p) {
    s.offlineGemmMacs = std::max(s.offlineGemmMacs, r.offlineGemmMacs);
    s.onlineGemmMacs = std::max(s.onlineGemmMacs, r.onlineGemmMacs);
    const auto i = static_cast<size_t>(&r - p.data());
    s.peakRss[i] = r.peakRss;
    s.offlineWaitNs[i] = r.offlineWaitNs;
    s.onlineWaitNs[i] = r.onlineWaitNs;
    s.ops[i] = r.ops;
    s.offlineCpu[i] = static_cast<double>(r.offlineCpuNs) * 1e-9;
    s.onlineCpu[i] = static_cast<double>(r.onlineCpuNs) * 1e-9;
  }
  s.rounds = p[1].rounds;
  s.openClientToP1 = client.openSent[1];
  s.openClientToP2 = client.openSent[2];
  s.openP1ToP0 = p[1].openSent;
  s.p0ToP1 = p[0].offlineSent[1];
  s.p0ToP2 = p[0].offlineSent[2];
  s.p1ToP2 = p[1].onlineSent[2];
  s.p2ToP1 = p[2].onlineSent[1];
  s.p1ToClient = p[1].onlineSent[3];
  s.p2ToClient = p[2].onlineSent[3];
  s.clientToP1 = client.sent[1];
  s.clientToP2 = client.sent[2];
  s.wireP0P1 = p[0].wireSent[1];
  s.wireP0P2 = p[0].wireSent[2];
  s.wireP1P2 = p[1].wireSent[2];
  s.wireP2P1 = p[2].wireSent[1];
  s.wireP1Client = p[1].wireSent[3];
  s.wireP2Client = p[2].wireSent[3];
  s.wireClientP1 = client.wireSent[1];
  s.wireClientP2 = client.wireSent[2];
  return s;
}

} // namespace mpc::vm

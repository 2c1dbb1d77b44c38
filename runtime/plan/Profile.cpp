//===- runtime/plan/Profile.cpp -------------------------------------------===//
#include "runtime/plan/Profile.h"

namespace mpc::plan {
namespace {

/// Two cores of a shared Zen 4 server with AVX-512 and VAES.
MachineProfile zen4() {
  MachineProfile m;
  m.macU32 = 0.03e-9;
  m.macU64 = 0.05e-9;
  m.aesBlock = 3e-9;
  m.dpfLevel = 40e-9;
  m.dpfLeaf = 3e-9;
  m.tableTerm = 12e-9;
  m.bitLane = 0.5e-9;
  m.dealtByte = 1.5e-9;
  m.exchangedByte = 2.5e-9;
  m.elementByte = 0.25e-9;
  m.instruction = 2e-6;
  m.round = 40e-6;
  return m;
}

Profile uniform(std::string name, LinkProfile link, bool shared) {
  Profile p{std::move(name), link, link, link, link, zen4()};
  p.machine.shared = shared;
  return p;
}

} // namespace

Profile Profile::loopback() {
  return uniform("loopback", {20e-6, 2.5e9}, true);
}
Profile Profile::lan() { return uniform("lan", {0.4e-3, 125e6}, false); }
Profile Profile::wan() { return uniform("wan", {40e-3, 12.5e6}, false); }

std::optional<Profile> Profile::named(std::string_view name) {
  for (Profile p : {loopback(), lan(), wan()})
    if (p.name == name)
      return p;
  return std::nullopt;
}

double Profile::workSeconds(double coreSeconds, int parties) const {
  return coreSeconds * (machine.shared ? parties : 1) / machine.cores;
}

double Profile::roundSeconds() const {
  return evaluators.rttSeconds / 2 + machine.round;
}

double Profile::exchangedByteSeconds() const {
  return 1 / evaluators.bytesPerSecond + workSeconds(machine.exchangedByte, 2);
}

double Profile::dealtByteSeconds() const {
  return 1 / dealerToP2.bytesPerSecond + workSeconds(machine.dealtByte, 2);
}

double Profile::dealtToBothByteSeconds() const {
  // Two lines at once, three processors.
  return 1 / dealerToP1.bytesPerSecond + workSeconds(machine.dealtByte, 4);
}

} // namespace mpc::plan

//===- runtime/plan/Profile.cpp -------------------------------------------===//
#include "runtime/plan/Profile.h"

namespace mpc::plan {
namespace {

Profile uniform(std::string name, LinkProfile link, bool shared) {
  Profile p{std::move(name), link, link, link, link, {}};
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
  return 1 / dealerToP2.bytesPerSecond +
         workSeconds(machine.dealtByte + machine.storedByte);
}

double Profile::dealtToBothByteSeconds() const {
  // One line out of P0.
  return 1 / dealerToP1.bytesPerSecond + 1 / dealerToP2.bytesPerSecond +
         workSeconds(2 * machine.dealtByte) +
         workSeconds(machine.storedByte, 2);
}

} // namespace mpc::plan

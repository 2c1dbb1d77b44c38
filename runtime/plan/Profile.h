//===- runtime/plan/Profile.h - network and machines a plan will run on ---===//
//
// What a byte, a round and a multiplication cost, in seconds. Passes choose by
// it (`Context::options.profile`), `mpcc cost` predicts with it (PlanTime.h).
// Data only: tools read it from a name or a file.
//
// P1 and P2 send at the same time, so a round takes half a round trip. Offline
// material streams one way and has no rounds.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace mpc::plan {

/// One link, alike in both directions.
struct LinkProfile {
  double rttSeconds = 0;
  double bytesPerSecond = 1;
  bool operator==(const LinkProfile &) const = default;
};

/// Seconds that one core takes for one of each kind of work (Work.def).
struct MachineProfile {
  double cores = 2;       ///< of a machine
  bool shared = false;    ///< parties and client are on one machine
  double round = 100e-6;  ///< a flush without payload, besides the link
  double startup = 15e-3; ///< until processes run and have said hello
#define WORK(name, key, unit, value, doc) double name = value * unit;
#include "runtime/plan/Work.def"
  bool operator==(const MachineProfile &) const = default;

  /// Cores that one party's process uses.
  double threads() const { return shared ? std::max(1.0, cores / 2) : cores; }
};

struct Profile {
  std::string name;
  LinkProfile evaluators; ///< P1 <-> P2
  LinkProfile dealerToP1; ///< P0 -> P1
  LinkProfile dealerToP2; ///< P0 -> P2
  LinkProfile client;     ///< client, owner <-> parties
  MachineProfile machine;
  bool operator==(const Profile &) const = default;

  /// "loopback" (three processes on one machine), "lan" (1 Gbit/s, 0.4 ms
  /// round trip), "wan" (100 Mbit/s, 40 ms); machines of the same class.
  static Profile loopback();
  static Profile lan();
  static Profile wan();
  static std::optional<Profile> named(std::string_view name);

  // --- prices for choices between protocols, in seconds ---

  /// One more round between P1 and P2, nothing in it.
  double roundSeconds() const;
  /// One more byte each way in a round: the line and both processors.
  double exchangedByteSeconds() const;
  /// One more byte from P0 to P2.
  double dealtByteSeconds() const;
  /// One more byte from P0 to each evaluator.
  double dealtToBothByteSeconds() const;
  /// A core's work as it counts in the total: parties that share a machine
  /// wait for each other. `parties`: how many of the three do this work.
  double workSeconds(double coreSeconds, int parties = 1) const;
  /// Bytes each way that cost as much as a round.
  double roundBytes() const { return roundSeconds() / exchangedByteSeconds(); }
};

} // namespace mpc::plan

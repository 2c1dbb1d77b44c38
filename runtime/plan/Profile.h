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

/// Seconds that one core takes. Measured: tests/bench/calibrate.py.
struct MachineProfile {
  double cores = 2;         ///< of a machine
  bool shared = false;      ///< parties and client are on one machine
  double macU32 = 0;        ///< multiply-add in a ring of at most 32 bits
  double macU64 = 0;        ///< ... of more
  double aesBlock = 0;      ///< 16 bytes of a mask
  double dpfLevel = 0;      ///< P0: one level of one key
  double dpfLeaf = 0;       ///< evaluator: one word of one leaf
  double tableTerm = 0;     ///< a harmonic, an entry of e^x, of one element
  double bitLane = 0;       ///< one lane of a Boolean step
  double dealtByte = 0;     ///< P0 packs and sends, an evaluator stores
  double exchangedByte = 0; ///< one byte out and one in, packed and unpacked
  double elementByte = 0;   ///< elementwise work: a byte read or written
  double instruction = 0;   ///< what each one costs whatever its size
  double round = 0;         ///< a flush without payload, besides the link
  bool operator==(const MachineProfile &) const = default;
};

struct Profile {
  std::string name;
  LinkProfile evaluators; ///< P1 <-> P2
  LinkProfile dealerToP1; ///< P0 -> P1
  LinkProfile dealerToP2; ///< P0 -> P2
  LinkProfile client;     ///< client <-> P1, client <-> P2
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

//===- runtime/vm/Stats.h - what a run measured ---------------------------===//
//
// Each party fills its PartyReport; combine() makes the figures of a run from
// the three and the client's. Times are of the machine's monotonic clock, so
// they combine where all parties share a machine.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/net/Channel.h"
#include "runtime/plan/Plan.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace mpc::vm {

/// Nanoseconds of the monotonic clock.
uint64_t nowNs();
/// CPU time of this process, all threads.
uint64_t cpuNs();
/// CPU time of the calling thread.
uint64_t threadCpuNs();
/// Highest resident set of this process so far.
uint64_t peakRssBytes();

/// Adds the time of its scope to a sum.
class Stopwatch {
public:
  explicit Stopwatch(uint64_t &sum) : sum_(sum), start_(nowNs()) {}
  Stopwatch(const Stopwatch &) = delete;
  ~Stopwatch() { sum_ += nowNs() - start_; }

private:
  uint64_t &sum_;
  uint64_t start_;
};

/// Busy time of a party with all instructions of one kind.
struct OpTime {
  uint64_t count = 0;     ///< evaluators: run online; P0: dealt
  uint64_t offlineNs = 0; ///< P0: dealing; evaluators: preparing
  uint64_t onlineNs = 0;  ///< begin and finish
};

/// Of one party. Links are indexed by peer: 0, 1, 2 parties, 3 client, 4 owner.
struct PartyReport {
  uint64_t party = 0;
  uint64_t offlineBeginNs = 0; ///< P0: before its first byte
  uint64_t offlineEndNs = 0;   ///< evaluators: ready for inputs
  uint64_t onlineNs = 0; ///< evaluators: inputs received until outputs sent
  uint64_t rounds = 0;
  uint64_t onlineGemmMacs = 0;
  uint64_t offlineGemmMacs = 0;
  uint64_t peakRss = 0;
  uint64_t offlineWaitNs = 0; ///< P0: sending; evaluators: receiving
  uint64_t onlineWaitNs = 0;  ///< evaluators: exchanges
  uint64_t openSent = 0;      ///< P1: public inputs passed on to P0, payload
  /// Of the whole process, all threads; where the phases overlap, offline is
  /// what its own thread took and online the rest.
  uint64_t offlineCpuNs = 0, onlineCpuNs = 0;
  std::array<uint64_t, 5> offlineSent = {}; ///< payload
  std::array<uint64_t, 5> onlineSent = {};  ///< payload
  std::array<uint64_t, 5> wireSent = {};    ///< of the whole run

  std::array<OpTime, 256> ops = {}; ///< by opcode
  OpTime &opTime(plan::PlanOp op) { return ops[static_cast<uint8_t>(op)]; }

  std::vector<uint8_t> encode() const;
  static Result<PartyReport> decode(std::span<const uint8_t> bytes);
};

struct ClientReport {
  uint64_t onlineNs = 0; ///< first masked byte sent until outputs unmasked
  std::array<uint64_t, 3> sent = {};     ///< payload, by evaluator (1, 2)
  std::array<uint64_t, 3> openSent = {}; ///< public inputs, before
  std::array<uint64_t, 3> wireSent = {};
};

/// Bytes are payload per directed link unless called wire.
struct RunStats {
  double wallSeconds = 0, setupSeconds = 0;
  double offlineSeconds = 0, onlineSeconds = 0;
  uint64_t offlineGemmMacs = 0, onlineGemmMacs = 0;
  uint64_t rounds = 0;
  /// Public inputs, when the session starts.
  uint64_t openClientToP1 = 0, openClientToP2 = 0, openP1ToP0 = 0;
  uint64_t p0ToP1 = 0, p0ToP2 = 0;         ///< offline
  uint64_t p1ToP2 = 0, p2ToP1 = 0;         ///< online
  uint64_t clientToP1 = 0, clientToP2 = 0; ///< online
  uint64_t p1ToClient = 0, p2ToClient = 0; ///< mask words and outputs
  uint64_t wireP0P1 = 0, wireP0P2 = 0, wireP1P2 = 0, wireP2P1 = 0;
  uint64_t wireClientP1 = 0, wireClientP2 = 0, wireP1Client = 0,
           wireP2Client = 0;
  std::array<uint64_t, 3> peakRss = {};
  std::array<uint64_t, 3> offlineWaitNs = {}, onlineWaitNs = {};
  std::array<std::array<OpTime, 256>, 3> ops = {}; ///< by party, opcode
  /// CPU seconds of each party's process.
  std::array<double, 3> offlineCpu = {}, onlineCpu = {};
};
RunStats combine(const std::array<PartyReport, 3> &parties,
                 const ClientReport &client);

} // namespace mpc::vm

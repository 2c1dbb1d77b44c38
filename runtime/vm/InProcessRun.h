//===- runtime/vm/InProcessRun.h - all roles in one process ---------------===//
//
// Three parties, owner and client as threads over in-memory channels: the test
// harness, and the only place of vm/ with threads. Same code, same bytes as
// between processes. With recordCoins the parties' rounding coins are kept, so
// that an emulator can reproduce the outputs bit for bit; with recordViews what
// each party received.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Npy.h"
#include "runtime/net/Recording.h"
#include "runtime/plan/Plan.h"
#include "runtime/vm/Stats.h"

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace mpc::vm {

struct InProcessOptions {
  unsigned threads = 1;                ///< a party
  size_t packBudget = size_t{2} << 30; ///< see PartyOptions
  std::string materialDir = {};        ///< see PartyOptions
  bool recordCoins = false;
  bool recordViews = false;
  std::chrono::milliseconds deadline{60'000};
  /// May replace the end of a link that party `of` uses to talk to `to` (0, 1,
  /// 2 parties, 3 client, 4 owner): faults, shaping.
  std::function<std::unique_ptr<net::Link>(int of, int to,
                                           std::unique_ptr<net::Link>)>
      wrapLink;
};

struct InProcessResult {
  std::vector<core::NpyArray> outputs; ///< in plan order
  RunStats stats;
  std::array<PartyReport, 3> parties;
  /// By instruction, of trunc, spline, exp, fourier, sign; see
  /// proto::Tap.
  std::map<uint32_t, std::vector<uint64_t>> coins;
  /// Payload bytes that party i (0, 1, 2) received from peer j, [i][j].
  std::array<std::array<std::vector<uint8_t>, 5>, 3> views;
};

/// One deployment and one session. Inputs in plan order. A failure names the
/// party: "party 1: round 17 ('/layer.3/Softmax'): party 2 sent ...".
Result<InProcessResult> runInProcess(const plan::Plan &plan,
                                     const plan::Weights &weights,
                                     std::span<const core::NpyArray> inputs,
                                     const InProcessOptions &options = {});

} // namespace mpc::vm

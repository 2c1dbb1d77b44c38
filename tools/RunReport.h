//===- tools/RunReport.h - statistics for scripts and for people -----===//
#pragma once

#include "runtime/vm/Stats.h"

#include <string>

namespace mpc::tools {

/// The keys of docs: wall_s, setup_s, offline, online, wire_bytes,
/// peak_rss_bytes, peak_rss_predicted_bytes, ops.
std::string statsJson(const plan::Plan &plan, const vm::RunStats &stats);
/// A few lines for people.
std::string summary(const plan::Plan &plan, const vm::RunStats &stats);

} // namespace mpc::tools

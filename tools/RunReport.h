//===- tools/RunReport.h - statistics for scripts and for people -----===//
#pragma once

#include "runtime/vm/Stats.h"

#include <string>

namespace mpc::tools {

/// The keys of docs: wall_s, setup_s, offline, online, wire_bytes,
/// peak_rss_bytes, peak_rss_predicted_bytes, ops. stored: material was in
/// files.
std::string statsJson(const plan::Plan &plan, const vm::RunStats &stats,
                      bool stored);
/// A few lines for people.
std::string summary(const plan::Plan &plan, const vm::RunStats &stats,
                    bool stored);

} // namespace mpc::tools

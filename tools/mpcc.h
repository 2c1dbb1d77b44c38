//===- tools/mpcc.h - the commands of mpcc --------------------------------===//
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace mpc::tools {

/// Adds one command to `app`; if the user chose it, the returned function runs
/// it and gives the exit code (0 done, 1 diagnosed failure).
using Command = std::function<int()>;
Command addCompile(CLI::App &app);
Command addCheck(CLI::App &app);
Command addEmulate(CLI::App &app);
Command addEval(CLI::App &app);
Command addCost(CLI::App &app);
Command addExplain(CLI::App &app);
Command addOpt(CLI::App &app);
Command addDis(CLI::App &app);
Command addShareWeights(CLI::App &app);

} // namespace mpc::tools

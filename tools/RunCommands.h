//===- tools/RunCommands.h - the commands of mpcrun -----------------------===//
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace mpc::tools {

/// Adds one command to `app`; if the user chose it, the returned function runs
/// it and gives the exit code.
using RunCommand = std::function<int()>;
RunCommand addLocal(CLI::App &app);
RunCommand addKeygen(CLI::App &app);
RunCommand addParty(CLI::App &app);
RunCommand addPreprocess(CLI::App &app);
RunCommand addQuery(CLI::App &app);
RunCommand addDoctor(CLI::App &app);

} // namespace mpc::tools

//===- tools/ApproxFile.h - the file of --approx --------------------------===//
#pragma once

#include "passes/Pass.h"
#include "runtime/core/Result.h"
#include <string>
#include <vector>

namespace mpc::tools {

/// Reads and checks rules (docs/approximations.md). `options` tell which values
/// rings can hold. Errors name file, line, column and key.
Result<std::vector<passes::Replacement>>
readApprox(const std::string &path, const passes::Options &options);

} // namespace mpc::tools

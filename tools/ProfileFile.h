//===- tools/ProfileFile.h - --network lan|wan|loopback|FILE.toml ---------===//
#pragma once

#include "runtime/core/Result.h"
#include "runtime/plan/Profile.h"

namespace mpc::tools {

/// By name, or from a file. The format is in docs/network-profiles.md; every
/// key may be absent, what is not given comes from `base` (loopback). Errors
/// name file, line and key.
Result<plan::Profile> readProfile(const std::string &nameOrFile);

/// Help text of the option.
inline constexpr const char *kNetworkHelp =
    "where the plan will run: loopback, lan (1 Gbit/s, 0.4 ms), wan (100 "
    "Mbit/s, 40 ms) or FILE.toml";

} // namespace mpc::tools

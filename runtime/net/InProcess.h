//===- runtime/net/InProcess.h - channels within one process --------------===//
//
// Two ends joined by unbounded in-memory queues, for tests and the in-process
// three-party harness. Each end may be used by its own thread; destroying one
// closes the other.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Channel.h"

#include <memory>
#include <string>
#include <utility>

namespace mpc::net {

using LinkPair = std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>>;
using ChannelPair =
    std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>>;

LinkPair inProcessLinks();

/// The channels of two parties: `a`'s end calls its peer `b`, and vice versa.
///   auto [p1, p2] = inProcessChannels("party 1", "party 2");
ChannelPair inProcessChannels(std::string a, std::string b);

} // namespace mpc::net

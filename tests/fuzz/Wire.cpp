//===- tests/fuzz/Wire.cpp - any bytes from a peer ------------------------===//
//
// The first byte chooses who reads: a channel's calls, the hello, or one of the
// messages between daemons. What is decoded must encode to the same bytes.
//
//===----------------------------------------------------------------------===//
#include "runtime/net/Hello.h"
#include "runtime/net/InProcess.h"
#include "runtime/service/Health.h"
#include "runtime/service/LeadWire.h"
#include "runtime/service/Ping.h"

#include <cstdlib>
#include <memory>

using namespace mpc;
using namespace std::chrono_literals;

namespace {

/// Bytes that arrive, then the end of the connection.
std::unique_ptr<net::Channel> arriving(std::span<const uint8_t> bytes) {
  auto [mine, theirs] = net::inProcessLinks();
  while (!bytes.empty())
    bytes = bytes.subspan(theirs->move(std::span(&bytes, 1), {}, 0ms).sent);
  theirs.reset();
  auto c = std::make_unique<net::Channel>(std::move(mine), "peer");
  c->setDeadline(0ms);
  return c;
}

void channelCalls(std::span<const uint8_t> bytes) {
  const auto channel = arriving(bytes);
  net::Channel &c = *channel;
  std::vector<uint8_t> buffer(64);
  for (size_t i = 0; i < 64; ++i) {
    const size_t n = i < bytes.size() ? bytes[i] % 64 : 0;
    const auto part = std::span(buffer).first(n);
    bool ok = false;
    switch (i < bytes.size() ? bytes[bytes.size() - 1 - i] % 4 : 0) {
    case 0:
      ok = bool(c.recv(part));
      break;
    case 1:
      ok = bool(c.recvUpTo(n));
      break;
    case 2:
      ok = bool(c.recvStream(part));
      break;
    default:
      ok = bool(c.awaitClose());
    }
    if (!ok)
      return;
  }
}

template <class T> void message(std::span<const uint8_t> bytes) {
  const Result<T> decoded = T::decode(bytes);
  if (!decoded)
    return;
  const auto again = T::decode(decoded->encode());
  if (!again || again->encode() != decoded->encode())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  switch (data[0] % 6) {
  case 0:
    channelCalls(bytes);
    break;
  case 1: {
    const auto channel = arriving(bytes);
    (void)net::receiveHello(*channel, {});
    break;
  }
  case 2:
    message<service::Command>(bytes);
    break;
  case 3:
    message<service::Reply>(bytes);
    break;
  case 4:
    message<service::PartyInfo>(bytes);
    break;
  default:
    (void)service::httpAnswer(
        {reinterpret_cast<const char *>(bytes.data()), bytes.size()},
        {[] { return std::string(); }, [] { return std::string(); }});
  }
  return 0;
}

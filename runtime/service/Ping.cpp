//===- runtime/service/Ping.cpp -------------------------------------------===//
#include "runtime/service/Ping.h"

#include "runtime/core/ByteStream.h"

#include <algorithm>

namespace mpc::service {
namespace {

constexpr size_t kMaxInfoBytes = 4096, kMaxText = 512;

} // namespace

int64_t unixMsNow() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<uint8_t> PartyInfo::encode() const {
  core::Writer w;
  w.string(std::string_view(version).substr(0, kMaxText));
  w.u8(party);
  w.bytes(planHash);
  w.bytes(deployment);
  w.i64(unixMs);
  w.u8(ready);
  w.string(std::string_view(awaits).substr(0, kMaxText));
  w.u64(stock);
  w.u64(waiting);
  return w.take();
}

Result<PartyInfo> PartyInfo::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  PartyInfo i;
  i.version = r.printable(kMaxText);
  i.party = r.u8();
  r.fill(i.planHash);
  r.fill(i.deployment);
  i.unixMs = r.i64();
  i.ready = r.u8() == 1;
  i.awaits = r.printable(kMaxText);
  i.stock = r.u64();
  i.waiting = r.u64();
  MPC_TRY(r.finish());
  return i;
}

Result<PartyInfo> ask(const Network &network, int party, milliseconds timeout,
                      std::unique_ptr<net::Channel> *channel,
                      tls::CertificateInfo *seen) {
  auto token = randomToken();
  if (!token)
    return token.error();
  auto c = network.call(party, net::Intent::Ping, *token, timeout, seen);
  if (!c)
    return c.error();
  (*c)->setDeadline(timeout);
  auto bytes = (*c)->recvUpTo(kMaxInfoBytes);
  if (!bytes)
    return bytes.error();
  auto info = PartyInfo::decode(*bytes);
  if (info && info->party != party)
    return (*c)->errorAbout("says it is another party");
  if (channel)
    *channel = std::move(*c);
  else
    (void)(*c)->close();
  return info;
}

Result<double> echo(net::Channel &channel, size_t nBytes) {
  const std::vector<uint8_t> out(nBytes, 0x5a);
  std::vector<uint8_t> in(nBytes);
  const auto start = std::chrono::steady_clock::now();
  MPC_TRY(channel.exchange(out, in));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void answerPing(const Network &network, Guest &guest, const PartyInfo &info) {
  net::Channel &c = *guest.channel;
  constexpr milliseconds kPatience{5000};
  c.setDeadline(kPatience);
  if (!network.answer(guest) || !c.send(info.encode()))
    return;
  for (size_t i = 0; i < kMaxEchoes; ++i) {
    auto bytes = c.recvUpTo(kEchoBytes);
    if (!bytes || !c.send(*bytes))
      return;
  }
}

} // namespace mpc::service

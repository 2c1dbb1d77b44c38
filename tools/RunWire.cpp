//===- tools/RunWire.cpp --------------------------------------------------===//
#include "tools/RunWire.h"

#include "runtime/core/ByteStream.h"
#include "runtime/tcp/Tcp.h"

namespace mpc::tools {

std::vector<uint8_t> Setup::encode() const {
  core::Writer w;
  w.u32(party);
  w.u32(threads);
  w.u64(static_cast<uint64_t>(timeout.count()));
  w.bytes(token);
  w.bytes(planHash);
  w.string(planPath);
  w.string(materialDir);
  w.u8(shape.has_value());
  w.u64(static_cast<uint64_t>(shape ? shape->latency.count() : 0));
  w.f64(shape ? shape->bytesPerSecond : 0);
  return w.take();
}

Result<Setup> Setup::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  Setup s;
  s.party = r.u32();
  s.threads = r.u32();
  s.timeout = std::chrono::milliseconds(r.u64());
  r.fill(s.token);
  r.fill(s.planHash);
  s.planPath = r.string(kMaxControlBytes);
  s.materialDir = r.string(kMaxControlBytes);
  const bool shaped = r.u8() == 1;
  const net::LinkShape shape{std::chrono::microseconds(r.u64()), r.f64()};
  if (shaped)
    s.shape = shape;
  if (s.party > 2)
    r.fail("no such party");
  MPC_TRY(r.finish());
  return s;
}

std::vector<uint8_t> Outcome::encode() const {
  core::Writer w;
  w.u8(ok);
  if (ok)
    w.bytes(report.encode());
  else
    w.string(std::string_view(error).substr(0, kMaxControlBytes / 2));
  return w.take();
}

Result<Outcome> Outcome::decode(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  Outcome o;
  o.ok = r.u8() == 1;
  if (o.ok) {
    auto report = vm::PartyReport::decode(r.bytes(r.remaining()));
    if (!report)
      return report.error();
    o.report = *report;
  } else {
    o.error = r.string(kMaxControlBytes);
  }
  MPC_TRY(r.finish());
  return o;
}

std::vector<uint8_t> encodePorts(const Ports &ports) {
  core::Writer w;
  for (uint16_t p : ports)
    w.u16(p);
  return w.take();
}

Result<Ports> decodePorts(std::span<const uint8_t> bytes) {
  core::Reader r(bytes);
  Ports ports;
  for (uint16_t &p : ports)
    p = r.u16();
  MPC_TRY(r.finish());
  return ports;
}

Result<std::unique_ptr<net::Channel>>
connectTo(int party, uint16_t port, net::Role role, const Setup &setup) {
  const net::Role peer =
      std::array{net::Role::Party0, net::Role::Party1,
                 net::Role::Party2}[static_cast<size_t>(party)];
  auto link = tcp::connect("127.0.0.1", port, setup.timeout);
  if (!link)
    return link.error();
  auto channel =
      std::make_unique<net::Channel>(std::move(*link), net::roleName(peer));
  channel->setDeadline(setup.timeout);
  channel->setContext("greeting");
  auto hello = net::exchangeHello(
      *channel,
      {.role = role, .planHash = setup.planHash, .sessionId = setup.token},
      peer);
  if (!hello)
    return hello.error();
  shapeChannel(*channel, {role, peer}, setup);
  return channel;
}

void shapeChannel(net::Channel &channel, std::array<net::Role, 2> peers,
                  const Setup &setup) {
  if (!setup.shape || peers[0] == net::Role::Owner ||
      peers[1] == net::Role::Owner)
    return;
  channel.decorate([&](std::unique_ptr<net::Link> link) {
    return net::shapingLink(std::move(link), *setup.shape);
  });
}

} // namespace mpc::tools

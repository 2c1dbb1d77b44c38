//===- tools/RunChild.cpp - one party process of `mpcrun local` -----------===//
#include "tools/RunWire.h"

#include "runtime/plan/Plan.h"
#include "runtime/tcp/Tcp.h"
#include "runtime/vm/Party.h"

#include <climits>
#include <csignal>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>

namespace mpc::tools {
namespace {

using net::Channel;
using net::Role;

/// A party's channels by role.
struct Peers {
  std::array<std::unique_ptr<Channel>, 5> byRole;
  Channel *get(Role r) const { return byRole[static_cast<size_t>(r)].get(); }
};

/// Who connects to a party: the higher party numbers, the owner, the client of
/// evaluators.
size_t connectionsTo(uint32_t party) {
  return std::array<size_t, 3>{3, 3, 2}[party];
}

Result<Peers> meet(const Setup &setup, tcp::Listener &listener,
                   const Ports &ports) {
  const Role own =
      std::array{Role::Party0, Role::Party1, Role::Party2}[setup.party];
  Peers peers;
  for (uint32_t p = 0; p < setup.party; ++p) {
    auto c = connectTo(static_cast<int>(p), ports[p], own, setup);
    if (!c)
      return c.error();
    peers.byRole[p] = std::move(*c);
  }
  for (size_t i = 0; i < connectionsTo(setup.party); ++i) {
    auto link = listener.accept(setup.timeout);
    if (!link)
      return link.error();
    auto channel = std::make_unique<Channel>(std::move(*link), "a peer");
    channel->setDeadline(setup.timeout);
    channel->setContext("greeting");
    auto hello = net::exchangeHello(
        *channel, {net::kProtocolVersion, own, setup.planHash, setup.token});
    if (!hello)
      return hello.error();
    auto &slot = peers.byRole[static_cast<size_t>(hello->role)];
    if (slot)
      return Error{fmt::format("greeting: {} connected twice",
                               net::roleName(hello->role))};
    slot = std::move(channel);
  }
  return peers;
}

Result<vm::PartyReport> session(Channel &control, const Setup &setup) {
  auto listener = tcp::Listener::open();
  if (!listener)
    return listener.error();
  const uint16_t port = listener->port();
  const std::array<uint8_t, 2> portBytes = {static_cast<uint8_t>(port),
                                            static_cast<uint8_t>(port >> 8)};
  MPC_TRY(control.send(portBytes));
  auto plan = plan::Plan::load(setup.planPath);
  if (!plan)
    return plan.error();
  if (plan->hash() != setup.planHash)
    return Error{
        fmt::format("{}: changed while the run was starting", setup.planPath)};
  auto portsBytes = control.recvUpTo(kMaxControlBytes);
  if (!portsBytes)
    return portsBytes.error();
  auto ports = decodePorts(*portsBytes);
  if (!ports)
    return ports.error();
  auto peers = meet(setup, *listener, *ports);
  if (!peers)
    return peers.error();
  for (Role needed :
       {Role::Party0, Role::Party1, Role::Party2, Role::Client, Role::Owner}) {
    const bool own = static_cast<uint32_t>(needed) == setup.party;
    const bool client = needed == Role::Client && setup.party == 0;
    if (!own && !client && !peers->get(needed))
      return Error{
          fmt::format("greeting: {} did not connect", net::roleName(needed))};
  }
  kernels::ThreadPool pool(setup.threads);
  vm::PartyOptions options;
  options.token = setup.token;
  options.materialDir = setup.materialDir;
  return vm::runParty(*plan, static_cast<int>(setup.party),
                      {peers->get(Role::Party0), peers->get(Role::Party1),
                       peers->get(Role::Party2), peers->get(Role::Client),
                       peers->get(Role::Owner)},
                      pool, options);
}

} // namespace

/// A party makes and drops the same buffers layer after layer; the default
/// gives each large one back to the kernel, and fresh pages cost more than the
/// arithmetic on them. glibc's largest threshold is 32 MiB.
void keepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 1);
}

int runChild() {
  keepFreedMemory();
  // The parent's death closes the control socket too; this also ends a party
  // that is computing.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto link = tcp::fromFd(kControlFd);
  if (!link)
    return 2; // started by hand
  Channel control(std::move(*link), "parent process");
  auto bytes = control.recvUpTo(kMaxControlBytes);
  if (!bytes)
    return 1;
  auto setup = Setup::decode(*bytes);
  if (!setup)
    return 1;
  control.setDeadline(setup->timeout);
  Outcome outcome;
  if (auto report = session(control, *setup)) {
    outcome.ok = true;
    outcome.report = *report;
  } else {
    outcome.error = report.error().message;
  }
  const Status told = control.send(outcome.encode());
  return outcome.ok && told ? 0 : 1;
}

} // namespace mpc::tools

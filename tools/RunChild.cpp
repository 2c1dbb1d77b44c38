//===- tools/RunChild.cpp - one party process of `mpcrun local` -----------===//
#include "tools/RunWire.h"

#include "runtime/plan/Plan.h"
#include "runtime/service/Door.h"
#include "runtime/tcp/Tcp.h"
#include "runtime/vm/Party.h"

#include <climits>
#include <condition_variable>
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
/// evaluators. Anybody else on this machine may try; whoever does not say a
/// fitting hello is dropped and keeps nobody waiting.
class Meeting {
public:
  Meeting(const Setup &setup, tcp::Listener listener)
      : setup_(setup), door_(std::move(listener), 64,
                             [this](tcp::Fd fd) { greet(std::move(fd)); }) {
    for (Role r : {Role::Party1, Role::Party2, Role::Client, Role::Owner})
      if (static_cast<uint32_t>(r) > setup.party &&
          !(r == Role::Client && setup.party == 0))
        awaited_.push_back(r);
  }

  /// Everybody's channels, once the others' ports are known.
  Result<Peers> meet(const Ports &ports) {
    for (uint32_t p = 0; p < setup_.party; ++p) {
      auto c = connectTo(static_cast<int>(p), ports[p], own(), setup_);
      if (!c)
        return c.error();
      std::lock_guard lock(mutex_);
      peers_.byRole[p] = std::move(*c);
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, setup_.timeout, [this] { return !missing(); });
    if (const auto role = missing())
      return Error{fmt::format("greeting: {} did not connect within {} ms",
                               net::roleName(*role), setup_.timeout.count())};
    return std::move(peers_);
  }

private:
  Role own() const {
    return std::array{Role::Party0, Role::Party1, Role::Party2}[setup_.party];
  }
  std::optional<Role> missing() const {
    for (Role r : awaited_)
      if (!peers_.get(r))
        return r;
    return std::nullopt;
  }
  void greet(tcp::Fd fd) {
    constexpr std::chrono::milliseconds kGreeting{10'000};
    auto link = tcp::fromFd(fd.release());
    if (!link)
      return;
    auto channel = std::make_unique<Channel>(std::move(*link), "a peer");
    channel->setDeadline(std::min(setup_.timeout, kGreeting));
    channel->setContext("greeting");
    auto hello = net::exchangeHello(*channel, {.role = own(),
                                               .planHash = setup_.planHash,
                                               .sessionId = setup_.token});
    if (!hello)
      return;
    channel->setDeadline(setup_.timeout);
    shapeChannel(*channel, {own(), hello->role}, setup_);
    std::lock_guard lock(mutex_);
    auto &slot = peers_.byRole[static_cast<size_t>(hello->role)];
    if (!slot)
      slot = std::move(channel);
    changed_.notify_all();
  }

  const Setup &setup_;
  std::vector<Role> awaited_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Peers peers_;
  service::Door door_; ///< last: its threads use the others
};

Result<vm::PartyReport> session(Channel &control, const Setup &setup) {
  auto listener = tcp::Listener::open();
  if (!listener)
    return listener.error();
  const uint16_t port = listener->port();
  const std::array<uint8_t, 2> portBytes = {static_cast<uint8_t>(port),
                                            static_cast<uint8_t>(port >> 8)};
  MPC_TRY(control.send(portBytes));
  Meeting meeting(setup, std::move(*listener));
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
  auto peers = meeting.meet(*ports);
  if (!peers)
    return peers.error();
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
  // Keys and shares: no core files, no debugger of the same user.
  prctl(PR_SET_DUMPABLE, 0);
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

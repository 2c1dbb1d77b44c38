//===- tools/RunLocal.cpp - the parent of `mpcrun local` ------------------===//
#include "tools/RunLocal.h"
#include "tools/RunWire.h"

#include "runtime/crypto/Random.h"
#include "runtime/tcp/Tcp.h"
#include "runtime/vm/Deployment.h"
#include "runtime/vm/Party.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

namespace mpc::tools {
namespace {

using net::Channel;
using net::Role;

/// The parent waits for its parties as long as they live: they bound their own
/// waiting, and their death closes every socket. See Watch.
constexpr std::chrono::milliseconds kPatient = std::chrono::hours(24);
/// How long a party may take to end by itself after a failure elsewhere.
constexpr std::chrono::milliseconds kGrace{4000};

/// A party process; killed and reaped at the latest by the destructor.
class Child {
public:
  Child() = default;
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)reap();
    }
  }

  Status start() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
      return Error{
          fmt::format("cannot make a socket pair: {}", std::strerror(errno))};
    tcp::Fd theirs(fds[1]);
    auto link = tcp::fromFd(fds[0]);
    if (!link)
      return link.error();
    control_.emplace(std::move(*link), "the party's process");

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // dup2 onto itself would keep close-on-exec: go by another number first.
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), kControlFd + 50);
    posix_spawn_file_actions_adddup2(&actions, kControlFd + 50, kControlFd);
    posix_spawn_file_actions_addclose(&actions, kControlFd + 50);
    std::string name = "mpcrun", mode = kChildMode;
    char *argv[] = {name.data(), mode.data(), nullptr};
    const int err =
        posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (err != 0) {
      pid_ = -1;
      return Error{fmt::format("cannot start a party: {}", std::strerror(err))};
    }
    return {};
  }

  Channel &control() { return *control_; }

  /// Its report, or why it failed. Ends the process.
  Result<vm::PartyReport> outcome(std::chrono::milliseconds patience) {
    if (stuck_)
      return Error{"failed: does not answer"};
    control_->setDeadline(patience);
    auto bytes = control_->recvUpTo(kMaxControlBytes);
    if (bytes) {
      auto outcome = Outcome::decode(*bytes);
      if (!outcome)
        return outcome.error();
      if (outcome->ok) {
        (void)reap();
        return outcome->report;
      }
      return Error{outcome->error};
    }
    // Silent: dead already, or stuck.
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      dead_ = true;
      return Error{describe(status)};
    }
    return Error{"failed: does not answer"};
  }
  /// Whether it has ended otherwise than well.
  bool failed() const {
    const auto how = ended();
    return how && !(how->si_code == CLD_EXITED && how->si_status == 0);
  }
  /// Kills it if it still runs.
  void giveUp() {
    stuck_ = !ended();
    if (stuck_)
      ::kill(pid_, SIGKILL);
  }
  bool started() const { return pid_ > 0; }
  bool dead() const { return dead_; }

private:
  /// How it ended, if it has; it stays to be reaped.
  std::optional<siginfo_t> ended() const {
    siginfo_t info = {};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info,
                 WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid_)
      return std::nullopt;
    return info;
  }
  static std::string describe(int status) {
    if (WIFSIGNALED(status))
      return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                         ::strsignal(WTERMSIG(status)));
    return fmt::format("ended with status {}", WEXITSTATUS(status));
  }
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR)
      ;
    pid_ = -1;
    return status;
  }

  pid_t pid_ = -1;
  bool dead_ = false;
  bool stuck_ = false;
  std::optional<Channel> control_;
};

using Children = std::array<Child, 3>;

/// Ends parties that are stuck long after another has failed. A party that was
/// stopped closes no socket: whoever waits for it would wait for ever.
class Watch {
public:
  Watch(Children &children, std::chrono::milliseconds patience)
      : thread_([&children, patience](std::stop_token stop) {
          std::optional<std::chrono::steady_clock::time_point> since;
          std::mutex mutex;
          std::condition_variable_any stopped;
          std::unique_lock lock(mutex);
          while (!stopped.wait_for(lock, stop, kInterval,
                                   [&] { return stop.stop_requested(); })) {
            const auto now = std::chrono::steady_clock::now();
            if (!since && std::ranges::any_of(children, &Child::failed))
              since = now;
            if (!since || now - *since < patience)
              continue;
            for (Child &c : children)
              c.giveUp();
            return;
          }
        }) {}

private:
  static constexpr std::chrono::milliseconds kInterval{100};
  std::jthread thread_;
};

Status introduce(Children &children, Setup setup, unsigned dealerThreads,
                 Ports &ports) {
  const unsigned evaluatorThreads = setup.threads;
  for (uint32_t i = 0; i < 3; ++i) {
    MPC_TRY(children[i].start());
    children[i].control().setDeadline(setup.timeout);
    setup.party = i;
    setup.threads = i == 0 ? dealerThreads : evaluatorThreads;
    MPC_TRY(children[i].control().send(setup.encode()));
  }
  for (uint32_t i = 0; i < 3; ++i) {
    std::array<uint8_t, 2> port;
    MPC_TRY(children[i].control().recv(port));
    ports[i] = static_cast<uint16_t>(port[0] | port[1] << 8);
  }
  for (Child &c : children)
    MPC_TRY(c.control().send(encodePorts(ports)));
  return {};
}

struct Progress {
  uint64_t startNs = vm::nowNs();
  uint64_t deployedNs = 0, doneNs = 0;
};

/// Owner, then client.
Result<vm::ClientResult> drive(Children &children, const plan::Plan &plan,
                               const vm::ReadWeight &weights,
                               const vm::EncodedInputs &inputs,
                               const Setup &setup, unsigned dealerThreads,
                               Progress &progress) {
  Ports ports;
  MPC_TRY(introduce(children, setup, dealerThreads, ports));
  const Watch watch(children, setup.timeout + kGrace);
  std::array<std::unique_ptr<Channel>, 3> owner, client;
  for (int i = 0; i < 3; ++i)
    for (Role role : {Role::Owner, Role::Client}) {
      if (role == Role::Client && i == 0)
        continue;
      const auto p = static_cast<size_t>(i);
      auto c = connectTo(i, ports[p], role, setup);
      if (!c)
        return c.error();
      (*c)->setDeadline(kPatient);
      (role == Role::Owner ? owner : client)[p] = std::move(*c);
    }
  MPC_TRY(vm::deploy(plan, weights, *owner[0], *owner[1], *owner[2]));
  progress.deployedNs = vm::nowNs();
  auto result = vm::runClient(plan, inputs, *client[1], *client[2]);
  progress.doneNs = vm::nowNs();
  return result;
}

/// The cause nearest to the failure, among the parties' and the parent's own.
Error worst(Children &children, const Error &own) {
  std::string message = "error: " + own.message;
  for (const Child &c : children)
    if (!c.started()) // the cause is here, and the others wait for it
      return Error{message};
  int best = vm::nearness(own) == 2 ? 1 : 0;
  for (size_t i = 0; i < 3; ++i) {
    auto outcome = children[i].outcome(kGrace);
    if (outcome)
      continue;
    const int near = children[i].dead() ? 3 : vm::nearness(outcome.error());
    if (near > best) {
      best = near;
      message = fmt::format("party {}: error: {}", i, outcome.error().message);
    }
  }
  return Error{message};
}

} // namespace

Result<LocalResult> runLocal(const plan::Plan &plan,
                             const vm::ReadWeight &weights,
                             const vm::EncodedInputs &inputs,
                             const LocalOptions &options) {
  Setup setup;
  setup.threads = options.threads;
  setup.timeout = options.timeout;
  setup.planHash = plan.hash();
  setup.planPath = options.planPath;
  setup.materialDir = options.materialDir;
  setup.shape = options.shape;
  MPC_TRY(crypto::osRandom(setup.token));

  Children children;
  Progress progress;
  auto client = drive(children, plan, weights, inputs, setup,
                      options.dealerThreads, progress);
  if (!client)
    return worst(children, client.error());
  std::array<vm::PartyReport, 3> reports;
  for (size_t i = 0; i < 3; ++i) {
    auto report = children[i].outcome(options.timeout);
    if (!report)
      return Error{
          fmt::format("party {}: error: {}", i, report.error().message)};
    reports[i] = *report;
  }
  LocalResult result;
  result.outputs = std::move(client->outputs);
  result.stats = vm::combine(reports, client->report);
  const auto seconds = [](uint64_t from, uint64_t to) {
    return static_cast<double>(to - from) * 1e-9;
  };
  result.stats.setupSeconds = seconds(progress.startNs, progress.deployedNs);
  result.stats.wallSeconds = seconds(progress.deployedNs, progress.doneNs);
  return result;
}

} // namespace mpc::tools

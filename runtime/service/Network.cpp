//===- runtime/service/Network.cpp ----------------------------------------===//
#include "runtime/service/Network.h"

#include "runtime/crypto/Random.h"

#include <fmt/format.h>

namespace mpc::service {
namespace {

/// How long a caller may take to say who it is.
constexpr milliseconds kGreeting{10'000};

net::Role partyRole(int party) {
  return std::array{net::Role::Party0, net::Role::Party1,
                    net::Role::Party2}[static_cast<size_t>(party)];
}

bool isParty(net::Role r) {
  return r == net::Role::Party0 || r == net::Role::Party1 ||
         r == net::Role::Party2;
}

/// Shuts a socket down when it is told to stop.
class Waker {
public:
  Waker(tcp::Fd twin, const std::stop_token &stop)
      : twin_(std::move(twin)), callback_(stop, Shutdown{&twin_}) {}

private:
  struct Shutdown {
    const tcp::Fd *fd;
    void operator()() const { fd->shutdown(); }
  };
  tcp::Fd twin_;
  std::stop_callback<Shutdown> callback_; ///< last: it uses the other
};

/// A link whose waits end when its waker does.
class StoppableLink final : public net::Link {
public:
  StoppableLink(std::unique_ptr<net::Link> inner, std::unique_ptr<Waker> waker)
      : waker_(std::move(waker)), inner_(std::move(inner)) {}

  net::Moved move(net::OutParts out, net::InParts in,
                  milliseconds timeout) override {
    return inner_->move(out, in, timeout);
  }
  uint64_t wireSent() const override { return inner_->wireSent(); }
  uint64_t wireReceived() const override { return inner_->wireReceived(); }

private:
  std::unique_ptr<Waker> waker_;
  std::unique_ptr<net::Link> inner_;
};

tls::Context::Deadline in(milliseconds t) {
  return std::chrono::steady_clock::now() + t;
}

} // namespace

Result<Token> randomToken() {
  Token token;
  MPC_TRY(crypto::osRandom(token));
  return token;
}

Result<Network> Network::create(const Config &config, net::Role role,
                                const core::Digest &planHash,
                                const tls::Identity *identity) {
  Network n(config, {.role = role, .planHash = planHash});
  if (!identity) {
    for (const PartyEntry &p : config.parties) {
      auto local = tcp::isLoopback(p.address.host);
      if (!local)
        return Error{
            fmt::format("{}: {}", p.peer.label, local.error().message)};
      if (!*local)
        return Error{fmt::format("{}: {} is no loopback address: plain TCP "
                                 "never leaves this machine",
                                 p.peer.label, p.address.text())};
    }
    return n;
  }
  const tls::Trust trust = config.trust();
  const tls::Fingerprint &own = identity->certificate().fingerprint;
  for (size_t i = 0; i < trust.peers.size(); ++i) {
    const tls::Peer &p = trust.peers[i];
    const bool mine = isParty(role) ? i == static_cast<size_t>(role) : i >= 3;
    if (p.fingerprint == own && !mine)
      return Error{fmt::format("this certificate is that of {}, not of {}",
                               p.label, net::roleName(role))};
    if (isParty(role) && mine && p.fingerprint && *p.fingerprint != own)
      return Error{fmt::format("this certificate has the fingerprint {}; the "
                               "configuration says {} for {}",
                               tls::toText(own), tls::toText(*p.fingerprint),
                               p.label)};
  }
  auto context = tls::Context::create(*identity, trust);
  if (!context)
    return context.error();
  n.context_.emplace(std::move(*context));
  return n;
}

Result<std::unique_ptr<net::Channel>>
Network::call(int party, net::Intent intent, const Token &token,
              milliseconds timeout, tls::CertificateInfo *seen) const {
  const PartyEntry &p = config_->parties[static_cast<size_t>(party)];
  const auto deadline = in(timeout);
  const auto fail = [&](const Error &e) {
    return Error{
        fmt::format("{} at {}: {}", p.peer.label, p.address.text(), e.message)};
  };
  const std::stop_token stop = stop_.get_token();
  auto fd = tcp::connectFd(p.address.host, p.address.port, timeout, stop);
  if (!fd)
    return fail(fd.error());
  tcp::Fd twin = fd->twin();
  if (!twin)
    return fail(Error{"no file descriptor is left"});
  auto waker = std::make_unique<Waker>(std::move(twin), stop);
  std::unique_ptr<net::Link> link;
  if (context_) {
    auto c = context_->connect(std::move(*fd), static_cast<size_t>(party),
                               deadline, seen);
    if (!c)
      return fail(c.error());
    link = std::move(c->link);
  } else {
    auto plain = tcp::fromFd(fd->release());
    if (!plain)
      return fail(plain.error());
    link = std::move(*plain);
  }
  auto channel = std::make_unique<net::Channel>(
      std::make_unique<StoppableLink>(std::move(link), std::move(waker)),
      p.peer.label);
  channel->setDeadline(timeout);
  channel->setContext("greeting");
  net::Hello mine = mine_;
  mine.intent = intent;
  mine.sessionId = token;
  auto hello = net::exchangeHello(*channel, mine, partyRole(party));
  if (!hello)
    return fail(hello.error());
  channel->setDeadline(config_->limits.peerTimeout);
  channel->setContext("");
  return channel;
}

Result<Guest> Network::receive(tcp::Fd fd) const {
  Guest guest;
  const std::string from = tcp::peerAddress(fd);
  std::optional<size_t> peer;
  std::unique_ptr<net::Link> link;
  if (context_) {
    auto c = context_->accept(std::move(fd), in(kGreeting));
    if (!c)
      return Error{fmt::format("from {}: {}", from, c.error().message)};
    peer = c->peer;
    guest.label = context_->trust().peers[c->peer].label;
    link = std::move(c->link);
  } else {
    auto plain = tcp::fromFd(fd.release());
    if (!plain)
      return plain.error();
    guest.label = "somebody at " + from;
    link = std::move(*plain);
  }
  guest.channel = std::make_unique<net::Channel>(std::move(link), guest.label);
  guest.channel->setDeadline(kGreeting);
  guest.channel->setContext("greeting");
  auto hello = net::receiveHello(*guest.channel, mine_);
  if (!hello)
    return hello.error();
  guest.hello = *hello;
  const size_t said = static_cast<size_t>(hello->role);
  if (peer ? (*peer < 3 ? said != *peer : hello->role != net::Role::Client)
           : !isParty(hello->role) && hello->role != net::Role::Client) {
    const Error e = guest.channel->errorAbout(
        fmt::format("says it is {}", net::roleName(hello->role)));
    (void)guest.channel->sendError("this is not the role of the certificate");
    return e;
  }
  if (peer && *peer >= 3)
    guest.client = *peer - 3;
  if (!peer)
    guest.label = net::roleName(hello->role);
  guest.channel->setPeerName(guest.label);
  guest.channel->setContext("");
  guest.channel->setDeadline(config_->limits.peerTimeout);
  return guest;
}

Status Network::answer(Guest &guest) const {
  return net::answerHello(*guest.channel, mine_, guest.hello);
}

} // namespace mpc::service

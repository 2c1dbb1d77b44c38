//===- runtime/vm/Session.cpp ---------------------------------------------===//
#include "runtime/vm/Session.h"

#include <algorithm>
#include <cassert>
#include <string_view>

namespace mpc::vm {
namespace {

using core::Digest;
using crypto::Key128;
using net::Channel;

constexpr size_t kNonceBytes = 16, kShareBytes = Key128::kBytes;
using Nonces = std::array<uint8_t, 2 * kNonceBytes>;
using Secret = core::SecretVector<uint8_t>;

std::span<const uint8_t> bytesOf(std::string_view s) {
  return {reinterpret_cast<const uint8_t *>(s.data()), s.size()};
}

Digest sessionId(const SessionToken &token, const Digest &planHash,
                 const Nonces &nonces, std::span<const uint8_t> digests) {
  return core::Sha256()
      .update(bytesOf("mpcc-session-v1"))
      .update(token)
      .update(planHash)
      .update(nonces)
      .update(digests)
      .finish();
}

/// What the first of two differing digests is of; empty: none differs.
std::string firstDifference(std::span<const uint8_t> a,
                            std::span<const uint8_t> b,
                            const Agreement &agreement) {
  for (size_t i = 0; i < agreement.names.size(); ++i) {
    const size_t at = i * sizeof(Digest);
    if (!std::equal(a.begin() + static_cast<long>(at),
                    a.begin() + static_cast<long>(at + sizeof(Digest)),
                    b.begin() + static_cast<long>(at)))
      return agreement.names[i];
  }
  return {};
}

/// The key of a pair from both contributions, the lower party's first.
Key128 pairKey(std::span<const uint8_t> lower, std::span<const uint8_t> higher,
               std::string_view pair, const Digest &session) {
  std::vector<uint8_t> context(pair.begin(), pair.end());
  context.insert(context.end(), session.begin(), session.end());
  return crypto::deriveKey(Key128(lower.first<kShareBytes>()),
                           Key128(higher.first<kShareBytes>()), context);
}

std::string_view pairName(int party) { return party == 1 ? "k01" : "k02"; }

} // namespace

Result<EvaluatorSession> beginEvaluatorSession(int party, Channel &p0,
                                               Channel &peer,
                                               const SessionToken &token,
                                               const Digest &planHash,
                                               const Agreement &agreement) {
  p0.setContext("session set-up");
  peer.setContext("session set-up");
  constexpr size_t kOwn = kNonceBytes + kShareBytes;
  std::vector<uint8_t> digests;
  for (const Digest &d : agreement.digests)
    digests.insert(digests.end(), d.begin(), d.end());
  Secret mine(kOwn + digests.size()), theirs(mine.size());
  MPC_TRY(crypto::osRandom(mine.span().first(kOwn)));
  std::copy(digests.begin(), digests.end(), mine.begin() + kOwn);
  MPC_TRY(peer.exchange(mine.span(), theirs.span()));
  if (const std::string what =
          firstDifference(digests, theirs.span().subspan(kOwn), agreement);
      !what.empty())
    return peer.errorAbout("was given another value of " + what);
  const Secret &one = party == 1 ? mine : theirs;
  const Secret &two = party == 1 ? theirs : mine;
  Nonces nonces;
  std::copy_n(one.begin(), kNonceBytes, nonces.begin());
  std::copy_n(two.begin(), kNonceBytes, nonces.begin() + kNonceBytes);
  const Digest session = sessionId(token, planHash, nonces, digests);

  constexpr size_t kToDealer = sizeof(Nonces) + kShareBytes;
  Secret toDealer(kToDealer + digests.size()), share(kShareBytes);
  std::copy(nonces.begin(), nonces.end(), toDealer.begin());
  std::copy(digests.begin(), digests.end(), toDealer.begin() + kToDealer);
  const std::span<uint8_t> own =
      toDealer.span().subspan(nonces.size(), kShareBytes);
  MPC_TRY(crypto::osRandom(own));
  MPC_TRY(p0.exchange(toDealer.span(), share.span()));
  const Key128 k0 = pairKey(share.span(), own, pairName(party), session);
  const Key128 k12 = pairKey(one.span().subspan(kNonceBytes),
                             two.span().subspan(kNonceBytes), "k12", session);
  Secret secrets(EvaluatorSession::kSecretBytes);
  std::ranges::copy(k0.bytes(), secrets.begin());
  std::ranges::copy(k12.bytes(), secrets.begin() + Key128::kBytes);
  return EvaluatorSession::restore(secrets.span(), session);
}

EvaluatorSession EvaluatorSession::restore(std::span<const uint8_t> secrets,
                                           const Digest &id) {
  assert(secrets.size() == kSecretBytes);
  return {crypto::Prg(Key128(secrets.first<Key128::kBytes>())),
          crypto::Prg(Key128(secrets.last<Key128::kBytes>())), id,
          Secret::copyOf(secrets)};
}

Result<DealerSession> beginDealerSession(Channel &p1, Channel &p2,
                                         const SessionToken &token,
                                         const Digest &planHash,
                                         const Agreement &agreement) {
  constexpr size_t kToDealer = sizeof(Nonces) + kShareBytes;
  Secret mine1(kShareBytes), mine2(kShareBytes);
  Secret theirs1(kToDealer + agreement.names.size() * sizeof(Digest)),
      theirs2(theirs1.size());
  MPC_TRY(crypto::osRandom(mine1.span()));
  MPC_TRY(crypto::osRandom(mine2.span()));
  p1.setContext("session set-up");
  p2.setContext("session set-up");
  MPC_TRY(p1.exchange(mine1.span(), theirs1.span()));
  MPC_TRY(p2.exchange(mine2.span(), theirs2.span()));
  Nonces nonces;
  std::copy_n(theirs1.begin(), nonces.size(), nonces.begin());
  if (!std::equal(nonces.begin(), nonces.end(), theirs2.begin()))
    return p2.errorAbout("is in another session than party 1: their nonces "
                         "differ");
  const auto open1 = theirs1.span().subspan(kToDealer),
             open2 = theirs2.span().subspan(kToDealer);
  if (const std::string what = firstDifference(open1, open2, agreement);
      !what.empty())
    return p2.errorAbout("was given another value of " + what +
                         " than party 1");
  const Digest session = sessionId(token, planHash, nonces, open1);
  const auto share = [](const Secret &theirs) {
    return theirs.span().subspan(sizeof(Nonces), kShareBytes);
  };
  DealerSession result{
      crypto::Prg(pairKey(mine1.span(), share(theirs1), pairName(1), session)),
      crypto::Prg(pairKey(mine2.span(), share(theirs2), pairName(2), session)),
      std::vector<Digest>(agreement.names.size())};
  for (size_t i = 0; i < result.digests.size(); ++i)
    std::copy_n(open1.begin() + static_cast<long>(i * sizeof(Digest)),
                sizeof(Digest), result.digests[i].begin());
  return result;
}

} // namespace mpc::vm

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
                 const Nonces &nonces) {
  return core::Sha256()
      .update(bytesOf("mpcc-session-v1"))
      .update(token)
      .update(planHash)
      .update(nonces)
      .finish();
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
                                               const Digest &planHash) {
  p0.setContext("session set-up");
  peer.setContext("session set-up");
  Secret mine(kNonceBytes + kShareBytes), theirs(mine.size());
  MPC_TRY(crypto::osRandom(mine.span()));
  MPC_TRY(peer.exchange(mine.span(), theirs.span()));
  const Secret &one = party == 1 ? mine : theirs;
  const Secret &two = party == 1 ? theirs : mine;
  Nonces nonces;
  std::copy_n(one.begin(), kNonceBytes, nonces.begin());
  std::copy_n(two.begin(), kNonceBytes, nonces.begin() + kNonceBytes);
  const Digest session = sessionId(token, planHash, nonces);

  Secret toDealer(nonces.size() + kShareBytes), share(kShareBytes);
  std::copy(nonces.begin(), nonces.end(), toDealer.begin());
  const std::span<uint8_t> own = toDealer.span().subspan(nonces.size());
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
                                         const Digest &planHash) {
  Secret mine1(kShareBytes), mine2(kShareBytes);
  Secret theirs1(2 * kNonceBytes + kShareBytes), theirs2(theirs1.size());
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
  const Digest session = sessionId(token, planHash, nonces);
  return DealerSession{
      crypto::Prg(pairKey(mine1.span(), theirs1.span().subspan(nonces.size()),
                          pairName(1), session)),
      crypto::Prg(pairKey(mine2.span(), theirs2.span().subspan(nonces.size()),
                          pairName(2), session))};
}

} // namespace mpc::vm

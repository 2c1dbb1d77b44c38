//===- runtime/vm/Session.h - the keys of one session ---------------------===//
//
// Before a session: every channel has exchanged its net::Hello (version, plan
// hash, session token). Then
//
//   P1 <-> P2   nonces, key contributions, digests   -> session id, k12
//   Pj <-> P0   the same and the digests             -> k0j
//
// The digests are of the session's public inputs (runtime/pub), if the plan has
// any: P0, P1 and P2 agree on them before anything is dealt.
// session id = SHA-256(label, token, plan hash, nonce1, nonce2, digests): fresh
// if one evaluator is honest. Each pairwise key is derived from 16 random bytes
// of both sides and the session id; P0 never sees k12's. The links must be
// confidential: contributions cross them in the clear.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/crypto/Prg.h"
#include "runtime/net/Channel.h"
#include "runtime/net/Hello.h"

#include <array>

namespace mpc::vm {

using SessionToken = std::array<uint8_t, 16>;

/// What all parties must hold alike, and what to call it if they do not.
struct Agreement {
  std::vector<core::Digest> digests; ///< empty at P0, which is told them
  std::vector<std::string> names;    ///< one a digest
};

struct DealerSession {
  crypto::Prg k01, k02;
  std::vector<core::Digest> digests; ///< in which P1 and P2 agree
};
/// What an evaluator keeps of a session from its offline to its online phase.
struct EvaluatorSession {
  crypto::Prg k0;  ///< with P0
  crypto::Prg k12; ///< zero shares only
  core::Digest id;

  /// Two keys, for the party's own file of material.
  static constexpr size_t kSecretBytes = 2 * crypto::Key128::kBytes;
  core::SecretVector<uint8_t> secrets;
  /// From a file: what `secrets` was.
  static EvaluatorSession restore(std::span<const uint8_t> secrets,
                                  const core::Digest &id);
};

/// P0's side; p1 and p2 are its channels to them.
Result<DealerSession> beginDealerSession(net::Channel &p1, net::Channel &p2,
                                         const SessionToken &token,
                                         const core::Digest &planHash,
                                         const Agreement &agreement = {});
/// The side of evaluator `party`.
Result<EvaluatorSession> beginEvaluatorSession(int party, net::Channel &p0,
                                               net::Channel &peer,
                                               const SessionToken &token,
                                               const core::Digest &planHash,
                                               const Agreement &agreement = {});

} // namespace mpc::vm

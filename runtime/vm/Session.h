//===- runtime/vm/Session.h - the keys of one session ---------------------===//
//
// Before a session: every channel has exchanged its net::Hello (version, plan
// hash, session token). Then
//
//   P1 <-> P2   nonces and key contributions     -> session id, k12
//   Pj <-> P0   the nonces, key contributions    -> k0j
//
// session id = SHA-256(label, token, plan hash, nonce1, nonce2): fresh if one
// evaluator is honest. Each pairwise key is derived from 16 random bytes of
// both sides and the session id; P0 never sees k12's. The links must be
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

struct DealerSession {
  crypto::Prg k01, k02;
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
                                         const core::Digest &planHash);
/// The side of evaluator `party`.
Result<EvaluatorSession> beginEvaluatorSession(int party, net::Channel &p0,
                                               net::Channel &peer,
                                               const SessionToken &token,
                                               const core::Digest &planHash);

} // namespace mpc::vm

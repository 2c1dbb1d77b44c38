//===- runtime/vm/Deployment.h - weights, masked once ---------------------===//
//
// The owner draws fresh deployment keys d01, d02 and sends
//   P0  d01, d02            P1  d01, mW            P2  d02, mW
// with mW = W + PRG(d01) + PRG(d02), packed at each weight's ring; of words
// mW = W ^ PRG(d01) ^ PRG(d02) on the packed bits. Fresh keys a
// deployment, so a mask is never used for two encodings. One deployment serves
// any number of sessions. Tensors stream in pieces: the owner needs no second
// copy of its weights. What the parties multiply with is packed for the matrix
// kernels right here, once (proto/Statics.h), and not in the sessions.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/kernels/ThreadPool.h"
#include "runtime/net/Channel.h"
#include "runtime/plan/PackedWeights.h"
#include "runtime/plan/Plan.h"
#include "runtime/proto/Statics.h"
#include "runtime/vm/MaskWeights.h"

#include <vector>

namespace mpc::vm {

using plan::kDefaultPackBudget;

struct DealerDeployment {
  crypto::Prg d01, d02;
  proto::StaticOperands statics = {};
};
struct EvaluatorDeployment {
  crypto::Prg d0;
  /// At the ring of each of the plan's weights, 'packed' as on the wire. Empty
  /// where no session reads it any more, see packWeights().
  std::vector<core::SecretVector<uint8_t>> masked = {};
  proto::StaticOperands statics = {};
};

/// Fills `statics`; frees the masked weights that served only for it.
/// Precondition: the plan is verified.
void packWeights(const plan::Plan &plan, DealerDeployment &deployment,
                 kernels::ThreadPool &pool, size_t budget = kDefaultPackBudget);
void packWeights(const plan::Plan &plan, int party,
                 EvaluatorDeployment &deployment, kernels::ThreadPool &pool,
                 size_t budget = kDefaultPackBudget);

/// The owner's side, until all three have stored their part.
Status deploy(const plan::Plan &plan, const ReadWeight &weights,
              net::Channel &p0, net::Channel &p1, net::Channel &p2);
Status deploy(const plan::Plan &plan, const plan::Weights &weights,
              net::Channel &p0, net::Channel &p1, net::Channel &p2);

/// The parties' sides: stored, packed, acknowledged.
Result<DealerDeployment>
receiveDealerDeployment(const plan::Plan &plan, net::Channel &owner,
                        kernels::ThreadPool &pool,
                        size_t packBudget = kDefaultPackBudget);
Result<EvaluatorDeployment>
receiveEvaluatorDeployment(const plan::Plan &plan, int party,
                           net::Channel &owner, kernels::ThreadPool &pool,
                           size_t packBudget = kDefaultPackBudget);

} // namespace mpc::vm

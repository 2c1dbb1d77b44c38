//===- runtime/vm/ShareFile.h - a deployment in three files ---------------===//
//
// What the owner hands each party, once a deployment, made by `mpcc
// share-weights`:
//
//   p0.share  d01, d02        p1.share  d01, mW        p2.share  d02, mW
//
//   "MPCCSHAR"  u32 version  u32 party  u64 bytes of the whole file
//   32-byte plan hash  32-byte deployment id  two 16-byte keys (zero: none)
//   P1, P2: each of the plan's weights, masked, packed at its ring, from a
//   multiple of 64 bytes on
//   SHA-256 of all bytes before it
//
// The deployment id is the hash of 32 fresh random bytes, the plan's hash and
// that of the weights: the same in all three files and never again, so two
// encodings never meet one mask; it tells nobody anything about the weights.
// The files are private to their party (mode 0600) and appear atomically. They
// are streamed: memory holds one tensor.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/WeightsFile.h"
#include "runtime/vm/Deployment.h"

#include <string>

namespace mpc::vm {

using DeploymentId = core::Digest;

/// "DIR/p1.share"
std::string sharePath(const std::string &dir, int party);

/// Draws keys and writes the three files into `dir`, which is created.
/// weights: null for a plan without any. None appears unless all are complete.
Result<DeploymentId> writeShares(const plan::Plan &plan,
                                 const plan::WeightsFile *weights,
                                 const std::string &dir);

/// Errors: no share file, another plan's, another party's, damaged.
struct DealerShare {
  DealerDeployment deployment;
  DeploymentId id;
};
Result<DealerShare> loadDealerShare(const plan::Plan &plan,
                                    const std::string &path);
struct EvaluatorShare {
  EvaluatorDeployment deployment;
  DeploymentId id;
};
Result<EvaluatorShare> loadEvaluatorShare(const plan::Plan &plan, int party,
                                          const std::string &path);

} // namespace mpc::vm

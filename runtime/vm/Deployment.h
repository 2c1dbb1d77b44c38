//===- runtime/vm/Deployment.h - weights, masked once ---------------------===//
//
// The owner draws fresh deployment keys d01, d02 and sends
//   P0  d01, d02            P1  d01, mW            P2  d02, mW
// with mW = W + PRG(d01) + PRG(d02), packed at each weight's ring; of words
// mW = W ^ PRG(d01) ^ PRG(d02) on the packed bits. Fresh keys a
// deployment, so a mask is never used for two encodings. One deployment serves
// any number of sessions. Tensors stream in pieces: the owner needs no second
// copy of its weights.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/crypto/Prg.h"
#include "runtime/net/Channel.h"
#include "runtime/plan/Plan.h"

#include <vector>

namespace mpc::vm {

struct DealerDeployment {
  crypto::Prg d01, d02;
};
struct EvaluatorDeployment {
  crypto::Prg d0;
  /// Packed at the ring of each of the plan's weights.
  std::vector<std::vector<uint8_t>> masked;
};

/// The owner's side, until all three have stored their part.
Status deploy(const plan::Plan &plan, const plan::Weights &weights,
              net::Channel &p0, net::Channel &p1, net::Channel &p2);

Result<DealerDeployment> receiveDealerDeployment(net::Channel &owner);
Result<EvaluatorDeployment> receiveEvaluatorDeployment(const plan::Plan &plan,
                                                       net::Channel &owner);

} // namespace mpc::vm

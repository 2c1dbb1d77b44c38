//===- runtime/vm/Client.h - mask inputs, unmask outputs ------------------===//
//
// The client learns the mask words of its inputs, l1 from P1 and l2 from P2,
// sends m = x + l1 + l2 to both, and at the end gets (m, l_j) of each output.
// The two m must agree. It never holds a pairwise key. Public inputs go to P1
// and P2 as they are, before anything else. A guarded plan also hands it one
// fact, whether every checked value was in range: if not, there are no outputs
// but an error.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Npy.h"
#include "runtime/core/Secret.h"
#include "runtime/net/Channel.h"
#include "runtime/plan/Plan.h"
#include "runtime/vm/Stats.h"

namespace mpc::vm {

struct ClientResult {
  std::vector<core::NpyArray> outputs; ///< in plan order, public ones included
  ClientReport report;
};

/// Input values as ring elements, and what all parties will know.
struct EncodedInputs {
  std::vector<core::SecretVector<uint64_t>> secret; ///< in plan order
  std::vector<uint8_t> open; ///< public inputs as they travel
  /// Outputs that only public inputs decide.
  std::vector<plan::Plan::PublicOutput> known;
};

/// Checks and encodes one array per input of the plan, in plan order, public
/// ones last. Errors name the input or, where a value that follows from public
/// inputs is out of range, the ONNX node.
Result<EncodedInputs> encodeInputs(const plan::Plan &plan,
                                   std::span<const core::NpyArray> inputs);

/// Runs one session as the client. Channels have said hello.
Result<ClientResult> runClient(const plan::Plan &plan,
                               const EncodedInputs &inputs, net::Channel &p1,
                               net::Channel &p2);

/// Bytes of an evaluator's messages to the client.
size_t inputBytes(const plan::Plan &plan);
size_t outputBytes(const plan::Plan &plan);

} // namespace mpc::vm

//===- runtime/service/Query.h - the client's side of one request ---------===//
//
//   Query q(network);
//   auto result = q.run(plan, inputs, timeout);   // waits for its turn
//   ... write the outputs ...
//   q.confirm();                                  // the parties log it
//   answered
//
// Without confirm() the parties are told that the request failed.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/service/Network.h"
#include "runtime/vm/Client.h"

namespace mpc::service {

class Query {
public:
  explicit Query(const Network &network) : network_(network) {}
  ~Query();

  /// timeout: for the whole of it, waiting included.
  Result<vm::ClientResult> run(const plan::Plan &plan,
                               const vm::EncodedInputs &inputs,
                               milliseconds timeout);
  void confirm();
  /// As the parties' logs name it; empty before run().
  std::string id() const { return id_; }

private:
  const Network &network_;
  std::array<std::unique_ptr<net::Channel>, 3> to_; ///< P1 and P2
  std::string id_, failure_ = "the client gave up";
};

} // namespace mpc::service

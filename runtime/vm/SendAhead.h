//===- runtime/vm/SendAhead.h - P0 sends while it deals -------------------===//
//
// A thread of its own sends what P0 dealt, in order, while P0 deals the next:
// dealing does not wait for the line until a bounded number of bytes is queued.
// Between the making of a SendAhead and finish() the channels are its own.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/net/Channel.h"
#include "runtime/proto/Material.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace mpc::vm {

class SendAhead final : public proto::MaterialSink {
public:
  SendAhead(net::Channel &p1, net::Channel &p2);
  /// Drops what is queued; finish() sends it.
  ~SendAhead() override;

  /// Waits while too much is queued. Fails with what a channel failed with.
  Status put(int party, core::SecretVector<uint8_t> bytes) override;
  /// Sends the rest.
  Status finish();

  /// What put() and finish() waited.
  uint64_t waitNs() const { return waitNs_; }

private:
  struct Piece {
    int party;
    core::SecretVector<uint8_t> bytes;
  };
  void run();
  Status send(const Piece &piece);

  net::Channel &p1_, &p2_;
  uint64_t waitNs_ = 0;
  std::mutex mutex_; ///< guards the four below
  std::condition_variable changed_;
  std::deque<Piece> queue_;
  size_t queued_ = 0; ///< bytes
  bool last_ = false; ///< nothing comes any more
  Status status_;
  std::jthread thread_; ///< last: joins before the rest dies
};

} // namespace mpc::vm

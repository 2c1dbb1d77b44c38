//===- runtime/vm/SendAhead.cpp -------------------------------------------===//
#include "runtime/vm/SendAhead.h"

#include "runtime/plan/PlanTime.h"
#include "runtime/vm/Stats.h"

namespace mpc::vm {

SendAhead::SendAhead(net::Channel &p1, net::Channel &p2)
    : p1_(p1), p2_(p2), thread_([this] { run(); }) {}

SendAhead::~SendAhead() {
  {
    std::lock_guard lock(mutex_);
    queue_.clear();
    last_ = true;
  }
  changed_.notify_all();
}

Status SendAhead::put(int party, core::SecretVector<uint8_t> bytes) {
  Stopwatch wait(waitNs_);
  const size_t n = bytes.size();
  {
    std::unique_lock lock(mutex_);
    // A piece that is larger than the bound goes when nothing is before it.
    changed_.wait(lock, [&] {
      return !status_ || queued_ == 0 || queued_ + n <= plan::kMostSentAhead;
    });
    MPC_TRY(status_);
    queue_.push_back({party, std::move(bytes)});
    queued_ += n;
  }
  changed_.notify_all();
  return {};
}

Status SendAhead::finish() {
  Stopwatch wait(waitNs_);
  {
    std::lock_guard lock(mutex_);
    last_ = true;
  }
  changed_.notify_all();
  thread_.join();
  MPC_TRY(status_);
  return p2_.flush();
}

Status SendAhead::send(const Piece &piece) {
  if (piece.party == 2)
    return p2_.sendStream(piece.bytes.span());
  MPC_TRY(p1_.sendStream(piece.bytes.span()));
  // P1 gets little: buffered it would wait until the end for its first bytes,
  // while P2's fill frame after frame.
  return p1_.flush();
}

void SendAhead::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !queue_.empty() || last_; });
    if (queue_.empty() || !status_)
      return;
    Piece piece = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Status sent = send(piece);
    const size_t n = piece.bytes.size();
    piece.bytes.reset();
    lock.lock();
    queued_ -= n;
    status_ = std::move(sent);
    changed_.notify_all();
  }
}

} // namespace mpc::vm

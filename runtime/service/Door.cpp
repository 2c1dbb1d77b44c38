//===- runtime/service/Door.cpp -------------------------------------------===//
#include "runtime/service/Door.h"

namespace mpc::service {

using namespace std::chrono_literals;

Door::Door(tcp::Listener listener, size_t most, Handler handler)
    : port_(listener.port()), most_(most), handler_(std::move(handler)),
      listener_(std::move(listener)),
      thread_([this](std::stop_token stop) { run(stop); }) {}

Door::~Door() {
  stopAccepting();
  std::list<Guest> guests;
  {
    std::lock_guard lock(mutex_);
    for (Guest &g : guests_)
      g.twin.shutdown();
    guests.swap(guests_);
  }
  // Their threads end here, outside of the lock.
}

void Door::stopAccepting() {
  thread_.request_stop();
  if (thread_.joinable())
    thread_.join();
}

void Door::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto fd = listener_.acceptFd(50ms);
    sweep();
    if (!fd) {
      // Out of descriptors or memory: those who leave give some back.
      std::this_thread::sleep_for(50ms);
      continue;
    }
    if (*fd)
      admit(std::move(**fd));
  }
}

void Door::admit(tcp::Fd fd) {
  std::lock_guard lock(mutex_);
  tcp::Fd twin = fd.twin();
  if (guests_.size() >= most_ || !twin) {
    ++refused_;
    return;
  }
  Guest &guest = guests_.emplace_back();
  guest.twin = std::move(twin);
  guest.thread =
      std::jthread([this, &guest, fd = std::move(fd)](std::stop_token) mutable {
        handler_(std::move(fd));
        // The twin would keep the connection open.
        std::lock_guard lock(mutex_);
        guest.twin = tcp::Fd();
        guest.done = true;
      });
}

void Door::sweep() {
  std::lock_guard lock(mutex_);
  std::erase_if(guests_, [](const Guest &g) { return g.done.load(); });
}

} // namespace mpc::service

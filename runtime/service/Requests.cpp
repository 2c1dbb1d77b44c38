//===- runtime/service/Requests.cpp ---------------------------------------===//
#include "runtime/service/Requests.h"

#include <algorithm>
#include <fmt/format.h>

namespace mpc::service {

size_t Requests::count() const {
  size_t n = 0;
  for (const auto &[index, c] : clients_)
    n += c.queue.size() + c.entering;
  return n;
}

size_t Requests::waiting() const {
  std::lock_guard lock(mutex_);
  return count();
}

Status Requests::admit(size_t client) {
  std::lock_guard lock(mutex_);
  if (!admitting_)
    return Error{"this party is shutting down"};
  if (count() >= limits_.waitingRequests)
    return Error{fmt::format("{} requests are waiting already; try again later",
                             count())};
  Client &c = clients_[client];
  if (c.queue.size() + c.entering >= limits_.waitingPerClient)
    return Error{fmt::format("this client has {} requests waiting already",
                             c.queue.size() + c.entering)};
  const auto now = Clock::now();
  const double perMinute = limits_.requestsPerMinute;
  if (c.allowance < 0)
    c.allowance = perMinute;
  else
    c.allowance = std::min(
        perMinute,
        c.allowance + std::chrono::duration<double>(now - c.refilled).count() /
                          60 * perMinute);
  c.refilled = now;
  if (c.allowance < 1)
    return Error{fmt::format("more than {} requests a minute",
                             limits_.requestsPerMinute)};
  c.allowance -= 1;
  ++c.entering;
  return {};
}

void Requests::enter(Request request) {
  {
    std::lock_guard lock(mutex_);
    Client &c = clients_[request.guest.client];
    --c.entering;
    c.queue.push_back(std::move(request));
  }
  changed_.notify_all();
}

void Requests::leave(size_t client) {
  std::lock_guard lock(mutex_);
  --clients_[client].entering;
}

std::optional<Request> Requests::nextLocked() {
  const auto has = [](const auto &entry) {
    return !entry.second.queue.empty();
  };
  auto it = std::find_if(clients_.upper_bound(last_), clients_.end(), has);
  if (it == clients_.end())
    it = std::find_if(clients_.begin(), clients_.end(), has);
  if (it == clients_.end())
    return std::nullopt;
  last_ = it->first;
  Request r = std::move(it->second.queue.front());
  it->second.queue.pop_front();
  return r;
}

std::optional<Request> Requests::next(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  std::optional<Request> found;
  changed_.wait(lock, stop, [&] {
    found = nextLocked();
    return found.has_value();
  });
  return found;
}

std::optional<Request> Requests::take(const Token &id,
                                      Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  std::optional<Request> found;
  changed_.wait_until(lock, deadline, [&] {
    for (auto &[index, c] : clients_)
      for (auto it = c.queue.begin(); it != c.queue.end(); ++it)
        if (core::equalSecrets(it->id(), id)) {
          found = std::move(*it);
          c.queue.erase(it);
          return true;
        }
    return false;
  });
  return found;
}

std::vector<std::pair<Request, Error>> Requests::sweep(Clock::time_point now) {
  std::vector<std::pair<Request, Error>> out;
  std::lock_guard lock(mutex_);
  for (auto &[index, c] : clients_)
    for (auto it = c.queue.begin(); it != c.queue.end();) {
      Status here = it->guest.channel->checkSilent();
      if (here && now - it->arrived > limits_.requestTimeout)
        here = Error{fmt::format("its turn did not come within {} s",
                                 limits_.requestTimeout.count())};
      if (here) {
        ++it;
        continue;
      }
      out.emplace_back(std::move(*it), here.error());
      it = c.queue.erase(it);
    }
  return out;
}

std::vector<Request> Requests::clear() {
  std::vector<Request> out;
  std::lock_guard lock(mutex_);
  for (auto &[index, c] : clients_)
    for (; !c.queue.empty(); c.queue.pop_front())
      out.push_back(std::move(c.queue.front()));
  return out;
}

void Requests::stopAdmitting() {
  std::lock_guard lock(mutex_);
  admitting_ = false;
}

} // namespace mpc::service

//===- runtime/service/Stock.cpp ------------------------------------------===//
#include "runtime/service/Stock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>

namespace fs = std::filesystem;

namespace mpc::service {
namespace {

constexpr std::string_view kSuffix = ".material";

std::optional<Token> tokenOf(const std::string &name) {
  Token t;
  if (name.size() != 2 * t.size() + kSuffix.size() || !name.ends_with(kSuffix))
    return std::nullopt;
  for (size_t i = 0; i < 2 * t.size(); ++i) {
    const char c = name[i];
    const int v = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                         : -1;
    if (v < 0)
      return std::nullopt;
    t[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? v << 4 : t[i / 2] | v);
  }
  return t;
}

} // namespace

Result<std::unique_ptr<Stock>> Stock::open(const std::string &dir, int party,
                                           const plan::Plan &plan,
                                           core::SecretVector<uint8_t> secret) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  if (ec)
    return Error{fmt::format("{}: {}", dir, ec.message())};
  fs::permissions(dir, fs::perms::owner_all, ec); // best effort
  const std::string lockPath = dir + "/lock";
  tcp::Fd lock(::open(lockPath.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return Error{fmt::format("{}: {}", lockPath, std::strerror(errno))};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{fmt::format("{}: another process uses this folder", dir)};
  auto spent = material::SpentLog::open(dir + "/spent");
  if (!spent)
    return spent.error();
  std::unique_ptr<Stock> stock(
      new Stock(dir, std::move(lock), std::move(*spent), std::move(secret)));
  MPC_TRY(stock->scan(party, plan));
  return stock;
}

Status Stock::scan(int party, const plan::Plan &plan) {
  std::error_code ec;
  for (fs::directory_iterator it(dir_, ec), end; !ec && it != end;
       it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.find(kSuffix) == std::string::npos)
      continue;
    const std::string path = it->path().string();
    const auto token = tokenOf(name);
    bool usable = false;
    if (token && plan.open.empty()) { // else it was one client's (Evaluators.h)
      if (auto s = vm::openSession(plan, party, path, &seal_)) {
        auto spent = spent_.isSpent(s->session.id);
        if (!spent)
          return spent.error();
        usable = !*spent;
      }
    }
    if (usable) {
      tokens_.insert(*token);
    } else {
      ++discarded_;
      std::error_code ignored;
      fs::remove(it->path(), ignored);
    }
  }
  if (ec)
    return Error{fmt::format("{}: {}", dir_, ec.message())};
  return {};
}

std::string Stock::pathOf(const Token &token) const {
  return fmt::format("{}/{}{}", dir_, core::hex(token), kSuffix);
}

void Stock::add(const Token &token) {
  {
    std::lock_guard lock(mutex_);
    tokens_.insert(token);
  }
  changed_.notify_all();
}

std::optional<Token> Stock::take(std::stop_token stop,
                                 Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, stop, deadline,
                           [&] { return !tokens_.empty(); }))
    return std::nullopt;
  const Token t = *tokens_.begin();
  tokens_.erase(tokens_.begin());
  return t;
}

bool Stock::take(const Token &token) {
  std::lock_guard lock(mutex_);
  return tokens_.erase(token) > 0;
}

void Stock::drop(const Token &token) {
  {
    std::lock_guard lock(mutex_);
    tokens_.erase(token);
  }
  std::error_code ignored;
  fs::remove(pathOf(token), ignored);
}

std::vector<Token> Stock::keepOnly(const std::set<Token> &these) {
  std::vector<Token> missing;
  for (const Token &t : tokens())
    if (!these.count(t))
      drop(t);
  std::lock_guard lock(mutex_);
  for (const Token &t : these)
    if (!tokens_.count(t))
      missing.push_back(t);
  return missing;
}

std::vector<Token> Stock::tokens() const {
  std::lock_guard lock(mutex_);
  return {tokens_.begin(), tokens_.end()};
}

size_t Stock::size() const {
  std::lock_guard lock(mutex_);
  return tokens_.size();
}

} // namespace mpc::service

//===- runtime/service/Stock.h - prepared sessions on disk ----------------===//
//
// An evaluator's folder: one encrypted file of material a prepared session,
// named by the session's token, and the log of the sessions that were used.
// What is in the log is never served again, whatever files are put back into
// the folder; losing the log means throwing the files away.
//
//   lock                 held by the process that uses the folder
//   spent                material/SpentLog.h
//   <token>.material     material/MaterialFile.h, AesSeal.h
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/material/SpentLog.h"
#include "runtime/service/AesSeal.h"
#include "runtime/service/Requests.h"
#include "runtime/vm/StoredSession.h"

#include <set>

namespace mpc::service {

class Stock {
public:
  /// Opens or makes the folder; removes files that are of another plan, spent,
  /// or left by a crash. secret: see AesSeal.
  static Result<std::unique_ptr<Stock>>
  open(const std::string &dir, int party, const plan::Plan &plan,
       core::SecretVector<uint8_t> secret);

  std::string pathOf(const Token &token) const;
  material::ChunkSeal *seal() { return &seal_; }
  material::SpentLog &spent() { return spent_; }

  void add(const Token &token);
  /// One of them, which is then no longer among them; its file stays.
  std::optional<Token> take(std::stop_token stop, Clock::time_point deadline);
  /// Takes this one.
  bool take(const Token &token);
  /// Deletes its file.
  void drop(const Token &token);
  /// Deletes all that are not in `these`; those of `these` that are missing.
  std::vector<Token> keepOnly(const std::set<Token> &these);

  std::vector<Token> tokens() const;
  size_t size() const;
  /// Files that were found unusable by open().
  size_t discarded() const { return discarded_; }

private:
  Stock(std::string dir, tcp::Fd lock, material::SpentLog spent,
        core::SecretVector<uint8_t> secret)
      : dir_(std::move(dir)), lock_(std::move(lock)), spent_(std::move(spent)),
        seal_(std::move(secret)) {}
  Status scan(int party, const plan::Plan &plan);

  std::string dir_;
  tcp::Fd lock_;
  material::SpentLog spent_;
  AesSeal seal_;
  size_t discarded_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<Token> tokens_;
};

} // namespace mpc::service

//===- runtime/material/SpentLog.h - which sessions were used -------------===//
//
// Material serves one session once: a mask used twice reveals the difference
// of two secrets. A party appends a session to its log, durably, before it
// sends the first byte that depends on the session's masks; a session that is
// in the log is refused, whatever files are there. The log outlives copies and
// backups of material files; losing it means throwing all material away.
//
// A file of 32-byte session ids. A record that a crash cut short was never
// reported as spent and is overwritten.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Hash.h"
#include "runtime/core/Result.h"

#include <string>
#include <utility>

namespace mpc::material {

class SpentLog {
public:
  /// Opens the log or starts one.
  static Result<SpentLog> open(const std::string &path);
  SpentLog(SpentLog &&o) noexcept
      : path_(std::move(o.path_)), fd_(std::exchange(o.fd_, -1)) {}
  SpentLog(const SpentLog &) = delete;
  ~SpentLog();

  /// Records the session; when it returns, the record survives a crash. Fails
  /// if it is there already. Safe among processes that share the file.
  Status spend(const core::Digest &session);
  Result<bool> isSpent(const core::Digest &session);

private:
  SpentLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Error fail(const char *what) const;
  /// Where the next record goes; SIZE_MAX: the session is there.
  Result<uint64_t> find(const core::Digest &session);

  std::string path_;
  int fd_ = -1;
};

} // namespace mpc::material

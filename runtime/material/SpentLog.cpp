//===- runtime/material/SpentLog.cpp --------------------------------------===//
#include "runtime/material/SpentLog.h"

#include "runtime/core/File.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mpc::material {
namespace {

constexpr uint64_t kFound = UINT64_MAX;

/// An exclusive lock of the open file, released at the end of a scope.
class Lock {
public:
  explicit Lock(int fd) : fd_(fd) {
    int err;
    do
      err = ::flock(fd_, LOCK_EX);
    while (err != 0 && errno == EINTR);
    held_ = err == 0;
  }
  Lock(const Lock &) = delete;
  ~Lock() {
    if (held_)
      ::flock(fd_, LOCK_UN);
  }
  bool held() const { return held_; }

private:
  int fd_;
  bool held_;
};

} // namespace

Error SpentLog::fail(const char *what) const {
  return Error{fmt::format("{}: {}: {}", path_, what, std::strerror(errno))};
}

Result<SpentLog> SpentLog::open(const std::string &path) {
  int fd;
  do
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  SpentLog log(path, fd);
  if (fd < 0)
    return log.fail("cannot open");
  // The entry in the directory has to survive a crash as well.
  core::syncDirectoryOf(path);
  return log;
}

SpentLog::~SpentLog() {
  if (fd_ >= 0)
    ::close(fd_);
}

Result<uint64_t> SpentLog::find(const core::Digest &session) {
  std::vector<uint8_t> piece(1024 * session.size());
  uint64_t at = 0;
  for (size_t have = 0;;) {
    const ssize_t n = ::pread(fd_, piece.data() + have, piece.size() - have,
                              static_cast<off_t>(at + have));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail("cannot read");
    have += static_cast<size_t>(n);
    if (n > 0 && have < piece.size())
      continue;
    for (size_t r = 0; r + session.size() <= have; r += session.size())
      if (std::memcmp(piece.data() + r, session.data(), session.size()) == 0)
        return kFound;
    if (n == 0)
      return at + have / session.size() * session.size();
    at += have;
    have = 0;
  }
}

Status SpentLog::spend(const core::Digest &session) {
  const Lock lock(fd_);
  if (!lock.held())
    return fail("cannot lock");
  auto end = find(session);
  if (!end)
    return end.error();
  if (*end == kFound)
    return Error{fmt::format("session {} was used before; its material is "
                             "spent ({})",
                             core::hex(session).substr(0, 16), path_)};
  for (size_t done = 0; done < session.size();) {
    const ssize_t n =
        ::pwrite(fd_, session.data() + done, session.size() - done,
                 static_cast<off_t>(*end + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fail("cannot write");
    done += static_cast<size_t>(n);
  }
  if (::fdatasync(fd_) != 0)
    return fail("cannot sync");
  return {};
}

Result<bool> SpentLog::isSpent(const core::Digest &session) {
  const Lock lock(fd_);
  if (!lock.held())
    return fail("cannot lock");
  auto end = find(session);
  if (!end)
    return end.error();
  return *end == kFound;
}

} // namespace mpc::material

//===- runtime/core/File.cpp ----------------------------------------------===//
#include "runtime/core/File.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mpc::core {
namespace {

Error fileError(const std::string &path, std::string_view what, int err) {
  return Error{fmt::format("{}: {}: {}", path, what, std::strerror(err))};
}

/// A descriptor that closes itself.
struct Fd {
  int fd;
  ~Fd() {
    if (fd >= 0)
      ::close(fd);
  }
};

int openRetry(const char *path, int flags, mode_t mode = 0) {
  int fd;
  do
    fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

} // namespace

void syncDirectoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string dir = slash == std::string::npos ? "."
                    : slash == 0               ? "/"
                                               : path.substr(0, slash);
  Fd d{openRetry(dir.c_str(), O_RDONLY | O_DIRECTORY)};
  if (d.fd >= 0)
    (void)::fsync(d.fd);
}

namespace {

/// What was opened for reading; a directory is refused.
Status statOpened(const Fd &f, const std::string &path, struct stat &st) {
  if (f.fd < 0)
    return fileError(path, "cannot open", errno);
  if (::fstat(f.fd, &st) != 0)
    return fileError(path, "cannot stat", errno);
  if (S_ISDIR(st.st_mode))
    return fileError(path, "cannot read", EISDIR);
  return {};
}

Result<std::vector<uint8_t>> readAll(const Fd &f, const struct stat &st,
                                     const std::string &path) {
  std::vector<uint8_t> out;
  size_t used = 0;
  // One byte more than the stated size, so that the end is seen without
  // growing; a pipe states 0 and grows.
  out.resize(S_ISREG(st.st_mode) ? static_cast<size_t>(st.st_size) + 1 : 4096);
  for (;;) {
    if (used == out.size())
      out.resize(out.size() * 2);
    ssize_t n = ::read(f.fd, out.data() + used, out.size() - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fileError(path, "cannot read", errno);
    if (n == 0)
      break;
    used += static_cast<size_t>(n);
  }
  out.resize(used);
  return out;
}

} // namespace

Result<std::vector<uint8_t>> readFile(const std::string &path) {
  Fd f{openRetry(path.c_str(), O_RDONLY)};
  struct stat st;
  MPC_TRY(statOpened(f, path, st));
  return readAll(f, st, path);
}

Result<std::vector<uint8_t>> readRegularFile(const std::string &path,
                                             uint64_t maxBytes) {
  // O_NONBLOCK: opening a FIFO without a writer would wait.
  Fd f{openRetry(path.c_str(), O_RDONLY | O_NONBLOCK)};
  struct stat st;
  MPC_TRY(statOpened(f, path, st));
  if (!S_ISREG(st.st_mode))
    return Error{path + ": cannot read: not a regular file"};
  if (static_cast<uint64_t>(st.st_size) > maxBytes)
    return Error{fmt::format("{}: cannot read: {} bytes, at most {} are "
                             "expected",
                             path, st.st_size, maxBytes)};
  return readAll(f, st, path);
}

Status writeFile(const std::string &path, std::span<const uint8_t> bytes,
                 unsigned mode) {
  Result<AtomicFile> f = AtomicFile::create(path, mode);
  if (!f)
    return f.error();
  MPC_TRY(f->write(bytes));
  return f->commit();
}

Result<AtomicFile> AtomicFile::create(const std::string &name, unsigned mode) {
  // A rename replaces whatever has the name: a link is followed to its file,
  // a device or a directory is refused.
  std::string path = name;
  if (struct stat s; ::stat(name.c_str(), &s) == 0) {
    if (!S_ISREG(s.st_mode))
      return Error{fmt::format("{}: not a regular file", name)};
    if (char *real = ::realpath(name.c_str(), nullptr)) {
      path = real;
      std::free(real);
    }
  }
  static std::atomic<unsigned> counter{0};
  // O_EXCL: never write through a file or link somebody else put there.
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string temp =
        fmt::format("{}.tmp{}-{}", path, ::getpid(), counter.fetch_add(1));
    int fd = openRetry(temp.c_str(), O_RDWR | O_CREAT | O_EXCL, mode);
    if (fd >= 0)
      return AtomicFile(path, std::move(temp), fd);
    if (errno != EEXIST)
      return fileError(path, "cannot create", errno);
  }
  return fileError(path, "cannot create a temporary beside it", EEXIST);
}

AtomicFile::AtomicFile(AtomicFile &&o) noexcept
    : path_(std::move(o.path_)), temp_(std::move(o.temp_)),
      fd_(std::exchange(o.fd_, -1)), size_(o.size_) {}

AtomicFile &AtomicFile::operator=(AtomicFile &&o) noexcept {
  if (this != &o) {
    discard();
    path_ = std::move(o.path_);
    temp_ = std::move(o.temp_);
    fd_ = std::exchange(o.fd_, -1);
    size_ = o.size_;
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (fd_ < 0)
    return;
  ::close(fd_);
  ::unlink(temp_.c_str());
  fd_ = -1;
}

Error AtomicFile::fail(const char *what, int err) {
  discard();
  return fileError(path_, what, err);
}

Status AtomicFile::write(std::span<const uint8_t> bytes) {
  MPC_TRY(writeAt(size_, bytes));
  return {};
}

Status AtomicFile::writeAt(uint64_t offset, std::span<const uint8_t> bytes) {
  if (fd_ < 0)
    return Error{path_ + ": cannot write: closed after an earlier error"};
  assert(offset <= size_ && "a hole in the file");
  while (!bytes.empty()) {
    ssize_t n =
        ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail("cannot write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
    size_ = std::max(size_, offset);
  }
  return {};
}

Status AtomicFile::commit(Sync sync) {
  if (fd_ < 0)
    return Error{path_ + ": cannot write: closed after an earlier error"};
  if (sync == Sync::Yes && ::fsync(fd_) != 0)
    return fail("cannot sync", errno);
  // From here the descriptor is gone whatever close says.
  int closed = ::close(std::exchange(fd_, -1));
  int err = errno;
  if (closed == 0 && ::rename(temp_.c_str(), path_.c_str()) == 0) {
    if (sync == Sync::Yes)
      syncDirectoryOf(path_);
    return {};
  }
  if (closed == 0)
    err = errno;
  ::unlink(temp_.c_str());
  return fileError(path_, "cannot write", err);
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  // O_NONBLOCK: opening a FIFO without a writer would wait.
  Fd f{openRetry(path.c_str(), O_RDONLY | O_NONBLOCK)};
  if (f.fd < 0)
    return fileError(path, "cannot open", errno);
  struct stat st;
  if (::fstat(f.fd, &st) != 0)
    return fileError(path, "cannot stat", errno);
  if (!S_ISREG(st.st_mode))
    return Error{path + ": cannot map: not a regular file"};
  MappedFile m;
  m.size_ = static_cast<size_t>(st.st_size);
  if (m.size_ == 0)
    return m;
  void *p = ::mmap(nullptr, m.size_, PROT_READ, MAP_PRIVATE, f.fd, 0);
  if (p == MAP_FAILED) {
    m.size_ = 0;
    return fileError(path, "cannot map", errno);
  }
  m.data_ = static_cast<const uint8_t *>(p);
  return m;
}

MappedFile::MappedFile(MappedFile &&o) noexcept
    : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)),
      dropped_(std::exchange(o.dropped_, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&o) noexcept {
  std::swap(data_, o.data_);
  std::swap(size_, o.size_);
  std::swap(dropped_, o.dropped_);
  return *this;
}

void MappedFile::dropBefore(size_t offset) {
  constexpr size_t kStep = size_t{8} << 20; // a multiple of every page size
  const size_t end = std::min(offset, size_) / kStep * kStep;
  if (end <= dropped_)
    return;
  ::madvise(const_cast<uint8_t *>(data_) + dropped_, end - dropped_,
            MADV_DONTNEED);
  dropped_ = end;
}

MappedFile::~MappedFile() {
  if (data_)
    ::munmap(const_cast<uint8_t *>(data_), size_);
}

Result<FileReader> FileReader::open(const std::string &path) {
  FileReader r(path, openRetry(path.c_str(), O_RDONLY | O_NONBLOCK), 0);
  if (r.fd_ < 0)
    return fileError(path, "cannot open", errno);
  struct stat st;
  if (::fstat(r.fd_, &st) != 0)
    return fileError(path, "cannot stat", errno);
  if (!S_ISREG(st.st_mode))
    return Error{path + ": cannot read: not a regular file"};
  r.size_ = static_cast<uint64_t>(st.st_size);
  return r;
}

FileReader::FileReader(FileReader &&o) noexcept
    : path_(std::move(o.path_)), fd_(std::exchange(o.fd_, -1)), size_(o.size_) {
}

FileReader &FileReader::operator=(FileReader &&o) noexcept {
  std::swap(path_, o.path_);
  std::swap(fd_, o.fd_);
  std::swap(size_, o.size_);
  return *this;
}

FileReader::~FileReader() {
  if (fd_ >= 0)
    ::close(fd_);
}

Status FileReader::readAt(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t n =
        ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fileError(path_, "cannot read", errno);
    if (n == 0)
      return Error{fmt::format("{}: byte {:#x}: ends early", path_, offset)};
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

std::string encodeFileName(std::string_view name) {
  bool allDots = name == "." || name == "..";
  std::string out;
  for (char c : name) {
    if (c == '/')
      out += "%2F";
    else if (c == '%')
      out += "%25";
    else if (c == '\0')
      out += "%00";
    else if (c == '.' && allDots)
      out += "%2E";
    else
      out += c;
  }
  return out;
}

std::string decodeFileName(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    unsigned code = 0;
    const char *hex = name.data() + i + 1;
    if (name[i] == '%' && i + 2 < name.size() &&
        std::from_chars(hex, hex + 2, code, 16).ptr == hex + 2) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}

} // namespace mpc::core

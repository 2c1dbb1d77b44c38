//===- runtime/core/File.h - whole files: read, map, write atomically -----===//
//
// Every error names the path. A reader of a path sees the old file or the
// complete new one, never a part: AtomicFile writes a temporary next to it and
// renames on commit().
//
//   Result<AtomicFile> f = AtomicFile::create("x.weights", 0600);
//   if (!f) return f.error();
//   MPC_TRY(f->write(bytes));
//   MPC_TRY(f->commit());
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpc::core {

/// The whole file; works for pipes as well.
Result<std::vector<uint8_t>> readFile(const std::string &path);

/// The same, but only of a regular file of at most maxBytes: a FIFO would be
/// waited for, a device might never end.
Result<std::vector<uint8_t>> readRegularFile(const std::string &path,
                                             uint64_t maxBytes = UINT64_MAX);

/// Writes the whole file atomically. `mode` as in open(2).
Status writeFile(const std::string &path, std::span<const uint8_t> bytes,
                 unsigned mode = 0644);
inline Status writeText(const std::string &path, std::string_view text,
                        unsigned mode = 0644) {
  return writeFile(
      path, {reinterpret_cast<const uint8_t *>(text.data()), text.size()},
      mode);
}

/// A file that appears at its path only when commit() succeeds. Dropped
/// without commit(), or after an error, it leaves nothing behind.
class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &path,
                                   unsigned mode = 0644);
  AtomicFile(AtomicFile &&) noexcept;
  AtomicFile &operator=(AtomicFile &&) noexcept;
  ~AtomicFile();

  /// Appends.
  Status write(std::span<const uint8_t> bytes);
  /// Overwrites bytes already written, e.g. a header's checksum.
  Status writeAt(uint64_t offset, std::span<const uint8_t> bytes);
  uint64_t size() const { return size_; }
  /// Whether the bytes must survive a crash that comes after commit(). Without
  /// it a crash may leave a torn file: for what carries its own checksums and
  /// can be made again.
  enum class Sync { Yes, No };
  /// Syncs and renames to the final path. Call once, last.
  Status commit(Sync sync = Sync::Yes);

private:
  AtomicFile(std::string path, std::string temp, int fd)
      : path_(std::move(path)), temp_(std::move(temp)), fd_(fd) {}
  Error fail(const char *what, int err);
  void discard();

  std::string path_, temp_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

/// A file mapped read-only. The bytes live as long as the object.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);
  MappedFile() = default;
  MappedFile(MappedFile &&) noexcept;
  MappedFile &operator=(MappedFile &&) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }

  /// A hint from a reader that goes front to back: the bytes before `offset`
  /// need not stay resident. They can still be read.
  void dropBefore(size_t offset);

private:
  const uint8_t *data_ = nullptr;
  size_t size_ = 0;
  size_t dropped_ = 0;
};

/// Makes a new or renamed entry of the file's directory durable; best effort,
/// since some file systems refuse to sync a directory.
void syncDirectoryOf(const std::string &path);

/// A regular file read piece by piece, from any place: for files larger than
/// memory should hold.
class FileReader {
public:
  static Result<FileReader> open(const std::string &path);
  FileReader(FileReader &&) noexcept;
  FileReader &operator=(FileReader &&) noexcept;
  ~FileReader();

  uint64_t size() const { return size_; }
  const std::string &path() const { return path_; }
  /// Exactly out.size() bytes from `offset` on.
  Status readAt(uint64_t offset, std::span<uint8_t> out) const;

private:
  FileReader(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

/// An array's name as a file name, injective: '%' -> "%25", '/' -> "%2F".
/// The names "." and "..", which are no files, encode their dots ("%2E").
std::string encodeFileName(std::string_view name);
/// The name that encodeFileName made this of.
std::string decodeFileName(std::string_view name);

} // namespace mpc::core

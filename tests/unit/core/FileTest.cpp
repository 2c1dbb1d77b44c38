#include "runtime/core/File.h"

#include "TempDir.h"

#include <sys/stat.h>

using namespace mpc::core;

namespace {

unsigned modeOf(const std::string &path) {
  struct stat st;
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

} // namespace

TEST_CASE("a file is written, read and mapped") {
  TempDir dir;
  for (size_t n : {size_t{0}, size_t{1}, size_t{100000}}) {
    std::vector<uint8_t> bytes(n, 7);
    std::string path = dir.file("a");
    REQUIRE(writeFile(path, bytes, 0600));
    CHECK(modeOf(path) == 0600);
    CHECK(dir.entries() == 1);
    auto read = readFile(path);
    REQUIRE(read);
    CHECK(*read == bytes);
    auto map = MappedFile::open(path);
    REQUIRE(map);
    MappedFile moved = std::move(*map);
    CHECK(map->size() == 0);
    CHECK(std::equal(moved.bytes().begin(), moved.bytes().end(), bytes.begin(),
                     bytes.end()));
  }
}

TEST_CASE("nothing is left of an atomic file that was not committed") {
  TempDir dir;
  REQUIRE(writeFile(dir.file("a"), std::vector<uint8_t>{1}));
  {
    auto f = AtomicFile::create(dir.file("a"), 0600);
    REQUIRE(f);
    REQUIRE(f->write(std::vector<uint8_t>{2, 3}));
    CHECK(dir.entries() == 2);
    AtomicFile moved = std::move(*f);
    CHECK(*readFile(dir.file("a")) == std::vector<uint8_t>{1});
  }
  CHECK(dir.entries() == 1);
  CHECK(*readFile(dir.file("a")) == std::vector<uint8_t>{1});
}

TEST_CASE("atomic files patch and replace") {
  TempDir dir;
  auto f = AtomicFile::create(dir.file("a"));
  REQUIRE(f);
  REQUIRE(f->write(std::vector<uint8_t>{0, 0, 5}));
  REQUIRE(f->writeAt(1, std::vector<uint8_t>{9}));
  REQUIRE(f->write(std::vector<uint8_t>{6}));
  CHECK(f->size() == 4);
  REQUIRE(f->commit());
  CHECK(*readFile(dir.file("a")) == std::vector<uint8_t>{0, 9, 5, 6});
  CHECK_FALSE(f->write(std::vector<uint8_t>{1}));
  CHECK_FALSE(f->commit());
}

TEST_CASE("file errors name the path and the reason") {
  TempDir dir;
  std::string missing = dir.file("no/such");
  CHECK(readFile(missing).error().message ==
        missing + ": cannot open: No such file or directory");
  CHECK(MappedFile::open(missing).error().message ==
        missing + ": cannot open: No such file or directory");
  CHECK(AtomicFile::create(missing).error().message ==
        missing + ": cannot create: No such file or directory");
  CHECK(readFile(dir.path).error().message ==
        dir.path + ": cannot read: Is a directory");
  CHECK_FALSE(MappedFile::open(dir.path));
  // The target is a directory: rename fails, the temporary goes.
  std::filesystem::create_directory(dir.file("d"));
  CHECK_FALSE(writeFile(dir.file("d"), std::vector<uint8_t>{1}));
  CHECK(dir.entries() == 1);
}

TEST_CASE("array names become file names") {
  CHECK(encodeFileName("last_hidden_state") == "last_hidden_state");
  CHECK(encodeFileName("/layer.0/a%b") == "%2Flayer.0%2Fa%25b");
  CHECK(encodeFileName("..") == "%2E%2E");
  CHECK(encodeFileName("a..b") == "a..b");
}

// A directory that is gone after the test.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

struct TempDir {
  TempDir() {
    std::string t =
        (std::filesystem::temp_directory_path() / "mpcc-test-XXXXXX").string();
    REQUIRE(mkdtemp(t.data()));
    path = t;
  }
  TempDir(const TempDir &) = delete;
  TempDir &operator=(const TempDir &) = delete;
  ~TempDir() { std::filesystem::remove_all(path); }

  std::string file(const std::string &name) const { return path + "/" + name; }
  size_t entries() const {
    size_t n = 0;
    for (const auto &e : std::filesystem::directory_iterator(path)) {
      (void)e;
      ++n;
    }
    return n;
  }

  std::string path;
};

#include "runtime/material/SpentLog.h"
#include "tests/unit/core/TempDir.h"

#include <fstream>
#include <thread>
#include <vector>

using namespace mpc;
using material::SpentLog;

namespace {

core::Digest session(uint8_t n) {
  core::Digest d;
  d.fill(n);
  d[31] = 99;
  return d;
}

} // namespace

TEST_CASE("a session is spent once, by whoever opens the log", "[material]") {
  TempDir dir;
  const std::string path = dir.file("spent");
  {
    auto log = SpentLog::open(path);
    REQUIRE(log);
    CHECK_FALSE(*log->isSpent(session(1)));
    REQUIRE(log->spend(session(1)));
    REQUIRE(log->spend(session(2)));
    CHECK_FALSE(log->spend(session(1)));
  }
  auto log = SpentLog::open(path);
  REQUIRE(log);
  CHECK(*log->isSpent(session(1)));
  CHECK_FALSE(*log->isSpent(session(3)));
  const Status again = log->spend(session(2));
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("was used before") != std::string::npos);
  REQUIRE(log->spend(session(3)));
  CHECK(std::filesystem::file_size(path) == 3 * 32);
}

TEST_CASE("a record that a crash cut short does not hide others",
          "[material]") {
  TempDir dir;
  const std::string path = dir.file("spent");
  REQUIRE(SpentLog::open(path)->spend(session(1)));
  std::ofstream(path, std::ios::app | std::ios::binary) << "torn";
  auto log = SpentLog::open(path);
  REQUIRE(log);
  CHECK_FALSE(log->spend(session(1)));
  REQUIRE(log->spend(session(2)));
  CHECK_FALSE(log->spend(session(2)));
  CHECK(std::filesystem::file_size(path) == 2 * 32);
}

TEST_CASE("of many that spend one session, one succeeds", "[material]") {
  TempDir dir;
  const std::string path = dir.file("spent");
  std::vector<int> won(8, 0);
  {
    std::vector<std::jthread> threads;
    for (int &w : won)
      threads.emplace_back([&] {
        for (uint8_t s = 0; s < 40; ++s) {
          auto log = SpentLog::open(path);
          w += log && log->spend(session(s));
        }
      });
  }
  int sum = 0;
  for (int w : won)
    sum += w;
  CHECK(sum == 40);
}

TEST_CASE("an unusable path is named", "[material]") {
  auto log = SpentLog::open("/nonexistent/spent");
  REQUIRE_FALSE(log);
  CHECK(log.error().message.find("/nonexistent/spent: cannot open") == 0);
}

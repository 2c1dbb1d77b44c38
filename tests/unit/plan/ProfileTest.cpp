//===- tests/unit/plan/ProfileTest.cpp ------------------------------------===//
#include "runtime/plan/Profile.h"

#include <catch2/catch.hpp>

using namespace mpc::plan;

TEST_CASE("Profile: the names and nothing else") {
  for (const char *n : {"loopback", "lan", "wan"}) {
    REQUIRE(Profile::named(n));
    CHECK(Profile::named(n)->name == n);
  }
  CHECK(!Profile::named("LAN"));
  CHECK(!Profile::named(""));
}

TEST_CASE("Profile: a slower network makes rounds and bytes dearer") {
  const Profile l = Profile::loopback(), a = Profile::lan(), w = Profile::wan();
  CHECK(l.roundSeconds() < a.roundSeconds());
  CHECK(a.roundSeconds() < w.roundSeconds());
  CHECK(l.exchangedByteSeconds() < a.exchangedByteSeconds());
  CHECK(a.exchangedByteSeconds() < w.exchangedByteSeconds());
  CHECK(a.dealtByteSeconds() < w.dealtByteSeconds());
  // P1 and P2 send at once: half a round trip, and what a flush costs.
  CHECK(w.roundSeconds() >= 0.020);
  CHECK(w.roundSeconds() < 0.021);
  // A round trip is worth more bytes the longer it is.
  CHECK(a.roundBytes() < w.roundBytes());
}

TEST_CASE("Profile: parties that share a machine wait for each other") {
  Profile p = Profile::lan();
  p.machine.cores = 2;
  CHECK(p.workSeconds(1, 2) == 0.5);
  p.machine.shared = true;
  CHECK(p.workSeconds(1, 2) == 1);
}

#include "runtime/vm/Session.h"
#include "runtime/net/InProcess.h"

#include <catch2/catch.hpp>
#include <optional>
#include <thread>

using namespace mpc;

namespace {

std::vector<uint64_t> sample(const crypto::Prg &prg) {
  std::vector<uint64_t> w(4);
  prg.words({crypto::Purpose::Mask, 1}, 0, w);
  return w;
}

struct Keys {
  std::vector<uint64_t> k01At0, k01At1, k02At0, k02At2, k12At1, k12At2;
};

Result<Keys> session(const vm::SessionToken &dealerToken) {
  auto [p0to1, p1to0] = net::inProcessChannels("party 0", "party 1");
  auto [p0to2, p2to0] = net::inProcessChannels("party 0", "party 2");
  auto [p1to2, p2to1] = net::inProcessChannels("party 1", "party 2");
  const core::Digest plan = {};
  const vm::SessionToken token = {1};
  std::optional<Result<vm::EvaluatorSession>> one, two;
  std::jthread t1([&, &a = p1to0, &b = p1to2] {
    one.emplace(vm::beginEvaluatorSession(1, *a, *b, token, plan));
  });
  std::jthread t2([&, &a = p2to0, &b = p2to1] {
    two.emplace(vm::beginEvaluatorSession(2, *a, *b, token, plan));
  });
  auto zero = vm::beginDealerSession(*p0to1, *p0to2, dealerToken, plan);
  t1.join();
  t2.join();
  for (const Error *e :
       {!zero ? &zero.error() : nullptr, !*one ? &one->error() : nullptr,
        !*two ? &two->error() : nullptr})
    if (e)
      return *e;
  return Keys{sample(zero->k01),  sample((*one)->k0),  sample(zero->k02),
              sample((*two)->k0), sample((*one)->k12), sample((*two)->k12)};
}

} // namespace

TEST_CASE("each pair agrees on a key of its own, fresh every session", "[vm]") {
  auto a = session({1}), b = session({1});
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->k01At0 == a->k01At1);
  CHECK(a->k02At0 == a->k02At2);
  CHECK(a->k12At1 == a->k12At2);
  CHECK(a->k01At0 != a->k02At0);
  CHECK(a->k01At0 != a->k12At1);
  CHECK(a->k02At0 != a->k12At1);
  CHECK(a->k01At0 != b->k01At0);
  CHECK(a->k12At1 != b->k12At1);
}

TEST_CASE("another session's token gives other keys", "[vm]") {
  auto a = session({2});
  REQUIRE(a);
  CHECK(a->k01At0 != a->k01At1);
  CHECK(a->k12At1 == a->k12At2);
}

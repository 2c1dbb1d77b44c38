// Public inputs at a session's start: the parties agree or do not begin.
#include "tests/unit/plan/SamplePlan.h"
#include "tests/unit/proto/RunPlan.h"

#include "runtime/net/InProcess.h"
#include "runtime/pub/Open.h"
#include "runtime/vm/Client.h"
#include "runtime/vm/OpenSession.h"

#include <optional>
#include <thread>

using namespace mpc;

namespace {

plan::Plan publicPlan() {
  return plan::sample::make(plan::sample::kPublicText);
}

std::vector<core::NpyArray> inputs(std::vector<int64_t> mask) {
  const std::vector<float> x = {1.5f, -2, 3, -0.25f, 0.5f, 2};
  const std::vector<float> a = {1, -2, 0.5f, 3, 0.25f, -4};
  return {core::NpyArray::of<float>({2, 3}, x),
          core::NpyArray::of<int64_t>({2, 3}, mask),
          core::NpyArray::of<float>({2, 3}, a),
          {core::DType::Bool, {3}, {1, 0, 1}}};
}

std::vector<uint8_t> packed(const plan::Plan &p, std::vector<int64_t> mask) {
  const auto all = inputs(std::move(mask));
  return *pub::packInputs(p, std::span(all).subspan(1));
}

} // namespace

TEST_CASE("a plan runs with any public inputs", "[vm]") {
  const plan::Plan p = publicPlan();
  std::vector<std::vector<uint8_t>> seen;
  for (const std::vector<int64_t> &mask :
       {std::vector<int64_t>{1, 0, 1, 1, 1, 0}, {0, 0, 0, 0, 0, 0}}) {
    // Checks the bytes of every link, these too, and the emulator's outputs.
    const auto out = test::runAndCheck(p, inputs(mask), {p.hash(), {}});
    const auto y = out[0].as<float>();
    // x masked, plus the mask, in the order of c1.
    const int at[] = {0, 2, 1, 3, 5, 4};
    const float x[] = {1.5f, -2, 3, -0.25f, 0.5f, 2};
    for (size_t i = 0; i < 6; ++i) {
      const auto m = static_cast<float>(mask[static_cast<size_t>(at[i])]);
      CHECK(y[i] == x[at[i]] * m + m);
    }
    seen.push_back(out[1].bytes);
  }
  CHECK(seen[0] != seen[1]); // an output that only public inputs decide
}

TEST_CASE("the client finds what no party would take", "[vm]") {
  const plan::Plan p = publicPlan();
  auto in = inputs({1, 0, 1, 1, 1, 3});
  auto r = vm::encodeInputs(p, in);
  REQUIRE_FALSE(r);
  CHECK(r.error().message == "public input 'mask': element 5 is 3, outside the "
                             "declared range [0, 1]");
  in.pop_back();
  CHECK(vm::encodeInputs(p, in).error().message ==
        "3 inputs given, the plan has 4");
}

namespace {

/// What each party says when P1, P2 get these masks and P0 P1's, or `toDealer`.
std::array<std::string, 3> begin(std::vector<int64_t> one,
                                 std::vector<int64_t> two,
                                 std::optional<std::vector<int64_t>> toDealer) {
  const plan::Plan p = publicPlan();
  auto [p0to1, p1to0] = net::inProcessChannels("party 0", "party 1");
  auto [p0to2, p2to0] = net::inProcessChannels("party 0", "party 2");
  auto [p1to2, p2to1] = net::inProcessChannels("party 1", "party 2");
  std::array<std::string, 3> said;
  auto evaluator = [&](int party, net::Channel &p0, net::Channel &peer,
                       const std::vector<int64_t> &mask) {
    auto [client, own] = net::inProcessChannels("client", "a party");
    const auto run = [&]() -> Status {
      MPC_TRY(own->send(packed(p, mask)));
      vm::OpenSession open(p);
      MPC_TRY(open.receive(*client));
      vm::PartyReport report;
      auto s = toDealer && party == 1
                   ? vm::beginEvaluatorSession(party, p0, peer, {1}, p.hash(),
                                               open.agreement())
                   : open.begin(party, p0, peer, {1}, report);
      if (!s)
        return s.error();
      if (toDealer && party == 1)
        return p0.send(packed(p, *toDealer));
      CHECK(report.openSent == (party == 1 ? plan::publicInputBytes(p) : 0));
      return {};
    };
    if (Status s = run(); !s) {
      said[static_cast<size_t>(party)] = s.error().message;
      (void)p0.sendError(s.error().message);
      (void)peer.sendError(s.error().message);
    }
  };
  std::jthread t1(evaluator, 1, std::ref(*p1to0), std::ref(*p1to2), one);
  std::jthread t2(evaluator, 2, std::ref(*p2to0), std::ref(*p2to1), two);
  vm::OpenSession open(p);
  auto s =
      vm::beginDealerSession(*p0to1, *p0to2, {1}, p.hash(), open.agreement());
  if (!s)
    said[0] = s.error().message;
  else if (Status r = open.receiveAgreed(*p0to1, s->digests); !r)
    said[0] = r.error().message;
  else
    CHECK_FALSE(open.plan().consts[0].data.empty());
  return said;
}

} // namespace

TEST_CASE("a session waits for its public inputs", "[vm]") {
  const plan::Plan p = publicPlan();
  auto [a, b] = net::inProcessChannels("a", "b");
  auto [c, d] = net::inProcessChannels("c", "d");
  vm::PartyReport report;
  auto s = vm::OpenSession(p).begin(1, *a, *c, {1}, report);
  REQUIRE_FALSE(s);
  CHECK_THAT(s.error().message, Catch::Contains("must be known before"));
}

TEST_CASE("parties with other public inputs do not begin", "[vm]") {
  const std::vector<int64_t> a{1, 0, 1, 1, 1, 0}, b{1, 1, 1, 1, 1, 0},
      wrong{1, 0, 1, 1, 1, 7};
  for (const std::string &s : begin(a, a, {}))
    CHECK(s == "");
  const auto other = begin(a, b, {});
  CHECK_THAT(other[1], Catch::Contains("party 2 was given another value of "
                                       "public input 'mask'"));
  CHECK_THAT(other[2], Catch::Contains("party 1 was given another value of "
                                       "public input 'mask'"));
  CHECK(other[0] != "");
  const auto dealer = begin(a, a, b);
  CHECK_THAT(dealer[0], Catch::Contains("party 1 passed on another value of "
                                        "public input 'mask'"));
  const auto range = begin(wrong, wrong, {});
  CHECK_THAT(range[1], Catch::Contains("'mask': element 5 is 7, outside the "
                                       "declared range [0, 1]"));
  CHECK_THAT(range[2], Catch::Contains("outside the declared range"));
}

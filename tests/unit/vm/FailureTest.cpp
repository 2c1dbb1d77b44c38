// A party that dies, lies about a length or has another plan: a clear error,
// soon, from everybody.
#include "tests/unit/proto/RunPlan.h"

#include <cstring>

using namespace mpc;
using namespace mpc::test;

namespace {

/// Ends, or changes the header of, what is sent after `after` bytes.
class Faulty final : public net::Link {
public:
  enum class Kind { Dies, LongerFrames, FlipsPayload };
  Faulty(std::unique_ptr<net::Link> inner, Kind kind, uint64_t after)
      : inner_(std::move(inner)), kind_(kind), after_(after) {}

  net::Moved move(net::OutParts out, net::InParts in,
                  std::chrono::milliseconds timeout) override {
    size_t nOut = 0;
    for (auto p : out)
      nOut += p.size();
    if (!inner_ || inner_->wireSent() < after_ || nOut == 0)
      return inner_ ? inner_->move(out, in, timeout)
                    : net::Moved{net::Moved::Outcome::Closed, 0, 0, {}};
    if (kind_ == Kind::Dies) {
      inner_.reset();
      return {net::Moved::Outcome::Closed, 0, 0, {}};
    }
    // Rewrites the first frame that starts here, once.
    std::vector<std::vector<uint8_t>> parts;
    std::vector<std::span<const uint8_t>> spans;
    for (auto p : out)
      parts.emplace_back(p.begin(), p.end());
    if (!done_ && !parts[0].empty() && parts[0].size() >= 16) {
      if (kind_ == Kind::LongerFrames)
        ++parts[0][8];
      else if (parts.size() > 1 && !parts[1].empty())
        parts[1][0] ^= 1;
      done_ = true;
    }
    for (auto &p : parts)
      spans.emplace_back(p);
    return inner_->move(spans, in, timeout);
  }
  uint64_t wireSent() const override { return inner_ ? inner_->wireSent() : 0; }
  uint64_t wireReceived() const override {
    return inner_ ? inner_->wireReceived() : 0;
  }

private:
  std::unique_ptr<net::Link> inner_;
  Kind kind_;
  uint64_t after_;
  bool done_ = false;
};

PlanBuilder squares() {
  PlanBuilder b;
  Reg x = b.input({100}, 40);
  for (int i = 0; i < 3; ++i)
    x = b.op(
        PlanOp::Extend, Form::Masked, 40, {100},
        {b.op(PlanOp::Drop, Form::Masked, 20, {100},
              {b.trunc(b.op(PlanOp::Mul, Form::Additive, 40, {100}, {x, x}, {}),
                       10)},
              {}, 10)},
        {}),
    b.flush();
  b.output(x);
  return b;
}

std::string failureOf(int of, int to, Faulty::Kind kind, uint64_t after) {
  const plan::Plan plan = squares().done();
  vm::InProcessOptions options;
  options.deadline = std::chrono::milliseconds(3000);
  options.wrapLink = [&](int a, int b, std::unique_ptr<net::Link> link) {
    if (a == of && b == to)
      return std::unique_ptr<net::Link>(
          std::make_unique<Faulty>(std::move(link), kind, after));
    return link;
  };
  auto r = vm::runInProcess(
      plan, weightsOf(plan, {}),
      std::vector{core::NpyArray::of<int64_t>({100}, values(100, 4))}, options);
  return r ? "" : r.error().message;
}

} // namespace

TEST_CASE("without faults the plan runs", "[vm]") {
  CHECK(failureOf(-1, -1, Faulty::Kind::Dies, 0) == "");
}

TEST_CASE("a party that dies is named, with the round", "[vm]") {
  // Greeting 72, set-up 48, then rounds of 375 bytes and their headers.
  const std::string online = failureOf(2, 1, Faulty::Kind::Dies, 500);
  INFO(online);
  CHECK(online.find("round 2 ('/test/Node')") != std::string::npos);
  CHECK(online.find("party") == 0);

  const std::string offline = failureOf(0, 2, Faulty::Kind::Dies, 104);
  INFO(offline);
  CHECK(offline.find("offline phase") != std::string::npos);

  const std::string client = failureOf(3, 1, Faulty::Kind::Dies, 72);
  INFO(client);
  CHECK(client.find("inputs") != std::string::npos);

  const std::string owner = failureOf(4, 2, Faulty::Kind::Dies, 72);
  INFO(owner);
  CHECK(owner.find("deployment") != std::string::npos);
}

TEST_CASE("a wrong length is told with both numbers", "[vm]") {
  const std::string e = failureOf(2, 1, Faulty::Kind::LongerFrames, 500);
  INFO(e);
  CHECK(e.find("party 1: round 2 ('/test/Node'): party 2 sent 251 bytes, "
               "expected 250") != std::string::npos);
}

TEST_CASE("the client notices masked outputs that differ", "[vm]") {
  // P1's messages to the client: greeting, mask words 500, outputs.
  const std::string e = failureOf(1, 3, Faulty::Kind::FlipsPayload, 72 + 516);
  INFO(e);
  CHECK(e.find("output 'y0': parties 1 and 2 sent different masked values") !=
        std::string::npos);
}

TEST_CASE("inputs that do not fit are refused before anything is sent",
          "[vm]") {
  const plan::Plan plan = squares().done();
  auto few = vm::runInProcess(plan, weightsOf(plan, {}), {});
  REQUIRE_FALSE(few);
  CHECK(few.error().message == "0 inputs given, the plan has 1");
  auto shape = vm::runInProcess(
      plan, weightsOf(plan, {}),
      std::vector{core::NpyArray::of<int64_t>({2}, Ints{1, 2})});
  REQUIRE_FALSE(shape);
  CHECK(shape.error().message.find("'x0'") != std::string::npos);
}

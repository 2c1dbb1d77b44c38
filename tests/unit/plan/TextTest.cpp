#include "SamplePlan.h"

#include <catch2/catch.hpp>
#include <random>

using namespace mpc;
using namespace mpc::plan;

namespace {

std::string assembleError(const std::string &text) {
  Result<Plan> p = Plan::assemble(text, "a.txt");
  return p ? "" : p.error().message;
}

} // namespace

TEST_CASE("disassemble is the inverse of assemble", "[plan]") {
  Plan p = sample::make();
  std::string text = p.disassemble();
  CHECK(text == sample::kText);
  Result<Plan> q = Plan::assemble(text, "sample");
  REQUIRE(q);
  CHECK(*q == p);
  CHECK(p.name == "sample \"plan\"\\");
  CHECK(p.locations[2] == "/it's");
  CHECK(p.consts[1].data[6] == INT64_MAX);
  CHECK(p.consts[1].data[7] == INT64_MIN);

  Plan open = sample::make(sample::kPublicText);
  CHECK(open.disassemble() == sample::kPublicText);
  CHECK(open.consts[1].session);
  CHECK(open.open.code[49].type.hi == 1);
}

TEST_CASE("any name and number survives the text", "[plan]") {
  Plan p;
  p.name = "\n\t\x01 \xc3\xa9 'q' \"d\" \\x41";
  p.locations = {"", "a b ; '\\", std::string("nul\0inside", 10)};
  p.inputs = {{"in", core::DType::F64, {}, 60, -3, -0.1, 1e300 / 1e299},
              {"zero", core::DType::F32, {0, 3}, 1, -4, -0.25, 0.1}};
  p.outputs = {{"o", core::DType::F16, {2}, 7, 100}};
  p.publicOutputs = {{0, {0.1, -1e-310}}};
  p.consts = {{{}, {-1}}, {{0, 5}, {}}};
  REQUIRE(verify(p));
  Result<Plan> q = Plan::assemble(p.disassemble(), "t");
  REQUIRE(q);
  CHECK(*q == p);
}

TEST_CASE("comments and empty lines are skipped", "[plan]") {
  Result<Plan> p = Plan::assemble("# made by hand\n\nplan \"a\" version 2\n"
                                  "   # nothing\n",
                                  "t");
  REQUIRE(p);
  CHECK(p->name == "a");
}

TEST_CASE("errors in the text name line and column", "[plan]") {
  CHECK(assembleError("") == "a.txt:1:1: error: expected 'plan'");
  CHECK(assembleError("plan \"x\" version 3\n") ==
        "a.txt:1:19: error: plan version 3, this program reads version 2");
  std::string head = "plan \"x\" version 2\n";
  CHECK(assembleError(head + "frobnicate\n") ==
        "a.txt:2:1: error: unknown instruction or table 'frobnicate'");
  CHECK(assembleError(head + "%0 = frob %1 : masked<1,0,1>[]\n") ==
        "a.txt:2:11: error: unknown instruction 'frob'");
  CHECK(assembleError(head + "weight \"w\" [2x] ring 8 frac 0\n") ==
        "a.txt:2:15: error: expected a number");
  CHECK(assembleError(head + "weight \"w\" [2] ring 999 frac 0\n") ==
        "a.txt:2:21: error: number is out of range");
  CHECK(assembleError(head + "const c1 [1] = 0\n").find("c0 is next") !=
        std::string::npos);
  CHECK(assembleError(head + "flush ; '/nowhere'\n").find("is not in the") !=
        std::string::npos);
  CHECK(assembleError(head + "%0 = flush\n").find("has no result") !=
        std::string::npos);
  CHECK(assembleError(head + "flush\n") ==
        "a.txt:2: error: 'flush' ends no exchange");
  CHECK(assembleError(head + "bound \"b\" bool[] sha256 12\n")
            .find("64 hexadecimal digits") != std::string::npos);
  // A complaint of the verifier names the line.
  CHECK(assembleError(sample::edited("%6 = neg %5", "%6 = neg %7")) ==
        "a.txt:27: error: 'neg' reads %7 before it is written");
}

TEST_CASE("mutated text is rejected or assembled", "[plan]") {
  std::string text = sample::kText;
  std::mt19937 rng(2);
  for (int i = 0; i < 1500; ++i) {
    std::string t = text;
    size_t at = rng() % t.size();
    if (i % 3 == 0)
      t.erase(at, 1 + rng() % 5);
    else
      t[at] = static_cast<char>(rng() % 96 + 32);
    Result<Plan> p = Plan::assemble(t, "t");
    if (p)
      REQUIRE(verify(*p));
    else
      REQUIRE(p.error().message.substr(0, 2) == "t:");
  }
}

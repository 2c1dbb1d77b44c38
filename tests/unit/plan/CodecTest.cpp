#include "SamplePlan.h"
#include "runtime/plan/PlanCheck.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <set>

using namespace mpc;
using namespace mpc::plan;

namespace {

/// Length and checksum made right again, so that the decoder looks inside.
void reseal(std::vector<uint8_t> &bytes) {
  uint64_t total = bytes.size();
  for (unsigned i = 0; i < 8; ++i)
    bytes[12 + i] = static_cast<uint8_t>(total >> (8 * i));
  core::Digest d =
      core::sha256(std::span(bytes).first(bytes.size() - sizeof(core::Digest)));
  std::copy(d.begin(), d.end(), bytes.end() - sizeof(core::Digest));
}

} // namespace

TEST_CASE("every op has a row, a sample and one opcode", "[plan]") {
  Plan p = sample::make();
  std::set<PlanOp> used;
  for (const Instr &in : p.code)
    used.insert(in.op);
  std::set<std::string_view> mnemonics;
  for (const PlanOpInfo &op : allPlanOps()) {
    INFO(op.mnemonic);
    CHECK(used.count(op.op) == 1);
    CHECK(mnemonics.insert(op.mnemonic).second);
    CHECK(findPlanOp(op.mnemonic) == &op);
    CHECK(findPlanOp(static_cast<uint8_t>(op.op)) == &op);
    CHECK(&info(op.op) == &op);
    CHECK_FALSE(op.doc.empty());
  }
  CHECK(findPlanOp(uint8_t{0xff}) == nullptr);
  CHECK(findPlanOp("no_such_op") == nullptr);
  CHECK(info(PlanOp::MatMulConst).imms ==
        std::vector<std::string_view>{"c:const", "side", "batch", "m", "k", "n",
                                      "strideA", "strideB"});
  CHECK(immName("c:const") == "const");
  CHECK(immName("axes*") == "axes");
}

TEST_CASE("every public op has a row, a sample and one opcode", "[plan]") {
  std::set<PublicOp> used;
  for (const PublicInstr &in : sample::make(sample::kPublicText).open.code)
    used.insert(in.op);
  std::set<std::string_view> mnemonics;
  for (const PublicOpInfo &op : allPublicOps()) {
    INFO(op.mnemonic);
    CHECK(used.count(op.op) == 1);
    CHECK(mnemonics.insert(op.mnemonic).second);
    CHECK(findPublicOp(op.mnemonic) == &op);
    CHECK(findPublicOp(static_cast<uint8_t>(op.op)) == &op);
    CHECK(&info(op.op) == &op);
  }
  CHECK(findPublicOp(uint8_t{0xff}) == nullptr);
  CHECK(findPublicOp("no_such_op") == nullptr);
}

TEST_CASE("decode is the inverse of encode", "[plan]") {
  for (const char *text : {sample::kText, sample::kPublicText}) {
    Plan p = sample::make(text);
    std::vector<uint8_t> bytes = p.encode();
    Result<Plan> q = Plan::decode(bytes);
    REQUIRE(q);
    CHECK(*q == p);
    CHECK(q->encode() == bytes);
    CHECK(q->hash() == core::sha256(bytes));
  }
}

TEST_CASE("the smallest plan", "[plan]") {
  Plan p;
  p.locations = {""};
  REQUIRE(verify(p));
  Result<Plan> q = Plan::decode(p.encode());
  REQUIRE(q);
  CHECK(*q == p);
  CHECK(lastUses(p).empty());
}

TEST_CASE("every truncated prefix is rejected, with its byte", "[plan]") {
  const char *text = GENERATE(sample::kText, sample::kPublicText);
  std::vector<uint8_t> bytes = sample::make(text).encode();
  for (size_t n = 0; n < bytes.size(); ++n) {
    Result<Plan> q = Plan::decode(std::span(bytes).first(n));
    REQUIRE_FALSE(q);
    CHECK(q.error().message.substr(0, 7) == "byte 0x");
  }
  // The same with length and checksum repaired: the sections end early.
  for (size_t n = 20; n + 32 < bytes.size(); ++n) {
    std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + long(n));
    cut.resize(n + 32);
    reseal(cut);
    Result<Plan> q = Plan::decode(cut);
    REQUIRE_FALSE(q);
    CHECK(q.error().message.substr(0, 7) == "byte 0x");
  }
  bytes.push_back(0);
  CHECK_FALSE(Plan::decode(bytes));
  CHECK(Plan::decode({}).error().message ==
        "byte 0x0: ends early: 8 bytes wanted, 0 left");
}

TEST_CASE("damage is named", "[plan]") {
  std::vector<uint8_t> bytes = sample::make().encode();
  std::vector<uint8_t> b = bytes;
  b[0] = 'X';
  CHECK(Plan::decode(b).error().message ==
        "byte 0x0: not a plan: it does not start with MPCCPLAN");
  b = bytes;
  b[8] = 9;
  CHECK(Plan::decode(b).error().message ==
        "byte 0x8: plan version 9, this program reads version 2");
  b = bytes;
  b[40] ^= 1;
  CHECK(Plan::decode(b).error().message.find("wrong checksum") !=
        std::string::npos);
}

TEST_CASE("mutated plans are rejected or verified", "[plan]") {
  const char *text = GENERATE(sample::kText, sample::kPublicText);
  std::vector<uint8_t> bytes = sample::make(text).encode();
  std::mt19937 rng(1);
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::vector<uint8_t> b = bytes;
    for (unsigned n = 1 + rng() % 3; n > 0; --n) {
      size_t at = 20 + rng() % (b.size() - 52);
      switch (rng() % 4) {
      case 0:
        b[at] = static_cast<uint8_t>(rng());
        break;
      case 1:
        b[at] ^= static_cast<uint8_t>(1u << rng() % 8);
        break;
      case 2:
        b.erase(b.begin() + long(at));
        break;
      default:
        b.insert(b.begin() + long(at), static_cast<uint8_t>(rng()));
      }
    }
    if (i % 10 != 0)
      reseal(b);
    Result<Plan> q = Plan::decode(b);
    if (!q) {
      REQUIRE(q.error().message.substr(0, 7) == "byte 0x");
      continue;
    }
    // One encoding for each plan: what was accepted is what would be written.
    ++accepted;
    REQUIRE(verify(*q));
    REQUIRE(q->encode() == b);
  }
  CHECK(accepted > 0);
  CHECK(accepted < 4000);
}

TEST_CASE("the verifier's complaint names the byte", "[plan]") {
  Plan p = sample::make();
  for (Instr &in : p.code)
    if (in.op == PlanOp::MatMul)
      in.in[0] = 9;
  Result<Plan> q = Plan::decode(p.encode());
  REQUIRE_FALSE(q);
  std::string message = q.error().message;
  size_t end = message.find(':');
  CHECK(message.substr(end) == ": 'matmul' reads %9 before it is written "
                               "(from '/fc1/Gemm')");
  size_t byte = std::stoul(message.substr(5, end - 5), nullptr, 16);
  CHECK(p.encode()[byte] == static_cast<uint8_t>(PlanOp::MatMul));
}

TEST_CASE("registers live until their last reader", "[plan]") {
  Plan p = sample::make();
  std::vector<uint32_t> last = lastUses(p);
  REQUIRE(last.size() == p.regs.size());
  CHECK(p.code[last[0]].op == PlanOp::AddConst);
  CHECK(p.code[last[3]].op == PlanOp::BitMul);
  CHECK(p.code[last[30]].op == PlanOp::OneHot); // read by none
}

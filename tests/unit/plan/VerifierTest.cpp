#include "SamplePlan.h"
#include "runtime/plan/PlanCheck.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::plan;

TEST_CASE("broken rules in the text of the sample", "[plan][verifier]") {
  struct Case {
    const char *from, *to, *message;
  };
  const Case kCases[] = {
      // 1: names
      {"\"ids\"", "\"x\"", "two are called 'x'"},
      {"bound \"mask\"", "bound \"x\"", "two are called 'x'"},
      {"weight \"table\"", "weight \"w\"", "two are called 'w'"},
      {"weight \"table\"", "weight \"\"", "has no name"},
      {"location '/fc1/Gemm'\n", "location '/fc1/Gemm'\nlocation '/fc1/Gemm'\n",
       "two are called '/fc1/Gemm'"},
      // 2: shapes, rings
      {"weight \"w\" [3x4]", "weight \"w\" [3x99999999999]", "2^36 elements"},
      {"weight \"w\" [3x4]", "weight \"w\" [3x-4]", "is negative"},
      {"weight \"w\" [3x4] ring 40", "weight \"w\" [3x4] ring 65",
       "ring 65 is not in 1..64"},
      {"masked<28,12,7>[2x4]", "masked<0,12,7>[2x4]", "ring 0"},
      // 3: registers
      {"masked<28,12,7>[2x4]", "masked<28,12,16>[2x4]", "exceed ring 28"},
      {"%23 = bit_not %22 : bits<1,0,1>", "%23 = bit_not %22 : bits<2,0,1>",
       "a bit has ring 1"},
      // 4: inputs
      {"range [-4, 4]", "range [4, -4]", "is empty"},
      {"range [-4, 4]", "range [-inf, 4]", "not finite"},
      {"range [-4, 4]", "range [-4, 134217728]", "exceeds ring 40"},
      {"range [0, 7]", "range [0, 8]", "exceeds ring 3"},
      {"range [0, 7]", "range [-1, 7]", "exceeds ring 3"},
      {"ring 3 frac 0", "ring 3 frac 1", "which is exact"},
      // 5: constants
      {"const c0 [3]", "const c0 [4]", "constant c0: 3 numbers for shape 4"},
      {"public 2 = 7 -1", "public 2 = 7", "has 1 values"},
      {"public 2 = 7 -1", "public 3 = 7", "does not exist"},
      // 6: data flow
      {"%6 = neg %5", "%6 = neg %30", "reads %30 before it is written"},
      {"%6 = neg %5", "%6 = neg %99", "there are 39 registers"},
      {"const=c0", "const=c9", "constant c9 does not exist"},
      {"%4 = add %3, %3", "%4 = add %3", "takes 2 operands, got 1"},
      // 22: words
      {"words<14,12,1>[5x4]", "masked<14,12,1>[5x4]", "gives words"},
      {"ring 14 frac 12 words", "ring 14 frac 12", "gives masked"},
      {"select_words %35, %34", "select_words %35, %1",
       "takes %1 as words, got masked"},
      {"%36 = select_words %35, %34 : words<14,12,1>[2x4]",
       "%36 = select_words %35, %34 : words<14,12,1>[2x5]", "gives shape"},
      {"additive<20,12,1>[2x4]", "additive<13,12,0>[2x4]",
       "gives a ring of at least 14"},
      {"%37 = from_words %36", "%37 = drop %36", "got words"},
      // 7: rounds
      {"flush\noutput %3, index=0\n", "output %3, index=0\n",
       "reads %3 before the flush"},
      {"%31 = weight", "flush\n%31 = weight", "'flush' ends no exchange"},
      {"%31 = weight",
       "%39 = trunc %26, bits=0, rerandomize=0 : masked<8,0,1>[2x4]\n"
       "%31 = weight",
       "ends with 1 exchanges"},
      // 8: inputs and outputs
      {"%31 = weight",
       "%39 = input index=0 : masked<40,12,2>[2x3]\n%31 = "
       "weight",
       "loads input 0 a second time"},
      {"output %27, index=1", "output %3, index=0",
       "gives output 0 a second time"},
      {"output %3, index=0\n", "", "output 'y' is never given"},
      {"public 2 = 7 -1\n", "", "output 'size' is never given"},
      // 9: planes
      {"sign %21, %3, window=20, drop=4", "sign %21, %3, window=20, drop=3",
       "to be the 'digits' of %3"},
      {"sign %21, %3", "sign %21, %4", "to be the 'digits' of %4"},
      {"%23 = bit_not %22", "%23 = bit_not %21", "only 'sign' may"},
      // 10
      {"input index=1", "input index=2", "loads input 2, there are 2"},
      {"input index=1 : masked<3,0,3>[2]", "input index=1 : masked<4,0,3>[2]",
       "gives ring 3"},
      {"weight index=1", "weight index=-1", "loads weight -1"},
      {"output %27, index=1", "output %26, index=1", "as masked, got additive"},
      {"output %27, index=1", "output %27, index=7", "gives output 7"},
      // 11
      {"add %3, %3", "add %3, %0", "operands of one ring"},
      {"sub %4, %3 : masked<28,12,7>[2x4]", "sub %4, %3 : masked<28,12,7>[4]",
       "gives shape 2x4"},
      {"%18 = mul %17, %17", "%18 = mul %13, %13", "as masked, got additive"},
      {"%9 = mul_const %8, const=c0", "%9 = mul_const %8, const=c1",
       "do not broadcast"},
      // 12
      {"bits=1 :", "bits=28 :", "bits in [0,27], got 28"},
      // 13
      {"k=3, n=4", "k=4, n=4", "reads 8 elements of A, which has 6"},
      {"n=4, strideA=0, strideB=0", "n=5, strideA=0, strideB=0",
       "reads 15 elements of B"},
      {"m=2, k=3", "m=1, k=3", "gives 1 x [1,4]"},
      {"batch=1, m=2, k=3", "batch=-1, m=2, k=3", "batch in [0,"},
      {"batch=1, m=2, k=3", "batch=68719476736, m=2, k=3", "exceeds 2^36"},
      {"side=1", "side=2", "side in [0,1]"},
      // 14
      {"axes=[1]", "axes=[2]", "ascending axes"},
      {"axes=[1]", "axes=[1 1]", "ascending axes"},
      {"axes=[1]", "axes=[0]", "gives shape 4"},
      // 15
      {"%12 = drop %3 : masked<24", "%12 = drop %3 : masked<30",
       "at most ring 28"},
      {"to_additive %12 : additive<24", "to_additive %12 : masked<24",
       "gives additive"},
      // 16
      {"offset=0", "offset=1", "outside the 8 elements"},
      {"strides=[1 4]", "strides=[-1 4]", "outside the 8 elements"},
      {"strides=[1 4]", "strides=[9223372036854775807 4]", "outside"},
      {"strides=[1 4]", "strides=[1]", "one stride a dimension"},
      {"axis=0", "axis=2", "takes an axis"},
      {"axis=0", "axis=1", "joins %3"},
      {"const c2 [3] = 7 -1 0", "const c2 [3] = 8 -1 0", "index 8 (number 0)"},
      {"const c2 [3] = 7 -1 0", "const c2 [3] = 7 -2 0", "index -2"},
      // 17
      {"bits=12, rerandomize=0", "bits=40, rerandomize=0", "bits in [0,39]"},
      {"bits=12, rerandomize=0", "bits=11, rerandomize=0", "gives ring 29"},
      {"bits=12, rerandomize=0", "bits=12, rerandomize=2", "rerandomize in"},
      {"%17 = extend %3 : masked<40", "%17 = extend %3 : masked<28",
       "a larger ring"},
      {"rerandomize=0 : masked<28,12,6>", "rerandomize=0 : masked<28,12,15>",
       "no spare bit"},
      // 18
      {"window=20, depth=2", "window=29, depth=2", "window in [1,28]"},
      {"degree=1", "degree=2", "takes 12 coefficients"},
      {"degree=1", "degree=8", "degree in [0,7]"},
      {"window=20, depth=2", "window=20, depth=21", "depth in [0,12]"},
      {"payloadFrac=8", "payloadFrac=0", "payloadFrac in [1,31]"},
      {"depth=2, inFrac=12", "depth=0, inFrac=12", "depth in [1,10]"},
      {"depth=2, inFrac=12", "depth=2, inFrac=6", "exceeds 62 bits"},
      {"window=20, step=1", "window=29, step=1", "window in [2,28]"},
      {"window=20, step=1", "window=20, step=0", "step in [1,1048575]"},
      {"resultFrac=24", "resultFrac=63", "resultFrac in [0,62]"},
      {"resultFrac=24", "resultFrac=23", "harmonic 1 of 12 and 12"},
      {"resultFrac=24", "resultFrac=60", "ring 36"},
      {"-274877906944 10 10", "-274877906944 10 47", "harmonic 2 of 10 and 47"},
      {"fourier %3, coeffs=c4", "fourier %3, coeffs=c0", "c0 has 3 numbers"},
      {"slope=2048", "slope=128", "7 trailing zeros"},
      {"fourier %3", "fourier %13", "as masked, got additive"},
      // 19
      {"digits %3, window=20, drop=4", "digits %3, window=26, drop=4",
       "within ring 28"},
      {"digits %3, window=20, drop=4, digit=5",
       "digits %3, window=20, drop=4, digit=2", "at most 8"},
      {"[7x2x4]", "[6x2x4]", "gives shape 7x2x4"},
      // 20
      {"bit_xor %23, %24", "bit_xor %23, %3", "as bits, got masked"},
      {"bit_mul %25, %3", "bit_mul %25, %0", "operands of one shape"},
      {"from_bits %25 : additive", "from_bits %25 : masked", "gives additive"},
      // 21
      {"window=3, rows=5", "window=3, rows=9", "rows in [1,8]"},
      {"window=3, rows=5", "window=4, rows=5", "window in [0,3]"},
      {"[2x5]", "[5x2]", "gives shape 2x5"},
      // 23
      {"lo=-134217728", "lo=134217729", "lo <= hi, got 134217729"},
      {"lo=-131072", "lo=131072", "lo <= hi, got 131072"},
      {"range %2", "range %22", "masked or additive, got bits"},
      {"in_range %3", "in_range %2", "as masked, got additive"},
      {"20 4 131072 7]", "20 4 131072]", "got 7 numbers"},
      {"[28 3 33554432 3 20 4 131072 7]", "[]", "1 to 32 links"},
      {"[28 3", "[29 3", "link 1 of 3 of 29 bits in ring 28"},
      {"20 4 131072 7]", "20 13 131072 7]", "link 2 of 13 of 20 bits"},
      {"20 4 131072 7]", "3 4 131072 7]", "link 2 of 4 of 3 bits"},
      {"20 4 131072 7]", "20 4 1048576 7]", "with shift 1048576"},
      {"20 4 131072 7]", "20 4 131072 16]", "accepted 16"},
      {"20 4 131072 7]", "20 4 131072 0]", "accepted 0"},
      {"7] : bits<1,0,1>[64]", "7] : bits<1,0,1>[63]", "gives shape 64"},
      {"guard %38", "guard %22", "bits of shape 64, got 2x4"},
      {"guard %38", "guard %38\nguard %38", "is the second one"},
  };
  for (const Case &c : kCases) {
    INFO(c.from << " -> " << c.to);
    Result<Plan> p = Plan::assemble(sample::edited(c.from, c.to), "t");
    REQUIRE_FALSE(p);
    INFO(p.error().message);
    CHECK(p.error().message.find(c.message) != std::string::npos);
  }
}

TEST_CASE("rules the text cannot break", "[plan][verifier]") {
  auto message = [](auto edit) {
    Plan p = sample::make();
    edit(p);
    Status s = verify(p);
    return s ? std::string() : s.error().message;
  };
  CHECK(message([](Plan &) {}).empty());
  CHECK(message([](Plan &p) { p.locations.clear(); }) ==
        "location 0: location 0 must be the empty name");
  CHECK(message([](Plan &p) { p.code[0].loc = 9; }) ==
        "instruction 0: 'input' is at location 9, there are 3");
  CHECK(message([](Plan &p) { p.code[0].imm.clear(); }) ==
        "instruction 0: 'input' takes 1 immediates, got 0 (from '/fc1/Gemm')");
  CHECK(message([](Plan &p) {
          p.code[0].imm[0].push_back(1);
        }).find("is one number, got 2") != std::string::npos);
  CHECK(message([](Plan &p) { p.code[0].out = 99; }).find("writes %99") !=
        std::string::npos);
  CHECK(message([](Plan &p) {
          p.code[4].out = 1;
        }).find("'flush' has no result, writes %1") != std::string::npos);
  CHECK(message([](Plan &p) {
          p.regs.push_back({});
        }).find("register %39 is never written") != std::string::npos);
  CHECK(message([](Plan &p) {
          p.code.push_back(p.code.back());
        }).find("writes %31 a second time") != std::string::npos);
  CHECK(message([](Plan &p) {
          p.code[0].op = static_cast<PlanOp>(0xee);
        }).find("unknown opcode") != std::string::npos);
  CHECK(message([](Plan &p) {
          p.regs[0].form = static_cast<Form>(7);
        }).find("unknown form") != std::string::npos);
  CHECK(message([](Plan &p) {
          p.regs[5].shape.assign(17, 1);
        }).find("rank 17 exceeds 16") != std::string::npos);
}

TEST_CASE("broken rules in the public section", "[plan][verifier]") {
  struct Case {
    const char *from, *to, *message;
  };
  const Case kCases[] = {
      // 1, 5
      {"public_input \"on\"", "public_input \"x\"", "two are called 'x'"},
      {"const c2 [2x3] = session", "const c2 [2x3] = 1 2 3 4 5 6",
       "public 'let' is of c2, which has its numbers already"},
      // 24: inputs
      {"int64[2x3] range [0, 1]", "int64[2x3] range [1, 0]", "is empty"},
      {"int64[2x3] range [0, 1]", "int64[2x3] range [nan, 1]", "is empty"},
      // 25: operands and types
      {"$13 = neg $1", "$13 = neg $13",
       "reads $13, which is no earlier result"},
      {"$51 = reduce_sum $1", "$51 = reduce_sum $50", "no earlier result"},
      {"$13 = neg $1", "$13 = neg $1, $1", "takes 1 operands, got 2"},
      {"$13 = neg $1 : f32[2x3]", "$13 = neg $2 : bool[3]",
       "does not take $2 of type bool"},
      {"$13 = neg $1 : f32[2x3]", "$13 = neg $1 : f32[3x2]", "gives shape 2x3"},
      {"$13 = neg $1 : f32[2x3]", "$13 = neg $1 : i64[2x3]", "gives f32"},
      {"$17 = not $2", "$17 = not $3", "does not take $3 of type i64"},
      {"$21 = exp $1 : f32[2x3]", "$21 = exp $0 : i64[2x3]", "does not take"},
      {"$32 = add $1, $8", "$32 = add $1, $3", "operands of one type"},
      {"$32 = add $1, $8 : f32[2x3]", "$32 = add $1, $6 : f32[2x3]",
       "do not broadcast"},
      {"$41 = less $1, $8 : bool[2x3]", "$41 = less $1, $8 : f32[2x3]",
       "gives bool"},
      {"$44 = and $41, $2", "$44 = and $0, $3", "does not take $0"},
      {"select $46, $1, $5", "select $0, $1, $5", "does not take $0"},
      {"input index=2", "input index=3", "is of input 3, there are 3"},
      {"$0 = input index=0 : i64[2x3]", "$0 = input index=0 : f32[2x3]",
       "gives i64"},
      {"values=[1 0 -1] : i64[3]", "values=[1 0] : i64[3]", "has 2 numbers"},
      {"values=[1 0 1] : bool[3]", "values=[1 0 2] : bool[3]",
       "holds a bool that is 2"},
      {"values=[1 0 -1] : i64[3]", "values=[1 0 -1] : f32[3]",
       "that is 'real'"},
      {"values=[0.5 -1.5 inf] : f32[3]", "values=[0.5] : f32[3]",
       "has 1 numbers"},
      {"strides=[1 3]", "strides=[1 9]", "reads outside the 6 elements"},
      {"strides=[1 3]", "strides=[1]", "one stride a dimension"},
      {"concat $0, $0, axis=0", "concat $0, $0, axis=1", "joins $0"},
      {"indices=[5 -1 0]", "indices=[6 -1 0]", "index 6 of 6"},
      {"gather $1, $9, axis=1", "gather $1, $9, axis=2", "takes an axis"},
      {"gather $1, $9, axis=1", "gather $1, $8, axis=1", "does not take $8"},
      {"outer=2, rows=3", "outer=3, rows=3", "gives 3 x 3 x 1 indices"},
      {"outer=2, rows=3", "outer=2, rows=-1", "sizes in [0, 2^36]"},
      {"axes=[1] : f32[2]\n", "axes=[2] : f32[2]\n", "ascending axes"},
      {"axes=[1] : f32[2]\n", "axes=[1] : f32[3]\n", "gives shape 2"},
      {"softmax $1, $4, $46, axis=1", "softmax $1, $4, $0, axis=1",
       "does not take $0"},
      {"matmul $1, $6 : f32[2x2]", "matmul $1, $1 : f32[2x2]",
       "do not multiply"},
      {"; '/Positions'", "; '/Nowhere'", "is not in the table"},
      // 26: encode
      {"in [0, 1]", "in [1, 0]", "empty or beyond 62 bits"},
      {"in [0, 1]", "in [0, inf]", "empty or beyond 62 bits"},
      {"encode $48, frac=12", "encode $48, frac=62", "beyond 62 bits"},
      {"encode $48, frac=12", "encode $48, frac=999", "takes frac"},
      // 27: let and give
      {"let $12, const=c1\n", "", "session constant c1 is never let"},
      {"let $12, const=c1", "let $12, const=c0", "lets c0 a second time"},
      {"let $12, const=c1", "let $12, const=c7", "is of constant 7"},
      {"let $12, const=c1", "let $3, const=c1", "gives 3 numbers to c1"},
      {"let $12, const=c1", "let $1, const=c1", "does not take $1"},
      {"give $55, index=1\n", "", "output 'kept' is never given"},
      {"give $55, index=1", "give $55, index=1\ngive $55, index=1",
       "gives output 1 a second time"},
      {"give $55, index=1", "give $8, index=1", "it has shape 2x3"},
  };
  for (const Case &c : kCases) {
    INFO(c.from << " -> " << c.to);
    std::string text = sample::kPublicText;
    const size_t at = text.find(c.from);
    REQUIRE(at != std::string::npos);
    text.replace(at, std::string(c.from).size(), c.to);
    // Later instructions keep their numbers where a line goes.
    Result<Plan> p = Plan::assemble(text, "s");
    REQUIRE_FALSE(p);
    CHECK_THAT(p.error().message, Catch::Contains(c.message));
  }
}

TEST_CASE("tables of a plan do not take the session's coefficients",
          "[plan][verifier]") {
  Plan p = sample::make();
  p.consts[3] = {{4, 2}, {}, true};
  p.open.inputs.push_back({"i", core::DType::I64, {4, 2}, 0, 1});
  p.open.code.push_back(
      {PublicOp::Input, {PublicElem::I64, {4, 2}}, {}, {{0}}, 0});
  p.open.code.push_back({PublicOp::Let, {}, {0}, {{3}}, 0});
  Status s = verify(p);
  REQUIRE_FALSE(s);
  CHECK_THAT(s.error().message,
             Catch::Contains("coefficients that only the session knows"));
}

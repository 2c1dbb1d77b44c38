// Values that all parties compute when a session starts: each op against the
// float evaluator, and where they meet secrets.
#include "Harness.h"
#include "runtime/plan/PlanCost.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::testing;

namespace {

// a, b: public reals in [-4, 4]; p: positive; i: public indices; m: public
// mask; x: secret. The numbers are those of the values.
const std::string kInputs =
    "%0 = input {hi = 4.0, lo = -4.0, name = \"a\"} : f32[2x6] public\n"
    "%1 = input {hi = 4.0, lo = -4.0, name = \"b\"} : f32[6] public\n"
    "%2 = input {hi = 4.0, lo = 0.125, name = \"p\"} : f32[2x6] public\n"
    "%3 = input {hi = 1.0, lo = 0.0, name = \"m\"} : i64[2x6] public\n"
    "%4 = input {hi = 5.0, lo = -6.0, name = \"i\"} : i64[4] public\n"
    "%5 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2x6] secret\n"
    "%6 = tensor.cast %3 : bool[2x6] public\n";

struct Row {
  const char *name;
  double bound;
  const char *body; ///< the last value is %9
};

/// A float of magnitude up to 64 and its last place.
constexpr double kUlp = 4e-6;

const Row kOpen[] = {
    {"neg", 0, "%9 = tensor.neg %0 : f32[2x6] public"},
    {"abs", 0, "%9 = tensor.abs %4 : i64[4] public"},
    {"sign", 0, "%9 = tensor.sign %0 : f32[2x6] public"},
    {"relu", 0, "%9 = tensor.relu %0 : f32[2x6] public"},
    {"not", 0, "%9 = tensor.not %6 : bool[2x6] public"},
    {"floor", 0, "%9 = tensor.floor %0 : f32[2x6] public"},
    {"ceil", 0, "%9 = tensor.ceil %0 : f32[2x6] public"},
    {"round", 0, "%9 = tensor.round %0 : f32[2x6] public"},
    {"exp", kUlp, "%9 = tensor.exp %0 : f32[2x6] public"},
    {"log", kUlp, "%9 = tensor.log %2 : f32[2x6] public"},
    {"sqrt", 0, "%9 = tensor.sqrt %2 : f32[2x6] public"},
    {"rsqrt", 0, "%9 = tensor.rsqrt %2 : f32[2x6] public"},
    {"recip", 0, "%9 = tensor.recip %2 : f32[2x6] public"},
    {"erf", kUlp, "%9 = tensor.erf %0 : f32[2x6] public"},
    {"tanh", kUlp, "%9 = tensor.tanh %0 : f32[2x6] public"},
    {"sigmoid", kUlp, "%9 = tensor.sigmoid %0 : f32[2x6] public"},
    {"sin", kUlp, "%9 = tensor.sin %0 : f32[2x6] public"},
    {"cos", kUlp, "%9 = tensor.cos %0 : f32[2x6] public"},
    {"atan", kUlp, "%9 = tensor.atan %0 : f32[2x6] public"},
    {"add", 0, "%9 = tensor.add %0, %1 : f32[2x6] public"},
    {"sub", 0, "%9 = tensor.sub %1, %0 : f32[2x6] public"},
    {"mul", 0, "%9 = tensor.mul %0, %1 : f32[2x6] public"},
    {"div", 0, "%9 = tensor.div %1, %2 : f32[2x6] public"},
    {"integer div", 0,
     "%8 = constant {value = dense<i64[] -4>} : i64[] public\n"
     "%9 = tensor.div %4, %8 : i64[4] public"},
    {"mod", 0, "%9 = tensor.mod %0, %2 : f32[2x6] public"},
    {"fmod", 0, "%9 = tensor.mod %0, %2 {fmod = 1} : f32[2x6] public"},
    {"integer mod", 0,
     "%8 = constant {value = dense<i64[] -4>} : i64[] public\n"
     "%9 = tensor.mod %4, %8 : i64[4] public"},
    {"pow", 256 * kUlp, "%9 = tensor.pow %2, %0 : f32[2x6] public"},
    {"max", 0, "%9 = tensor.max %0, %1 : f32[2x6] public"},
    {"min", 0, "%9 = tensor.min %0, %1 : f32[2x6] public"},
    {"less", 0, "%9 = tensor.less %0, %1 : bool[2x6] public"},
    {"less_equal", 0, "%9 = tensor.less_equal %0, %0 : bool[2x6] public"},
    {"equal", 0, "%9 = tensor.equal %6, %6 : bool[2x6] public"},
    {"and", 0,
     "%8 = tensor.less %0, %1 : bool[2x6] public\n"
     "%9 = tensor.and %6, %8 : bool[2x6] public"},
    {"or", 0,
     "%8 = tensor.less %0, %1 : bool[2x6] public\n"
     "%9 = tensor.or %6, %8 : bool[2x6] public"},
    {"xor", 0,
     "%8 = tensor.less %0, %1 : bool[2x6] public\n"
     "%9 = tensor.xor %6, %8 : bool[2x6] public"},
    {"select", 0, "%9 = tensor.select %6, %0, %1 : f32[2x6] public"},
    {"cast to i64", 0, "%9 = tensor.cast %0 : i64[2x6] public"},
    {"cast to f32", 0, "%9 = tensor.cast %4 : f32[4] public"},
    {"cast to bool", 0, "%9 = tensor.cast %4 : bool[4] public"},
    {"reduce_sum", 0,
     "%9 = tensor.reduce_sum %0 {axes = [1], keepdims = 1} : f32[2x1] public"},
    {"reduce_max", 0,
     "%9 = tensor.reduce_max %0 {axes = [0], keepdims = 0} : f32[6] public"},
    {"reduce_min", 0,
     "%9 = tensor.reduce_min %4 {axes = [0], keepdims = 0} : i64[] public"},
    {"reduce_prod", 0,
     "%9 = tensor.reduce_prod %4 {axes = [0], keepdims = 0} : i64[] public"},
    {"softmax", kUlp, "%9 = tensor.softmax %0 {axis = 1} : f32[2x6] public"},
    {"softmax of a column", kUlp,
     "%9 = tensor.softmax %0, %6 {axis = 0} : f32[2x6] public"},
    {"matmul", 0,
     "%8 = transpose %0 {perm = [1, 0]} : f32[6x2] public\n"
     "%9 = tensor.matmul %2, %8 : f32[2x2] public"},
    {"integer matmul", 0,
     "%8 = transpose %3 {perm = [1, 0]} : i64[6x2] public\n"
     "%9 = tensor.matmul %3, %8 : i64[2x2] public"},
    {"gather", 0, "%9 = tensor.gather %0, %4 {axis = 1} : f32[2x4] public"},
    {"reshape", 0, "%9 = reshape %0 : f32[3x4] public"},
    {"slice", 0,
     "%9 = slice %0 {starts = [1, 5], steps = [1, -2]} : f32[1x3] public"},
    {"concat", 0, "%9 = concat %0, %2 {axis = 1} : f32[2x12] public"},
    {"broadcast", 0, "%9 = broadcast %1 : f32[3x6] public"},
    {"pad", 0, "%9 = pad %0 {before = [0, 1]} : f32[3x8] public"},
    {"take", 0,
     "%9 = take %0 {indices = dense<i64[3] [11, -1, 0]>} : f32[3] public"},
};

std::string withOutput(const char *body) {
  const std::string text = std::string(body);
  const size_t at = text.rfind("%9 = ");
  const size_t colon = text.find(" : ", at) + 3;
  const std::string elem = text.substr(colon, text.find('[', colon) - colon);
  return kInputs + text + "\nreturn %9 as \"o\" : " + elem;
}

// Where a public value meets a secret one.
const Row kMeets[] = {
    {"factor", 5e-4, "%9 = tensor.mul %5, %0 : f32[2x6] secret"},
    {"mask as a factor", 4e-5,
     "%8 = tensor.cast %3 : f32[2x6] public\n"
     "%9 = tensor.mul %8, %5 : f32[2x6] secret"},
    {"summand", 1e-4, "%9 = tensor.add %1, %5 : f32[2x6] secret"},
    {"minuend", 1e-4, "%9 = tensor.sub %1, %5 : f32[2x6] secret"},
    {"subtrahend", 1e-4, "%9 = tensor.sub %5, %0 : f32[2x6] secret"},
    {"divisor", 2e-3, "%9 = tensor.div %5, %2 : f32[2x6] secret"},
    {"integers added", 4e-5,
     "%8 = tensor.cast %3 : f32[2x6] public\n"
     "%9 = tensor.add %8, %5 : f32[2x6] secret"},
    {"condition", 1e-4, "%9 = tensor.select %6, %5, %1 : f32[2x6] secret"},
    {"condition of a fill", 1e-4,
     "%8 = constant {value = dense<f32[] 2.5>} : f32[] public\n"
     "%9 = tensor.select %6, %8, %5 : f32[2x6] secret"},
    {"left factor of a product", 2e-3,
     "%8 = transpose %5 {perm = [1, 0]} : f32[6x2] secret\n"
     "%9 = tensor.matmul %0, %8 : f32[2x2] secret"},
    {"right factor of a product", 2e-3,
     "%8 = transpose %0 {perm = [1, 0]} : f32[6x2] public\n"
     "%9 = tensor.matmul %5, %8 : f32[2x2] secret"},
    {"batch of products", 2e-3,
     "%10 = reshape %5 : f32[2x2x3] secret\n"
     "%11 = reshape %0 : f32[1x3x4] public\n"
     "%9 = tensor.matmul %10, %11 : f32[2x2x4] secret"},
    {"index into a secret", 4e-5,
     "%9 = tensor.gather %5, %4 {axis = 1} : f32[2x4] secret"},
    {"index into a weight", 4e-5,
     "%8 = constant {name = \"w\", value = dense<f32[6x2] 0.375>} : f32[6x2] "
     "weight\n"
     "%9 = tensor.gather %8, %4 {axis = 0} : f32[4x2] weight"},
    {"joined", 4e-5, "%9 = concat %0, %5 {axis = 0} : f32[4x6] secret"},
    {"compared", 4e-5,
     "%8 = tensor.less %5, %0 : bool[2x6] secret\n"
     "%9 = tensor.select %8, %5, %0 : f32[2x6] secret"},
    {"maximum", 4e-5, "%9 = tensor.max %5, %0 : f32[2x6] secret"},
    {"and of bits", 4e-5,
     "%7 = tensor.less %5, %0 : bool[2x6] secret\n"
     "%8 = tensor.and %7, %6 : bool[2x6] secret\n"
     "%9 = tensor.cast %8 : f32[2x6] secret"},
    {"or of bits", 4e-5,
     "%7 = tensor.less %5, %0 : bool[2x6] secret\n"
     "%8 = tensor.or %6, %7 : bool[2x6] secret\n"
     "%9 = tensor.cast %8 : f32[2x6] secret"},
    {"xor of bits", 4e-5,
     "%7 = tensor.less %5, %0 : bool[2x6] secret\n"
     "%8 = tensor.xor %7, %6 : bool[2x6] secret\n"
     "%9 = tensor.cast %8 : f32[2x6] secret"},
    {"mask of a softmax", 2e-3,
     "%8 = tensor.softmax %5, %6 {axis = 1} : f32[2x6] secret\n"
     "%9 = tensor.mul %8, %8 : f32[2x6] secret"},
    {"fill of a softmax", 2e-3,
     "%7 = constant {value = dense<f32[] -1e9>} : f32[] public\n"
     "%8 = constant {value = dense<f32[] 0.0>} : f32[] public\n"
     "%10 = tensor.select %6, %8, %7 : f32[2x6] public\n"
     "%11 = tensor.add %5, %10 : f32[2x6] secret\n"
     "%9 = tensor.softmax %11 {axis = 1} : f32[2x6] secret"},
    {"table of a secret index", 4e-4,
     "%7 = input {hi = 1.0, lo = 0.0, name = \"s\"} : i64[3] secret\n"
     "%9 = tensor.gather %0, %7 {axis = 0} : f32[3x6] secret"},
};

} // namespace

TEST_CASE("ops of public inputs equal the float evaluator", "[public]") {
  for (const Row &row : kOpen) {
    INFO(row.name);
    const std::string body = withOutput(row.body);
    Compiled c = compile(body);
    REQUIRE(c.error == "");
    CHECK(plan::totalCost(c.plan).rounds == 0);
    Answers a = run(body);
    REQUIRE(a.error == "");
    CHECK(a.worst() <= row.bound);
  }
}

TEST_CASE("public values meet secret ones", "[public]") {
  for (const Row &row : kMeets) {
    INFO(row.name);
    std::string body = withOutput(row.body);
    for (uint64_t seed : {1, 2}) {
      passes::Options options; // bounds are those of 14 fraction bits
      options.uniform = true;
      Answers a = run(body, options, seed);
      REQUIRE(a.error == "");
      CHECK(a.worst() <= row.bound);
      INFO(a.firstOutOfRange);
      CHECK(a.outOfRange == 0);
    }
  }
}

TEST_CASE("a mask known to all costs no exchange", "[public]") {
  const std::string body =
      withOutput("%8 = tensor.cast %3 : f32[2x6] public\n"
                 "%9 = tensor.mul %8, %5 : f32[2x6] secret");
  const plan::PlanCost c = plan::totalCost(compile(body).plan);
  CHECK(c.rounds == 0);
  CHECK(c.p0ToP1 + c.p0ToP2 == 0);
}

TEST_CASE("a public value without bounds cannot meet a secret one",
          "[public]") {
  Answers a =
      run(kInputs + "%7 = constant {value = dense<f32[] inf>} : f32[] public\n"
                    "%8 = tensor.select %6, %0, %7 : f32[2x6] public "
                    "loc(\"/mask\")\n"
                    "%9 = tensor.add %5, %8 : f32[2x6] secret loc(\"/add\")\n"
                    "return %9 as \"o\" : f32");
  CHECK_THAT(a.error, Catch::Contains("node '/add'"));
  CHECK_THAT(a.error, Catch::Contains("no finite range"));
}

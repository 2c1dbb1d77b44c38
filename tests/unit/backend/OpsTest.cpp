// Every op that a secret value may meet, from text to plan to emulator, against
// the float evaluator.
#include "Harness.h"

#include <catch2/catch.hpp>

using namespace mpc;
using namespace mpc::testing;

namespace {

struct Row {
  const char *name;
  double bound; ///< absolute; a value of magnitude 1..8 has 15 fraction bits
  const char *body;
};

// x, y: reals in [-4, 4]; r: positive; i: indices; w: weight; c: public.
#define X "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2x6] secret\n"
#define XY                                                                     \
  X "%1 = input {hi = 4.0, lo = -4.0, name = \"y\"} : f32[2x6] secret\n"
#define OUT(n) "return %" #n " as \"o\" : f32"

const Row kRows[] = {
    {"identity", 4e-5, X OUT(0)},
    {"add", 8e-5, XY "%2 = tensor.add %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"add a public row", 8e-5,
     X "%1 = constant {value = dense<f32[6] [1.0, 2.0, 0.25, -1.0, 0.1, 3.0]>} "
       ": f32[6] public\n"
       "%2 = tensor.add %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"add broadcasts a secret", 8e-5,
     X "%1 = input {hi = 1.0, lo = -1.0, name = \"y\"} : f32[2x1] secret\n"
       "%2 = tensor.add %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"sub", 8e-5, XY "%2 = tensor.sub %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"constant minus secret", 8e-5,
     X "%1 = constant {value = dense<f32[] 1.5>} : f32[] public\n"
       "%2 = tensor.sub %1, %0 : f32[2x6] secret\n" OUT(2)},
    {"neg", 4e-5, X "%1 = tensor.neg %0 : f32[2x6] secret\n" OUT(1)},
    {"mul", 5e-4, XY "%2 = tensor.mul %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"square", 5e-4, X "%1 = tensor.mul %0, %0 : f32[2x6] secret\n" OUT(1)},
    {"mul broadcasts", 5e-4,
     X "%1 = input {hi = 4.0, lo = -4.0, name = \"y\"} : f32[6] secret\n"
       "%2 = tensor.mul %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"mul by a weight", 5e-4,
     X "%1 = constant {name = \"w\", value = dense<f32[6] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0]>} : f32[6] weight\n"
       "%2 = tensor.mul %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"mul by a public constant", 5e-4,
     X "%1 = constant {value = dense<f32[6] [1.0, 2.0, 0.25, -1.0, 0.1, 3.0]>} "
       ": f32[6] public\n"
       "%2 = tensor.mul %1, %0 : f32[2x6] secret\n" OUT(2)},
    {"mul by zero", 4e-5,
     X "%1 = constant {value = dense<f32[] 0.0>} : f32[] public\n"
       "%2 = tensor.mul %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"div by a public constant", 2e-4,
     X "%1 = constant {value = dense<f32[] 3.0>} : f32[] public\n"
       "%2 = tensor.div %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"div by a secret", 2e-3,
     X "%1 = input {hi = 4.0, lo = 0.5, name = \"y\"} : f32[2x1] secret\n"
       "%2 = tensor.div %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"pow 3", 2e-2,
     X "%1 = constant {value = dense<f32[] 3.0>} : f32[] public\n"
       "%2 = tensor.pow %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"matmul by a weight", 5e-4,
     X "%1 = constant {name = \"w\", value = dense<f32[6x2] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0, 0.5, 0.5, 1.0, -2.0, 0.3, 0.7]>} : f32[6x2] weight\n"
       "%2 = tensor.matmul %0, %1 : f32[2x2] secret\n" OUT(2)},
    {"matmul by a public matrix", 5e-4,
     X "%1 = constant {value = dense<f32[6x2] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0, 0.5, 0.5, 1.0, -2.0, 0.3, 0.7]>} : f32[6x2] public\n"
       "%2 = tensor.matmul %0, %1 : f32[2x2] secret\n" OUT(2)},
    {"public matrix on the left", 5e-4,
     X "%1 = constant {value = dense<f32[3x2] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0]>} : f32[3x2] public\n"
       "%2 = tensor.matmul %1, %0 : f32[3x6] secret\n" OUT(2)},
    {"matmul of secrets", 2e-3,
     XY "%2 = transpose %1 {perm = [1, 0]} : f32[6x2] secret\n"
        "%3 = tensor.matmul %0, %2 : f32[2x2] secret\n" OUT(3)},
    {"batched matmul", 2e-3,
     X "%1 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[3x2x4] secret\n"
       "%2 = input {hi = 2.0, lo = -2.0, name = \"z\"} : f32[3x4x2] secret\n"
       "%3 = tensor.matmul %1, %2 : f32[3x2x2] secret\n" OUT(3)},
    {"batched matmul, left broadcast", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[2x4] secret\n"
     "%1 = input {hi = 2.0, lo = -2.0, name = \"z\"} : f32[3x4x2] secret\n"
     "%2 = tensor.matmul %0, %1 : f32[3x2x2] secret\n" OUT(2)},
    {"batched matmul, right broadcast", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[3x2x4] secret\n"
     "%1 = input {hi = 2.0, lo = -2.0, name = \"z\"} : f32[4x2] secret\n"
     "%2 = tensor.matmul %0, %1 : f32[3x2x2] secret\n" OUT(2)},
    {"batched matmul, both partly broadcast", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[2x1x2x4] secret\n"
     "%1 = input {hi = 2.0, lo = -2.0, name = \"z\"} : f32[1x3x4x2] secret\n"
     "%2 = tensor.matmul %0, %1 : f32[2x3x2x2] secret\n" OUT(2)},
    {"batched matmul, heads share keys", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[2x3x2x4] secret\n"
     "%1 = input {hi = 2.0, lo = -2.0, name = \"z\"} : f32[2x1x4x2] secret\n"
     "%2 = tensor.matmul %0, %1 : f32[2x3x2x2] secret\n" OUT(2)},
    {"batched matmul by a public stack", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[2x2x2] secret\n"
     "%1 = constant {value = dense<f32[2x2x2] [1.0, 0.5, 2.0, 1.0, -1.0, 0.3, "
     "0.0, 1.0]>} : f32[2x2x2] public\n"
     "%2 = tensor.matmul %0, %1 : f32[2x2x2] secret\n" OUT(2)},
    {"public batch is partly broadcast", 2e-3,
     "%0 = input {hi = 2.0, lo = -2.0, name = \"y\"} : f32[2x3x2x2] secret\n"
     "%1 = constant {value = dense<f32[2x1x2x2] [1.0, 0.5, 2.0, 1.0, -1.0, "
     "0.3, 0.0, 1.0]>} : f32[2x1x2x2] public\n"
     "%2 = tensor.matmul %0, %1 : f32[2x3x2x2] secret\n" OUT(2)},
    {"softmax", 1e-3,
     X "%1 = tensor.softmax %0 {axis = 1} : f32[2x6] secret\n" OUT(1)},
    {"softmax, axis 0", 1e-3,
     X "%1 = tensor.softmax %0 {axis = 0} : f32[2x6] secret\n" OUT(1)},
    {"softmax of one lane", 1e-3,
     "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[3x1] secret\n"
     "%1 = tensor.softmax %0 {axis = 1} : f32[3x1] secret\n" OUT(1)},
    {"softmax, masked", 1e-3,
     X "%1 = constant {value = dense<bool[6] [true, false, true, true, false, "
       "true]>} : bool[6] public\n"
       "%2 = tensor.softmax %0, %1 {axis = 1} : f32[2x6] secret\n" OUT(2)},
    {"softmax, one lane attends", 1e-3,
     X "%1 = constant {value = dense<bool[6] [false, false, true, false, "
       "false, false]>} : bool[6] public\n"
       "%2 = tensor.softmax %0, %1 {axis = 1} : f32[2x6] secret\n" OUT(2)},
    {"softmax, additive mask", 1e-3,
     X "%1 = constant {value = dense<f32[2x6] [0.0, -3.4e38, 0.0, 0.0, "
       "-3.4e38, 0.0, -3.4e38, -3.4e38, -3.4e38, -3.4e38, -3.4e38, "
       "-3.4e38]>} : f32[2x6] public\n"
       "%2 = tensor.add %0, %1 : f32[2x6] secret\n"
       "%3 = tensor.softmax %2 {axis = 1} : f32[2x6] secret\n" OUT(3)},
    {"softmax of sure scores", 1e-3,
     "%0 = input {hi = 40.0, lo = -40.0, name = \"x\"} : f32[2x6] secret\n"
     "%1 = tensor.softmax %0 {axis = 1} : f32[2x6] secret\n" OUT(1)},
    {"gather a weight by a secret index", 1e-4,
     "%0 = input {hi = 4, lo = 0, name = \"i\"} : i64[3] secret\n"
     "%1 = constant {name = \"w\", value = dense<f32[5x2] [1.0, 2.0, 0.25, "
     "-1.0, 0.1, 3.0, 0.5, 0.5, 1.0, -2.0]>} : f32[5x2] weight\n"
     "%2 = tensor.gather %1, %0 {axis = 0} : f32[3x2] secret\n" OUT(2)},
    {"gather a public table by a secret index", 1e-4,
     "%0 = input {hi = 4, lo = 0, name = \"i\"} : i64[1x3] secret\n"
     "%1 = constant {value = dense<f32[5x2] [1.0, 2.0, 0.25, "
     "-1.0, 0.1, 3.0, 0.5, 0.5, 1.0, -2.0]>} : f32[5x2] public\n"
     "%2 = tensor.gather %1, %0 {axis = 0} : f32[1x3x2] secret\n" OUT(2)},
    {"gather a secret table by a secret index", 1e-3,
     "%0 = input {hi = 3, lo = 0, name = \"i\"} : i64[3] secret\n"
     "%1 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[4x2] secret\n"
     "%2 = tensor.gather %1, %0 {axis = 0} : f32[3x2] secret\n" OUT(2)},
    {"gather by a public index", 4e-5,
     X "%1 = constant {value = dense<i64[3] [-1, 0, 4]>} : i64[3] public\n"
       "%2 = tensor.gather %0, %1 {axis = 1} : f32[2x3] secret\n" OUT(2)},
    {"relu", 4e-5, X "%1 = tensor.relu %0 : f32[2x6] secret\n" OUT(1)},
    {"abs", 4e-5, X "%1 = tensor.abs %0 : f32[2x6] secret\n" OUT(1)},
    {"max", 8e-5, XY "%2 = tensor.max %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"min", 8e-5, XY "%2 = tensor.min %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"min with a constant", 8e-5,
     X "%1 = constant {value = dense<f32[] 1.5>} : f32[] public\n"
       "%2 = tensor.min %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"max with zero on the left", 8e-5,
     X "%1 = constant {value = dense<f32[] 0.0>} : f32[] public\n"
       "%2 = tensor.max %1, %0 : f32[2x6] secret\n" OUT(2)},
    {"less, as numbers", 0,
     XY "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
        "%3 = tensor.cast %2 : f32[2x6] secret\n" OUT(3)},
    {"less as a bool output", 0,
     XY "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
        "return %2 as \"o\" : bool"},
    {"less_equal and logic", 0,
     XY "%2 = tensor.less_equal %0, %1 : bool[2x6] secret\n"
        "%3 = constant {value = dense<f32[] 0.5>} : f32[] public\n"
        "%4 = tensor.less %0, %3 : bool[2x6] secret\n"
        "%5 = tensor.and %2, %4 : bool[2x6] secret\n"
        "%6 = tensor.xor %5, %2 : bool[2x6] secret\n"
        "%7 = tensor.or %6, %4 : bool[2x6] secret\n"
        "%8 = tensor.not %7 : bool[2x6] secret\n"
        "%9 = tensor.cast %8 : f32[2x6] secret\n"
        "%10 = tensor.cast %6 : f32[2x6] secret\n"
        "return %9 as \"o\" : f32, %10 as \"p\" : f32"},
    {"equal of indices", 0,
     "%0 = input {hi = 4, lo = 0, name = \"i\"} : i64[7] secret\n"
     "%1 = constant {value = dense<i64[] 3>} : i64[] public\n"
     "%2 = tensor.equal %0, %1 : bool[7] secret\n"
     "%3 = tensor.cast %2 : f32[7] secret\n" OUT(3)},
    {"logic with a public mask", 0,
     X "%1 = constant {value = dense<f32[] 0.5>} : f32[] public\n"
       "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
       "%3 = constant {value = dense<bool[6] [true, false, true, true, false, "
       "true]>} : bool[6] public\n"
       "%4 = tensor.and %2, %3 : bool[2x6] secret\n"
       "%5 = tensor.or %3, %2 : bool[2x6] secret\n"
       "%6 = tensor.cast %4 : f32[2x6] secret\n"
       "%7 = tensor.cast %5 : f32[2x6] secret\n"
       "return %6 as \"o\" : f32, %7 as \"p\" : f32"},
    {"select by a secret", 8e-5,
     XY "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
        "%3 = tensor.select %2, %0, %1 : f32[2x6] secret\n" OUT(3)},
    {"select between constants", 8e-5,
     XY "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
        "%3 = constant {value = dense<f32[] 1.5>} : f32[] public\n"
        "%4 = constant {value = dense<f32[] -2.5>} : f32[] public\n"
        "%5 = tensor.select %2, %3, %4 : f32[2x6] secret\n" OUT(5)},
    {"select broadcasts its condition", 8e-5,
     XY "%2 = tensor.reduce_sum %0 {axes = [1], keepdims = 1} : f32[2x1] "
        "secret\n"
        "%3 = constant {value = dense<f32[] 0.5>} : f32[] public\n"
        "%4 = tensor.less %2, %3 : bool[2x1] secret\n"
        "%5 = tensor.select %4, %0, %1 : f32[2x6] secret\n" OUT(5)},
    {"select by a public mask", 8e-5,
     XY "%2 = constant {value = dense<bool[6] [true, false, true, true, false, "
        "true]>} : bool[6] public\n"
        "%3 = tensor.select %2, %0, %1 : f32[2x6] secret\n" OUT(3)},
    {"reduce_sum", 4e-4,
     X "%1 = tensor.reduce_sum %0 {axes = [1], keepdims = 0} : f32[2] "
       "secret\n" OUT(1)},
    {"reduce_sum of both axes", 8e-4,
     X "%1 = tensor.reduce_sum %0 {axes = [0, 1], keepdims = 1} : f32[1x1] "
       "secret\n" OUT(1)},
    {"reduce_max", 8e-5,
     X "%1 = tensor.reduce_max %0 {axes = [1], keepdims = 1} : f32[2x1] "
       "secret\n" OUT(1)},
    {"reduce_max of five, no keepdims", 8e-5,
     "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[5x2] secret\n"
     "%1 = tensor.reduce_max %0 {axes = [0], keepdims = 0} : f32[2] "
     "secret\n" OUT(1)},
    {"reduce_min", 8e-5,
     X "%1 = tensor.reduce_min %0 {axes = [0, 1], keepdims = 0} : f32[] "
       "secret\n" OUT(1)},
    {"exp", 3e-2, X "%1 = tensor.exp %0 : f32[2x6] secret\n" OUT(1)},
    {"gelu", 6e-4,
     X "%1 = constant {value = dense<f32[] 0.70710677>} : f32[] public\n"
       "%2 = constant {value = dense<f32[] 1.0>} : f32[] public\n"
       "%3 = constant {value = dense<f32[] 0.5>} : f32[] public\n"
       "%4 = tensor.mul %0, %1 : f32[2x6] secret\n"
       "%5 = tensor.erf %4 : f32[2x6] secret\n"
       "%6 = tensor.add %5, %2 : f32[2x6] secret\n"
       "%7 = tensor.mul %0, %6 : f32[2x6] secret\n"
       "%8 = tensor.mul %7, %3 : f32[2x6] secret\n" OUT(8)},
    {"tanh", 4e-4, X "%1 = tensor.tanh %0 : f32[2x6] secret\n" OUT(1)},
    {"sigmoid", 4e-4, X "%1 = tensor.sigmoid %0 : f32[2x6] secret\n" OUT(1)},
    {"silu", 6e-4,
     X "%1 = tensor.sigmoid %0 : f32[2x6] secret\n"
       "%2 = tensor.mul %0, %1 : f32[2x6] secret\n" OUT(2)},
    {"rsqrt", 1e-3,
     "%0 = input {hi = 10.0, lo = 0.25, name = \"x\"} : f32[9] secret\n"
     "%1 = tensor.rsqrt %0 : f32[9] secret\n" OUT(1)},
    {"rsqrt over 18 octaves", 2e-3,
     "%0 = input {hi = 20000.0, lo = 0.1, name = \"r\"} : f32[9] secret\n"
     "%1 = tensor.rsqrt %0 : f32[9] secret\n" OUT(1)},
    {"recip", 1e-3,
     "%0 = input {hi = 100.0, lo = 0.8, name = \"x\"} : f32[9] secret\n"
     "%1 = tensor.recip %0 : f32[9] secret\n" OUT(1)},
    {"log", 1e-3,
     "%0 = input {hi = 10.0, lo = 0.25, name = \"x\"} : f32[9] secret\n"
     "%1 = tensor.log %0 : f32[9] secret\n" OUT(1)},
    {"map", 4e-4,
     X "%1 = tensor.map %0 {expr = \"sin(x)\"} : f32[2x6] secret\n" OUT(1)},
    {"reshape", 4e-5, X "%1 = reshape %0 : f32[3x4] secret\n" OUT(1)},
    {"transpose", 4e-5,
     "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2x3x4] secret\n"
     "%1 = transpose %0 {perm = [2, 0, 1]} : f32[4x2x3] secret\n" OUT(1)},
    {"slice", 4e-5,
     X "%1 = slice %0 {starts = [0, 5], steps = [1, -2]} : f32[2x3] "
       "secret\n" OUT(1)},
    {"broadcast", 4e-5,
     "%0 = input {hi = 4.0, lo = -4.0, name = \"x\"} : f32[2x1] secret\n"
     "%1 = broadcast %0 : f32[3x2x4] secret\n" OUT(1)},
    {"pad", 4e-5, X "%1 = pad %0 {before = [1, 2]} : f32[4x9] secret\n" OUT(1)},
    {"concat", 8e-5,
     X "%1 = input {hi = 100.0, lo = -100.0, name = \"y\"} : f32[2x2] secret\n"
       "%2 = concat %0, %1, %0 {axis = 1} : f32[2x14] secret\n" OUT(2)},
    {"concat with a weight", 8e-5,
     X "%1 = constant {name = \"w\", value = dense<f32[1x6] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0]>} : f32[1x6] weight\n"
       "%2 = concat %1, %0 {axis = 0} : f32[3x6] secret\n" OUT(2)},
    {"concat with a public constant", 8e-5,
     X "%1 = constant {value = dense<f32[1x6] [1.0, 2.0, 0.25, "
       "-1.0, 0.1, 3.0]>} : f32[1x6] public\n"
       "%2 = concat %1, %0 {axis = 0} : f32[3x6] secret\n" OUT(2)},
    {"take", 4e-5,
     X "%1 = take %0 {indices = dense<i64[4] [11, -1, 0, 0]>} : f32[4] "
       "secret\n" OUT(1)},
    {"data movement of bools", 0,
     XY "%2 = tensor.less %0, %1 : bool[2x6] secret\n"
        "%3 = transpose %2 {perm = [1, 0]} : bool[6x2] secret\n"
        "%4 = tensor.cast %3 : f32[6x2] secret\n" OUT(4)},
    {"a public output", 0,
     "%0 = constant {value = dense<f32[2] [1.0, 2.5]>} : f32[2] public\n" OUT(
         0)},
    {"a weight as the output", 4e-5,
     "%0 = constant {name = \"w\", value = dense<f32[2] [1.0, 2.5]>} : f32[2] "
     "weight\n" OUT(0)},
    {"indices come back exact", 0,
     "%0 = input {hi = 29999, lo = 0, name = \"i\"} : i64[5] secret\n"
     "return %0 as \"o\" : i64"},
    {"two outputs of one value", 4e-5,
     X "return %0 as \"a\" : f32, %0 as \"b\" : f32"},
    {"unread input", 4e-5,
     X "%1 = input {hi = 1.0, lo = 0.0, name = \"unread\"} : f32[3] "
       "secret\n" OUT(0)},
    {"no elements", 0,
     X "%1 = slice %0 {starts = [0, 0], steps = [1, 1]} : f32[0x6] "
       "secret\n" OUT(1)},
    {"tiny values keep their digits", 1e-6,
     "%0 = input {hi = 0.00390625, lo = -0.00390625, name = \"x\"} : f32[6] "
     "secret\n"
     "%1 = constant {value = dense<f32[] 0.01>} : f32[] public\n"
     "%2 = tensor.mul %0, %1 : f32[6] secret\n" OUT(2)},
    {"large values", 0.5,
     "%0 = input {hi = 3000.0, lo = -3000.0, name = \"x\"} : f32[6] secret\n"
     "%1 = tensor.mul %0, %0 : f32[6] secret\n" OUT(1)},
};

} // namespace

TEST_CASE("ops compile and emulate to the float value", "[backend]") {
  for (const Row &row : kRows)
    DYNAMIC_SECTION(row.name) {
      for (uint64_t seed : {1, 2}) {
        passes::Options options; // bounds are those of 14 fraction bits
        options.uniform = true;
        Answers a = run(row.body, options, seed);
        INFO(row.name << ", seed " << seed);
        REQUIRE(a.error == "");
        CHECK(a.worst() <= row.bound);
        INFO(a.firstOutOfRange);
        CHECK(a.outOfRange == 0);
      }
    }
}

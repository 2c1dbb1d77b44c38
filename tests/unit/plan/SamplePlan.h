//===- tests/unit/plan/SamplePlan.h - plans with every op in them ---------===//
//
// A new row of PlanOps.def needs a line in kText, one of PublicOps.def in
// kPublicText: CodecTest fails without it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/Plan.h"

#include <stdexcept>
#include <string>

namespace mpc::plan::sample {

inline constexpr const char *kText =
    R"(plan "sample \"plan\"\\" version 2
location '/fc1/Gemm'
location '/it\'s'
input "x" float32[2x3] ring 40 frac 12 range [-4, 4]
input "ids" int64[2] ring 3 frac 0 range [0, 7]
bound "mask" bool[1x4] sha256 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff
weight "w" [3x4] ring 40 frac 12
weight "table" [5x4] ring 40 frac 12
weight "rows" [5x4] ring 14 frac 12 words
output "y" float32[2x4] ring 28 frac 12
output "positive" bool[2x4] ring 8 frac 0
output "size" int64[2] ring 64 frac 0
public 2 = 7 -1
const c0 [3] = 1 -2 3
const c1 [4x2] = 1 0 0 1 -1 2 9223372036854775807 -9223372036854775808
const c2 [3] = 7 -1 0
const c3 [4x2] = 0 512 131072 512 -262144 512 -131072 512
const c4 [2x4] = 824633720832 0 12 12 0 -274877906944 10 10
%0 = input index=0 : masked<40,12,2>[2x3]  ; '/fc1/Gemm'
%1 = weight index=0 : masked<40,12,2>[3x4]  ; '/fc1/Gemm'
%2 = matmul %0, %1, batch=1, m=2, k=3, n=4, strideA=0, strideB=0 : additive<40,24,6>[2x4]  ; '/fc1/Gemm'
%3 = trunc %2, bits=12, rerandomize=0 : masked<28,12,6>[2x4]  ; '/fc1/Gemm'
flush
output %3, index=0
%4 = add %3, %3 : masked<28,12,7>[2x4]
%5 = sub %4, %3 : masked<28,12,7>[2x4]
%6 = neg %5 : masked<28,12,7>[2x4]
%7 = shl %6, bits=1 : masked<28,12,8>[2x4]
%8 = add_const %0, const=c0 : masked<40,12,3>[2x3]
%9 = mul_const %8, const=c0 : masked<40,12,5>[2x3]
%10 = matmul_const %3, const=c1, side=1, batch=1, m=2, k=4, n=2, strideA=0, strideB=0 : masked<28,12,28>[2x2]
%11 = reduce_sum %3, axes=[1] : masked<28,12,8>[2]
%12 = drop %3 : masked<24,12,6>[2x4]
%13 = to_additive %12 : additive<24,12,6>[2x4]
%14 = strided %3, offset=0, strides=[1 4] : masked<28,12,6>[4x2]
%15 = concat %3, %4, axis=0 : masked<28,12,7>[4x4]
%16 = take %3, indices=c2 : masked<28,12,6>[3]
%17 = extend %3 : masked<40,12,6>[2x4]  ; '/it\'s'
%21 = digits %3, window=20, drop=4, digit=5 : bits<1,0,1>[7x2x4]  ; '/it\'s'
flush
%18 = mul %17, %17 : additive<40,24,12>[2x4]
%19 = spline %3, coeffs=c3, window=20, depth=2, degree=1, payloadFrac=8, coeffFrac=8 : additive<30,16,10>[2x4]
%20 = exp %3, window=18, depth=2, inFrac=12, tableFrac=12, publicFrac=12 : additive<60,24,30>[2x4]
%33 = fourier %3, coeffs=c4, window=20, step=1, resultFrac=24, offset=16777216, slope=2048 : additive<36,24,10>[2x4]
%22 = sign %21, %3, window=20, drop=4, digit=5 : bits<1,0,1>[2x4]
flush
%23 = bit_not %22 : bits<1,0,1>[2x4]
%24 = bit_and %22, %23 : bits<1,0,1>[2x4]
flush
%25 = bit_xor %23, %24 : bits<1,0,1>[2x4]
%26 = from_bits %25 : additive<8,0,1>[2x4]
%32 = bit_mux %22, %23, %24, %25, %22, %23 : bits<1,0,1>[2x4]
%27 = trunc %26, bits=0, rerandomize=1 : masked<8,0,1>[2x4]
flush
output %27, index=1
range %2, lo=-134217728, hi=134217728  ; '/it\'s'
%38 = in_range %3, lo=-131072, hi=131071, links=[28 3 33554432 3 20 4 131072 7] : bits<1,0,1>[64]
flush
guard %38
%28 = bit_mul %25, %3 : additive<28,12,6>[2x4]
%29 = input index=1 : masked<3,0,3>[2]
%30 = one_hot %29, window=3, rows=5 : additive<40,0,1>[2x5]
%34 = weight index=2 : words<14,12,1>[5x4]
%35 = one_hot_bits %29, window=3, rows=5 : bits<1,0,1>[2x5]
flush
%36 = select_words %35, %34 : words<14,12,1>[2x4]
flush
%37 = from_words %36 : additive<20,12,1>[2x4]
%31 = weight index=1 : masked<40,12,2>[5x4]
)";

/// A public section with every op; its session constants are read.
inline constexpr const char *kPublicText =
    R"(plan "public" version 2
location '/Mask'
location '/Positions'
input "x" float32[2x3] ring 40 frac 12 range [-4, 4]
public_input "mask" int64[2x3] range [0, 1]
public_input "a" float32[2x3] range [-4, 4]
public_input "on" bool[3] range [0, 1]
output "y" float32[2x3] ring 40 frac 12
output "kept" float32[2x3] ring 64 frac 0
const c0 [2x3] = session
const c1 [2x3] = session
const c2 [2x3] = session
$0 = input index=0 : i64[2x3]  ; '/Mask'
$1 = input index=1 : f32[2x3]
$2 = input index=2 : bool[3]
$3 = constant values=[1 0 -1] : i64[3]
$4 = constant values=[1 0 1] : bool[3]
$5 = real values=[0.5 -1.5 inf] : f32[3]
$6 = strided $1, offset=0, strides=[1 3] : f32[3x2]
$7 = concat $0, $0, axis=0 : i64[4x3]
$8 = take $1, indices=[5 -1 0] : f32[3]
$9 = constant values=[1 -1] : i64[2]
$10 = gather $1, $9, axis=1 : f32[2x2]  ; '/Positions'
$11 = constant values=[0 -1 1] : i64[3]
$12 = flat_index $11, outer=2, rows=3, inner=1 : i64[2x3]
$13 = neg $1 : f32[2x3]
$14 = abs $13 : f32[2x3]
$15 = sign $1 : f32[2x3]
$16 = relu $1 : f32[2x3]
$17 = not $2 : bool[3]
$18 = floor $1 : f32[2x3]
$19 = ceil $1 : f32[2x3]
$20 = round $1 : f32[2x3]
$21 = exp $1 : f32[2x3]
$22 = log $21 : f32[2x3]
$23 = sqrt $14 : f32[2x3]
$24 = rsqrt $21 : f32[2x3]
$25 = recip $21 : f32[2x3]
$26 = erf $1 : f32[2x3]
$27 = tanh $1 : f32[2x3]
$28 = sigmoid $1 : f32[2x3]
$29 = sin $1 : f32[2x3]
$30 = cos $1 : f32[2x3]
$31 = atan $1 : f32[2x3]
$32 = add $1, $8 : f32[2x3]
$33 = sub $1, $8 : f32[2x3]
$34 = mul $1, $8 : f32[2x3]
$35 = div $1, $21 : f32[2x3]
$36 = mod $1, $21 : f32[2x3]
$37 = fmod $1, $21 : f32[2x3]
$38 = pow $21, $1 : f32[2x3]
$39 = max $1, $8 : f32[2x3]
$40 = min $1, $8 : f32[2x3]
$41 = less $1, $8 : bool[2x3]
$42 = less_equal $1, $8 : bool[2x3]
$43 = equal $0, $3 : bool[2x3]
$44 = and $41, $2 : bool[2x3]
$45 = or $42, $4 : bool[2x3]
$46 = xor $43, $17 : bool[2x3]
$47 = select $46, $1, $5 : f32[2x3]
$48 = cast $0 : f32[2x3]
$49 = encode $48, frac=12 : i64[2x3] in [0, 1]  ; '/Mask'
let $49, const=c0
$51 = reduce_sum $1, axes=[1] : f32[2]
$52 = reduce_max $1, axes=[1] : f32[2x1]
$53 = reduce_min $1, axes=[0 1] : f32[]
$54 = reduce_prod $0, axes=[] : i64[2x3]
$55 = softmax $1, $4, $46, axis=1 : f32[2x3]
$56 = matmul $1, $6 : f32[2x2]
let $12, const=c1
let $0, const=c2  ; '/Mask'
give $55, index=1
%0 = input index=0 : masked<40,12,2>[2x3]
%1 = mul_const %0, const=c2 : masked<40,12,2>[2x3]
%2 = add_const %1, const=c0 : masked<40,12,3>[2x3]
%3 = take %2, indices=c1 : masked<40,12,3>[2x3]  ; '/Positions'
output %3, index=0
)";

inline Plan make(const std::string &text = kText) {
  Result<Plan> p = Plan::assemble(text, "sample");
  if (!p)
    throw std::runtime_error(p.error().message);
  return *p;
}

/// The sample with `from` replaced by `to`, which must occur.
inline std::string edited(const std::string &from, const std::string &to) {
  std::string text = kText;
  size_t at = text.find(from);
  if (at == std::string::npos)
    throw std::runtime_error("not in the sample: " + from);
  return text.replace(at, from.size(), to);
}

} // namespace mpc::plan::sample

#include "Samples.h"
#include "ir/Text.h"
#include <catch2/catch.hpp>

namespace mpc::ir::test {

static const llvm::StringRef kSamples[] = {
    R"mir(module @tensor level(tensor) {
  %0 = input {hi = 4.0, lo = -4.0, name = "x"} : f32[2x3] secret range(-4.0, 4.0)
  %1 = input {name = "ids"} : i64[2] secret loc("/embeddings/\"ids\"")
  %2 = constant {name = "w", value = dense<f32[2x3] [0.5, 1.0, -2.25, 1e-10, inf, -0.0]>} : f32[2x3] weight
  %3 = constant {value = dense<bool[3] [true, false, true]>} : bool[3] public
  %4 = constant {value = dense<i64[] 3>} : i64[] public
  %5 = reshape %0 : f32[3x2] secret
  %6 = transpose %0 {perm = [1, 0]} : f32[3x2] secret
  %7 = slice %0 {starts = [0, 2], steps = [1, -2]} : f32[2x2] secret
  %8 = concat %0, %2 {axis = 0} : f32[4x3] secret
  %9 = broadcast %3 : bool[2x3] public
  %10 = pad %0 {before = [1, 0]} : f32[4x3] secret
  %11 = take %0 {indices = dense<i64[4] [5, -1, 0, 0]>} : f32[4] secret
  %12 = tensor.add %0, %2 : f32[2x3] secret
  %13 = tensor.sub %0, %2 : f32[2x3] secret
  %14 = tensor.mul %0, %2 : f32[2x3] secret
  %15 = tensor.div %0, %2 : f32[2x3] secret
  %16 = tensor.mod %1, %4 {fmod = 1} : i64[2] secret
  %17 = tensor.pow %0, %2 : f32[2x3] secret
  %18 = tensor.max %0, %2 : f32[2x3] secret
  %19 = tensor.min %0, %2 : f32[2x3] secret
  %20 = tensor.neg %0 : f32[2x3] secret
  %21 = tensor.abs %0 : f32[2x3] secret
  %22 = tensor.sign %0 : f32[2x3] secret
  %23 = tensor.floor %0 : f32[2x3] secret
  %24 = tensor.ceil %0 : f32[2x3] secret
  %25 = tensor.round %0 : f32[2x3] secret
  %26 = tensor.exp %0 : f32[2x3] secret
  %27 = tensor.log %0 : f32[2x3] secret
  %28 = tensor.sqrt %0 : f32[2x3] secret
  %29 = tensor.rsqrt %0 : f32[2x3] secret
  %30 = tensor.recip %0 : f32[2x3] secret
  %31 = tensor.erf %0 : f32[2x3] secret
  %32 = tensor.tanh %0 : f32[2x3] secret
  %33 = tensor.sigmoid %0 : f32[2x3] secret
  %34 = tensor.sin %0 : f32[2x3] secret
  %35 = tensor.cos %0 : f32[2x3] secret
  %36 = tensor.relu %0 : f32[2x3] secret
  %37 = tensor.map %0 {expr = "mul(x,sigmoid(mul(1.702,x)))"} : f32[2x3] secret loc("/QuickGelu")
  %38 = tensor.less %0, %2 : bool[2x3] secret
  %39 = tensor.less_equal %0, %2 : bool[2x3] secret
  %40 = tensor.equal %0, %2 : bool[2x3] secret
  %41 = tensor.and %38, %9 : bool[2x3] secret
  %42 = tensor.or %38, %39 : bool[2x3] secret
  %43 = tensor.xor %38, %40 : bool[2x3] secret
  %44 = tensor.not %38 : bool[2x3] secret
  %45 = tensor.select %3, %0, %2 : f32[2x3] secret
  %46 = tensor.cast %1 : f32[2] secret
  %47 = tensor.reduce_sum %0 {axes = [1], keepdims = 1} : f32[2x1] secret
  %48 = tensor.reduce_max %0 {axes = [0, 1], keepdims = 0} : f32[] secret
  %49 = tensor.reduce_min %0 {axes = [], keepdims = 0} : f32[2x3] secret
  %50 = tensor.reduce_prod %0 {axes = [0], keepdims = 0} : f32[3] secret
  %51 = tensor.softmax %0, %3 {axis = 1} : f32[2x3] secret
  %52 = tensor.matmul %0, %6 : f32[2x2] secret
  %53 = tensor.gather %2, %1 {axis = 0} : f32[2x3] secret
  %54 = tensor.atan %0 : f32[2x3] secret
  %55 = input {name = "rows"} : i64[2] public
  %56 = tensor.flat_index %55 {inner = 3, outer = 1, rows = 2} : i64[2x3] public
  %57 = pick %0, %56 : f32[2x3] secret
  return %51 as "probs" : f32, %16 as "a \\ b\0a" : i64
}
)mir",
    R"mir(module @fixed level(fixed) {
  %0 = input {name = "x"} : fx<52,12,9>[4x8] secret
  %1 = input {name = "id"} : fx<8,0,7>[3] secret
  %2 = constant {value = dense<f32[8] 0.25>} : fx<_,12,-1>[8] public
  %3 = constant {value = dense<f32[8x2] 1.5>} : fx<52,12,1>[8x2] weight
  %4 = fixed.add %0, %2 : fx<52,12,10>[4x8] secret
  %5 = fixed.sub %0, %2 : fx<52,12,10>[4x8] secret
  %6 = fixed.neg %0 : fx<52,12,9>[4x8] secret
  %7 = fixed.mul %0, %0 : fx<52,24,18>[4x8] secret
  %8 = fixed.matmul %0, %3 : fx<52,24,14>[4x2] secret
  %9 = fixed.reduce_sum %0 {axes = [1], keepdims = 1} : fx<52,12,12>[4x1] secret
  %10 = fixed.reduce_max %0 {axes = [1], keepdims = 1, slack = 2} : fx<52,12,9>[4x1] secret
  %11 = fixed.rescale %8 : fx<_,12,14>[4x2] secret
  %12 = fixed.shl %0 {bits = 3} : fx<52,15,9>[4x8] secret
  %13 = fixed.trunc %8 {bits = 12} : fx<40,12,14>[4x2] secret
  %14 = fixed.extend %13 : fx<64,12,14>[4x2] secret
  %15 = fixed.map %0 {expr = "exp(x)", hi = 0.0, lo = -16.0} : fx<_,12,1>[4x8] secret
  %16 = fixed.spline %0 {coeff_frac = 13, coeffs = reals[], degree = 3, depth = 6, payload_frac = 14, window = 16} : fx<33,27,1>[4x8] secret
  %17 = fixed.exp %0 {depth = 2, public_frac = 14, table_frac = 14, window = 8} : fx<36,28,1>[4x8] secret
  %18 = fixed.less %0, %2 : bool[4x8] secret
  %19 = fixed.equal %0, %2 : bool[4x8] secret
  %20 = fixed.and %18, %19 : bool[4x8] secret
  %21 = fixed.xor %18, %19 : bool[4x8] secret
  %22 = fixed.not %18 : bool[4x8] secret
  %23 = fixed.select %18, %0, %2 : fx<52,12,9>[4x8] secret
  %24 = fixed.from_bool %18 : fx<_,0,1>[4x8] secret
  %25 = fixed.gather %3, %1 {axis = 0, rows = 8} : fx<52,12,1>[3x2] secret
  %26 = fixed.drop %0 : fx<40,12,9>[4x8] secret
  %27 = fixed.fourier %0 {coeffs = [1099511627776, -5, 14, 13], offset = -7, slope = 65536, step = 5, window = 18} : fx<52,30,9>[4x8] secret
  %28 = input {hi = 1.0, lo = 0.0, name = "mask"} : i64[4x1] public
  %29 = tensor.cast %28 : f32[4x1] public
  %30 = encode %29 : fx<_,0,1>[4x1] public range(0.0, 1.0)
  %31 = fixed.in_range %0 {frac = 12, hi = 4095, links = [20, 4, 131072, 7], lo = -4096} : bool[64] secret
  %32 = fixed.assume %0 : fx<40,12,0>[4x8] secret
  %33 = fixed.mask %7 : fx<52,24,18>[4x8] secret
  return %13 as "y" : f32
}
)mir",
    R"mir(module @"of shares" level(share) {
  %0 = input {name = "x"} : masked<52,12,9>[4x8] secret
  %1 = input {name = "id"} : masked<3,0,2>[3] secret
  %2 = constant {value = dense<f32[8] 0.25>} : fx<_,12,-1>[8] public
  %3 = constant {value = dense<f32[8x2] 1.5>} : masked<52,12,1>[8x2] weight
  %4 = constant {value = dense<f32[8x2] 1.5>} : fx<52,12,1>[8x2] public
  %5 = share.add %0, %2 {round = 0} : masked<52,12,10>[4x8] secret
  %6 = share.sub %2, %0 : masked<52,12,10>[4x8] secret
  %7 = share.neg %0 : masked<52,12,9>[4x8] secret
  %8 = share.mul_public %0, %2 : masked<52,24,8>[4x8] secret
  %9 = share.matmul_public %0, %4 {side = 1} : masked<52,24,14>[4x2] secret
  %10 = share.reduce_sum %0 {axes = [1], keepdims = 0} : masked<52,12,12>[4] secret
  %11 = share.shl %0 {bits = 2} : masked<52,14,9>[4x8] secret
  %12 = share.drop %0 : masked<40,12,9>[4x8] secret
  %13 = share.to_additive %0 : additive<52,12,9>[4x8] secret
  %14 = share.mul %0, %5 : additive<52,24,19>[4x8] secret
  %15 = share.matmul %0, %3 : additive<52,24,14>[4x2] secret
  %16 = share.trunc %15 {bits = 12, round = 1} : masked<40,12,14>[4x2] secret loc("/fc1/Gemm")
  %17 = share.extend %16 {round = 2} : masked<64,12,14>[4x2] secret
  %18 = share.spline %12 {coeff_frac = 13, coeffs = [1, -2], degree = 3, depth = 6, payload_frac = 14, window = 16} : additive<33,27,1>[4x8] secret
  %19 = share.exp %12 {depth = 2, public_frac = 14, table_frac = 14, window = 8} : additive<36,28,1>[4x8] secret
  %20 = share.digits %12 {digit = 5, drop = 0, window = 16} : bits[4x8x6] secret
  %21 = share.sign %20, %12 {digit = 5, drop = 0, window = 16} : bits[4x8] secret
  %22 = share.bit_xor %21, %21 : bits[4x8] secret
  %23 = share.bit_not %21 : bits[4x8] secret
  %24 = share.bit_and %21, %23 : bits[4x8] secret
  %25 = share.from_bits %24 : additive<16,0,1>[4x8] secret
  %26 = share.bit_mul %21, %12 : additive<40,12,9>[4x8] secret
  %27 = share.one_hot %1 {rows = 6, window = 3} : additive<52,0,1>[3x6] secret
  %28 = share.bit_mux %21, %23, %21, %22, %23, %24 : bits[4x8] secret
  %29 = share.fourier %0 {coeffs = [1099511627776, -5, 14, 13, 2, 3, 10, 11], offset = -7, slope = 65536, step = 5, window = 18} : additive<52,30,9>[4x8] secret
  %30 = share.one_hot_bits %1 {rows = 6, window = 3} : bits[3x6] secret
  %31 = constant {value = dense<f32[6x2] 0.5>} : words<13,12,0>[6x2] weight
  %32 = share.select_words %30, %31 : words<13,12,0>[3x2] secret
  %33 = share.from_words %32 : additive<20,12,0>[3x2] secret
  %34 = share.in_range %0 {hi = 4095, links = [20, 4, 131072, 7], lo = -4096} : bits[64] secret
  return %16 as "y" : f32
}
)mir"};

llvm::ArrayRef<llvm::StringRef> samples() { return kSamples; }

Module parseOk(llvm::StringRef text) {
  llvm::Expected<Module> m = parse(text, "t.mir");
  if (!m)
    FAIL(llvm::toString(m.takeError()) << "\nin:\n" << text.str());
  return std::move(*m);
}

std::string parseError(llvm::StringRef text) {
  llvm::Expected<Module> m = parse(text, "t.mir");
  return m ? "" : llvm::toString(m.takeError());
}

std::string wrap(llvm::StringRef level, llvm::StringRef body,
                 llvm::StringRef returns) {
  return ("module @t level(" + level + ") {\n" + body + "  return " + returns +
          "\n}\n")
      .str();
}

} // namespace mpc::ir::test

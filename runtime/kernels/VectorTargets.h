//===- runtime/kernels/VectorTargets.h - one loop, several targets --------===//
//
// For loops that the compiler vectorises: write the loop once as MPC_INLINE,
// then a function for each instruction set that calls it:
//
//   MPC_AVX512 void loopAvx512(...) { loop(...); }
//
// No library function may be inlined into it but constexpr arithmetic.
//
//===----------------------------------------------------------------------===//
#pragma once

#define MPC_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define MPC_AVX2 [[gnu::target("avx2")]]
#if defined(__clang__) // knows no preference as a part of the target
#define MPC_AVX512                                                             \
  [[gnu::target("avx512f,avx512dq,avx512bw,avx512vl"),                         \
    clang::min_vector_width(512)]]
#else
#define MPC_AVX512                                                             \
  [[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width="      \
                "512")]]
#endif
#else
#define MPC_AVX2
#define MPC_AVX512
#endif

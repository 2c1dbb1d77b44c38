//===- runtime/kernels/Fused.cpp - the portable loops, and the choice -----===//
#include "runtime/kernels/Fused.h"

#include "runtime/kernels/FusedKernels.inc"

namespace mpc::kernels {

extern const FusedKernels kFusedAvx2, kFusedAvx512;

const FusedKernels &fusedKernels(SimdLevel simd) {
  return atLevel(simd, kFused, kFusedAvx2, kFusedAvx512);
}

} // namespace mpc::kernels

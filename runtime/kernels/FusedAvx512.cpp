//===- runtime/kernels/FusedAvx512.cpp
//---------------------------------------===//
#include "runtime/kernels/FusedKernels.inc"

namespace mpc::kernels {
extern const FusedKernels kFusedAvx512;
const FusedKernels kFusedAvx512 = kFused;
} // namespace mpc::kernels

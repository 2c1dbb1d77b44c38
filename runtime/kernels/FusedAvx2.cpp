//===- runtime/kernels/FusedAvx2.cpp
//---------------------------------------===//
#include "runtime/kernels/FusedKernels.inc"

namespace mpc::kernels {
extern const FusedKernels kFusedAvx2;
const FusedKernels kFusedAvx2 = kFused;
} // namespace mpc::kernels

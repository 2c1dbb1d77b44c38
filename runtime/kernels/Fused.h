//===- runtime/kernels/Fused.h - elementwise steps of protocols -----------===//
//
// Loops that a protocol runs over pieces of a few thousand elements, between
// unpacking, mask and packing, so that a piece stays in the first-level cache.
// One source (FusedKernels.inc) compiled per instruction set; all give the same
// words. Time does not depend on the values.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/kernels/FusedKernels.h"
#include "runtime/kernels/SimdLevel.h"

namespace mpc::kernels {

const FusedKernels &fusedKernels(SimdLevel simd);

} // namespace mpc::kernels

//===- runtime/kernels/GemmAvx2.cpp ---------------------------------------===//
namespace {
constexpr int kVectorBytes = 32;
constexpr int kTileRows = 4;
} // namespace
#include "runtime/kernels/GemmKernels.inc"

namespace mpc::kernels {
const GemmKernels<uint64_t> kGemmAvx264 = kKernels<uint64_t>;
const GemmKernels<uint32_t> kGemmAvx232 = kKernels<uint32_t>;
} // namespace mpc::kernels

//===- runtime/kernels/GemmAvx512.cpp -------------------------------------===//
namespace {
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 8;
} // namespace
#include "runtime/kernels/GemmKernels.inc"

namespace mpc::kernels {
const GemmKernels<uint64_t> kGemmAvx51264 = kKernels<uint64_t>;
const GemmKernels<uint32_t> kGemmAvx51232 = kKernels<uint32_t>;
} // namespace mpc::kernels

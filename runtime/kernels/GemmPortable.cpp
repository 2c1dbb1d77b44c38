//===- runtime/kernels/GemmPortable.cpp -----------------------------------===//
namespace {
constexpr int kVectorBytes = 16;
constexpr int kTileRows = 4;
} // namespace
#include "runtime/kernels/GemmKernels.inc"

namespace mpc::kernels {
const GemmKernels<uint64_t> kGemmPortable64 = kKernels<uint64_t>;
const GemmKernels<uint32_t> kGemmPortable32 = kKernels<uint32_t>;
} // namespace mpc::kernels

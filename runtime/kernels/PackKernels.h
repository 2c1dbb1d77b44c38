//===- runtime/kernels/PackKernels.h - private to Pack*.cpp ---------------===//
//
// 8 n elements, any k. As GemmKernels.h: no standard library in here.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpc::kernels {

void packOctetsAvx512(const uint64_t *in, size_t octets, unsigned k,
                      uint8_t *out);
void unpackOctetsAvx512(const uint8_t *in, size_t octets, unsigned k,
                        uint64_t *out);

} // namespace mpc::kernels

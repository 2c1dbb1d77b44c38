//===- runtime/kernels/BitMatMulAvx512.cpp --------------------------------===//
#include "runtime/kernels/BitMatMulKernel.h"

namespace mpc::kernels::bits {

void blockAvx512(const uint64_t *select, const uint64_t *b, size_t rows,
                 size_t stride, uint64_t *acc) {
  block<512>(select, b, rows, stride, acc);
}

} // namespace mpc::kernels::bits

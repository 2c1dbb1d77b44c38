//===- tests/fuzz/Npy.cpp - any bytes as an array file --------------------===//
//
// The reader accepts or refuses, and what it accepts survives its writer.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/Npy.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace mpc;
  Result<core::NpyArray> a = core::parseNpy({data, size}, "fuzz");
  if (!a)
    return 0;
  Result<core::NpyArray> b =
      core::parseNpy(core::serializeNpy(*a), "rewritten");
  if (!b || !(*b == *a))
    std::abort();
  (void)core::toFloat32(*a);
  (void)core::toInt64(*a);
  return 0;
}

//===- runtime/kernels/SimdLevel.cpp --------------------------------------===//
#include "runtime/kernels/SimdLevel.h"

namespace mpc::kernels {

SimdLevel bestSimdLevel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return SimdLevel::Avx512;
  if (__builtin_cpu_supports("avx2"))
    return SimdLevel::Avx2;
#endif
  return SimdLevel::Portable;
}

std::vector<SimdLevel> supportedSimdLevels() {
  std::vector<SimdLevel> out;
  for (SimdLevel l : {SimdLevel::Portable, SimdLevel::Avx2, SimdLevel::Avx512})
    if (l <= bestSimdLevel())
      out.push_back(l);
  return out;
}

const char *toString(SimdLevel level) {
  switch (level) {
  case SimdLevel::Portable:
    return "portable";
  case SimdLevel::Avx2:
    return "avx2";
  case SimdLevel::Avx512:
    return "avx512";
  }
  __builtin_unreachable();
}

} // namespace mpc::kernels

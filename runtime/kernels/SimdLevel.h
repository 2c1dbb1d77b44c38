//===- runtime/kernels/SimdLevel.h - which instructions a kernel may use --===//
//
// The level travels with the ThreadPool, so there is no global to set: a test
// makes a pool of each level the machine supports.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <vector>

namespace mpc::kernels {

enum class SimdLevel : uint8_t {
  Portable, ///< what the compiler makes of plain C++ for its baseline
  Avx2,
  Avx512 ///< F, DQ, BW, VL
};

/// The best level of this machine.
SimdLevel bestSimdLevel();
/// All levels of this machine, Portable first.
std::vector<SimdLevel> supportedSimdLevels();
const char *toString(SimdLevel level);

/// What was compiled for the level.
template <class T>
const T &atLevel(SimdLevel level, const T &portable, const T &avx2,
                 const T &avx512) {
  return level == SimdLevel::Avx512 ? avx512
         : level == SimdLevel::Avx2 ? avx2
                                    : portable;
}

} // namespace mpc::kernels

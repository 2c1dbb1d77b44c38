//===- runtime/kernels/Loops.cpp ------------------------------------------===//
#include "runtime/kernels/Loops.h"

namespace mpc::kernels {

Loops collapseLoops(const core::Shape &shape,
                    std::vector<core::Strides> strides) {
  Loops out;
  out.strides.resize(strides.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1)
      continue;
    bool merges = !out.shape.empty();
    for (size_t o = 0; merges && o < strides.size(); ++o)
      merges = out.strides[o].back() == strides[o][d] * shape[d];
    if (merges)
      out.shape.back() *= shape[d];
    else
      out.shape.push_back(shape[d]);
    for (size_t o = 0; o < strides.size(); ++o) {
      assert(strides[o].size() == shape.size());
      if (merges)
        out.strides[o].back() = strides[o][d];
      else
        out.strides[o].push_back(strides[o][d]);
    }
  }
  if (out.shape.empty()) {
    out.shape.push_back(1);
    for (core::Strides &s : out.strides)
      s.push_back(1);
  }
  return out;
}

} // namespace mpc::kernels

//===- runtime/kernels/Strided.h - transpose, slice, expand ---------------===//
//
// One kernel for all data movement that is affine in the index: transposition,
// slicing (negative steps too), expansion (stride 0), concatenation's parts.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Shape.h"
#include "runtime/kernels/ThreadPool.h"

#include <cstdint>

namespace mpc::kernels {

/// out, dense and row-major of `shape`:  out[idx] = in[sum idx[d] stride[d]].
/// `in` points at the element of index 0, so slices add their offset to it;
/// strides count elements. out must not overlap what is read. Instantiated for
/// uint8_t, uint32_t, uint64_t.
template <class T>
void stridedCopy(T *out, const core::Shape &shape, const T *in,
                 const core::Strides &strides, ThreadPool &pool);

/// The same into a strided destination, e.g. a part of a concatenation. No two
/// indices may meet in one element of out.
template <class T>
void stridedCopy(T *out, const core::Strides &outStrides,
                 const core::Shape &shape, const T *in,
                 const core::Strides &inStrides, ThreadPool &pool);

} // namespace mpc::kernels

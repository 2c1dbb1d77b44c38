//===- runtime/proto/RingGemm.cpp -----------------------------------------===//
#include "runtime/proto/RingGemm.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"

namespace mpc::proto {
namespace {

using kernels::Acc;

/// The part of each product that is computed.
struct Part {
  int64_t row, rows, col, cols;
};

template <class T>
void gemmPart(MatMulDims d, const Part &part, const T *a, const T *b, T *c,
              Acc acc, kernels::ThreadPool &pool) {
  kernels::BasicMatrixView<T> va = kernels::viewOf(a, d.m, d.k);
  kernels::BasicMatrixView<T> vb = kernels::viewOf(b, d.k, d.n);
  const bool whole = part.rows == d.m && part.cols == d.n;
  // One tall product instead of many that share B.
  if (whole && d.strideB == 0 && d.strideA == d.m * d.k) {
    va.rows *= d.batch;
    d.batch = 1;
  } else {
    va.data += part.row * d.k;
    va.rows = part.rows;
    vb.data += part.col;
    vb.cols = part.cols;
    c += part.row * d.n + part.col;
  }
  if (d.batch == 1)
    return kernels::gemm(va, vb, c, d.n, acc, pool);
  kernels::gemmBatch(d.batch, va, d.strideA, vb, d.strideB, c, d.n, d.m * d.n,
                     acc, pool);
}

core::SecretVector<uint32_t> narrow(const Words &v, kernels::ThreadPool &pool) {
  core::SecretVector<uint32_t> out(v.size());
  kernels::mapElements(out.data(), v.data(), static_cast<int64_t>(v.size()),
                       pool,
                       [](uint64_t x) { return static_cast<uint32_t>(x); });
  return out;
}

void run(const MatMulDims &dims, const Part &part, unsigned ring,
         const Words &a, const Words &b, Words &out, Acc acc,
         kernels::ThreadPool &pool) {
  const uint64_t mask = core::ringMask(ring);
  const auto n = static_cast<int64_t>(out.size());
  if (n == 0)
    return;
  if (ring > 32) {
    gemmPart(dims, part, a.data(), b.data(), out.data(), acc, pool);
    kernels::mapElements(out.data(), out.data(), n, pool,
                         [mask](uint64_t x) { return x & mask; });
    return;
  }
  core::SecretVector<uint32_t> a32 = narrow(a, pool), b32 = narrow(b, pool);
  core::SecretVector<uint32_t> c32 =
      acc == Acc::Set ? core::SecretVector<uint32_t>(out.size())
                      : narrow(out, pool);
  gemmPart(dims, part, a32.data(), b32.data(), c32.data(), acc, pool);
  kernels::mapElements(out.data(), c32.data(), n, pool,
                       [mask](uint32_t x) { return x & mask; });
}

} // namespace

MatMulDims MatMulDims::of(const plan::Instr &in, size_t first) {
  return {in.scalar(first),     in.scalar(first + 1), in.scalar(first + 2),
          in.scalar(first + 3), in.scalar(first + 4), in.scalar(first + 5)};
}

void ringGemm(const MatMulDims &dims, unsigned ring, const Words &a,
              const Words &b, Words &out, Acc acc, kernels::ThreadPool &pool) {
  run(dims, {0, dims.m, 0, dims.n}, ring, a, b, out, acc, pool);
}

uint64_t ringGemmHalf(const MatMulDims &dims, unsigned ring, bool firstHalf,
                      const Words &a, const Words &b, Words &out, Acc acc,
                      kernels::ThreadPool &pool) {
  assert(acc != Acc::Set && "the other half would be undefined");
  Part part{0, dims.m, 0, dims.n};
  const bool rows = dims.m >= 2;
  int64_t &from = rows ? part.row : part.col;
  int64_t &count = rows ? part.rows : part.cols;
  const int64_t half = count / 2;
  from = firstHalf ? 0 : half;
  count = firstHalf ? half : count - half;
  if (part.rows > 0 && part.cols > 0 && dims.batch > 0)
    run(dims, part, ring, a, b, out, acc, pool);
  return static_cast<uint64_t>(dims.batch) * static_cast<uint64_t>(part.rows) *
         static_cast<uint64_t>(dims.k) * static_cast<uint64_t>(part.cols);
}

PackedRhs::PackedRhs(const MatMulDims &dims, unsigned ring, const Words &b,
                     kernels::ThreadPool &pool)
    : ring_(ring) {
  assert(canPack(dims));
  if (ring > 32) {
    wide_ = kernels::PackedB<uint64_t>(
        kernels::viewOf(b.data(), dims.k, dims.n), pool, ring);
  } else {
    const core::SecretVector<uint32_t> b32 = narrow(b, pool);
    narrow_ = kernels::PackedB<uint32_t>(
        kernels::viewOf(b32.data(), dims.k, dims.n), pool);
  }
}

void PackedRhs::multiply(const MatMulDims &dims, const Words &a, Words &out,
                         Acc acc, kernels::ThreadPool &pool) const {
  const uint64_t mask = core::ringMask(ring_);
  const auto n = static_cast<int64_t>(out.size());
  if (n == 0)
    return;
  const int64_t rows = dims.batch * dims.m;
  if (ring_ > 32) {
    kernels::gemm(kernels::viewOf(a.data(), rows, dims.k), wide_, out.data(),
                  dims.n, acc, pool);
    kernels::mapElements(out.data(), out.data(), n, pool,
                         [mask](uint64_t x) { return x & mask; });
    return;
  }
  const core::SecretVector<uint32_t> a32 = narrow(a, pool);
  core::SecretVector<uint32_t> c32 =
      acc == Acc::Set ? core::SecretVector<uint32_t>(out.size())
                      : narrow(out, pool);
  kernels::gemm(kernels::viewOf(a32.data(), rows, dims.k), narrow_, c32.data(),
                dims.n, acc, pool);
  kernels::mapElements(out.data(), c32.data(), n, pool,
                       [mask](uint32_t x) { return x & mask; });
}

} // namespace mpc::proto

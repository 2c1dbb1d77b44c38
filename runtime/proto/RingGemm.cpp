//===- runtime/proto/RingGemm.cpp -----------------------------------------===//
#include "runtime/proto/RingGemm.h"

namespace mpc::proto {
namespace {

using kernels::Acc;
using kernels::MatrixView;

/// The part of each product that is computed.
struct Part {
  int64_t row, rows, col, cols;
};

void run(MatMulDims d, const Part &part, unsigned ring, const Words &a,
         const Words &b, Words &out, Acc acc, kernels::ThreadPool &pool) {
  MatrixView va = kernels::viewOf(a.data(), d.m, d.k);
  MatrixView vb = kernels::viewOf(b.data(), d.k, d.n);
  uint64_t *c = out.data();
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
    return kernels::gemm(va, vb, ring, c, d.n, acc, pool);
  kernels::gemmBatch(d.batch, va, d.strideA, vb, d.strideB, ring, c, d.n,
                     d.m * d.n, acc, pool);
}

} // namespace

MatMulDims MatMulDims::of(const plan::Instr &in, size_t first) {
  return {in.scalar(first),     in.scalar(first + 1), in.scalar(first + 2),
          in.scalar(first + 3), in.scalar(first + 4), in.scalar(first + 5)};
}

void ringGemm(const MatMulDims &dims, unsigned ring, const Words &a,
              const Words &b, Words &out, Acc acc, kernels::ThreadPool &pool) {
  if (!out.empty())
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
    : packed_(kernels::viewOf(b.data(), dims.k, dims.n), ring, pool) {
  assert(canPack(dims));
}

void PackedRhs::multiply(const MatMulDims &dims, const Words &a, Words &out,
                         Acc acc, kernels::ThreadPool &pool) const {
  if (!out.empty())
    kernels::gemm(kernels::viewOf(a.data(), dims.batch * dims.m, dims.k),
                  packed_, out.data(), dims.n, acc, pool);
}

} // namespace mpc::proto

//===- runtime/proto/RingGemm.h - batched products of a plan's matrices ---===//
#pragma once

#include "runtime/kernels/Gemm.h"
#include "runtime/plan/Plan.h"
#include "runtime/proto/Share.h"

namespace mpc::proto {

/// The immediates "batch m k n strideA strideB".
struct MatMulDims {
  int64_t batch, m, k, n, strideA, strideB;

  /// From immediate `first` on.
  static MatMulDims of(const plan::Instr &in, size_t first);
  /// Multiply-accumulates of one product.
  uint64_t macs() const {
    return static_cast<uint64_t>(batch) * static_cast<uint64_t>(m) *
           static_cast<uint64_t>(k) * static_cast<uint64_t>(n);
  }
};

/// out = A B, out += A B or out -= A B modulo 2^ring, reduced; out is dense
/// [batch, m, n].
void ringGemm(const MatMulDims &dims, unsigned ring, const Words &a,
              const Words &b, Words &out, kernels::Acc acc,
              kernels::ThreadPool &pool);

/// A right-hand side packed ahead for repeated or later products.
class PackedRhs {
public:
  PackedRhs() = default;
  /// Precondition: canPack(dims).
  PackedRhs(const MatMulDims &dims, unsigned ring, const Words &b,
            kernels::ThreadPool &pool);
  /// The same, of rows that add() brings.
  PackedRhs(const MatMulDims &dims, unsigned ring, kernels::SimdLevel level)
      : packed_(dims.k, dims.n, ring, level) {}
  /// The next rows: a multiple of 8, but for the last.
  void add(std::span<const uint64_t> rows, kernels::ThreadPool &pool) {
    const auto n = static_cast<int64_t>(rows.size());
    packed_.add(
        kernels::viewOf(rows.data(), n / packed_.cols(), packed_.cols()), pool);
  }

  /// One B for all, and A dense: the batch is one tall product.
  static bool canPack(const MatMulDims &dims) {
    return dims.batch == 1 ||
           (dims.strideB == 0 && dims.strideA == dims.m * dims.k);
  }
  bool empty() const { return packed_.empty(); }
  size_t bytes() const { return packed_.bytes(); }

  /// out = A B, out += A B or out -= A B, reduced.
  void multiply(const MatMulDims &dims, const Words &a, Words &out,
                kernels::Acc acc, kernels::ThreadPool &pool) const;

private:
  kernels::PackedB packed_;
};

/// ringGemm for the first half of the result's rows (columns where there is one
/// row), or for the other half; the rest of out is kept.
/// Returns the multiply-accumulates.
uint64_t ringGemmHalf(const MatMulDims &dims, unsigned ring, bool firstHalf,
                      const Words &a, const Words &b, Words &out,
                      kernels::Acc acc, kernels::ThreadPool &pool);

} // namespace mpc::proto

//===- runtime/proto/Linear.cpp - local linear arithmetic -----------------===//
//
// Linear maps with public coefficients act on m, l1, l2 and additive shares
// alike. Public constants enter once: in m (both evaluators), or in P1's share.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/Local.h"
#include "runtime/proto/Prepare.h"
#include "runtime/proto/RingGemm.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"

namespace mpc::proto {
namespace {

using plan::Form;

uint64_t resultMask(const Machine &p) {
  return core::ringMask(p.outInfo().ring);
}

template <class F> void binary(Machine &p, F f) {
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    kernels::broadcastBinary(
        out.data(), p.outInfo().shape, Machine::array(p.in(0), i).data(),
        p.inInfo(0).shape, Machine::array(p.in(1), i).data(), p.inInfo(1).shape,
        p.pool, f);
  });
}

template <class F> void withConstant(Machine &p, int i, Words &out, F f) {
  const plan::ConstInfo &c = p.constant(0);
  kernels::broadcastBinary(out.data(), p.outInfo().shape,
                           Machine::array(p.in(0), i).data(), p.inInfo(0).shape,
                           c.data.data(), c.shape, p.pool, f);
}

template <class F> void unary(Machine &p, F f) {
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    kernels::mapElements(out.data(), Machine::array(p.in(0), i).data(),
                         static_cast<int64_t>(out.size()), p.pool, f);
  });
}

void localAdd(Machine &p) {
  const uint64_t mask = resultMask(p);
  binary(p, [mask](uint64_t x, uint64_t y) { return (x + y) & mask; });
}

void localSub(Machine &p) {
  const uint64_t mask = resultMask(p);
  binary(p, [mask](uint64_t x, uint64_t y) { return (x - y) & mask; });
}

void localNeg(Machine &p) {
  const uint64_t mask = resultMask(p);
  unary(p, [mask](uint64_t x) { return -x & mask; });
}

void localAddConst(Machine &p) {
  const uint64_t mask = resultMask(p);
  const bool adds = p.addsPublic(p.outInfo().form);
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    const uint64_t once = i == 0 && adds;
    withConstant(p, i, out, [mask, once](uint64_t x, int64_t c) {
      return (x + once * static_cast<uint64_t>(c)) & mask;
    });
  });
}

void localMulConst(Machine &p) {
  const uint64_t mask = resultMask(p);
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    withConstant(p, i, out, [mask](uint64_t x, int64_t c) {
      return (x * static_cast<uint64_t>(c)) & mask;
    });
  });
}

void localShl(Machine &p) {
  const uint64_t mask = resultMask(p);
  const auto bits = static_cast<unsigned>(p.imm(0));
  unary(p, [mask, bits](uint64_t x) {
    return bits < 64 ? (x << bits) & mask : uint64_t{0};
  });
}

void localDrop(Machine &p) {
  const uint64_t mask = resultMask(p);
  unary(p, [mask](uint64_t x) { return x & mask; });
}

/// out = the product of array `x` and the constant.
void timesConstant(Machine &p, const Words &x, Words &out) {
  const plan::ConstInfo &c = p.constant(0);
  const unsigned ring = p.outInfo().ring;
  Words constant(c.data.size());
  for (size_t i = 0; i < c.data.size(); ++i)
    constant.data()[i] = core::fromSigned(c.data[i], ring);
  const bool constantIsA = p.imm(1) == 0;
  ringGemm(MatMulDims::of(p.instr(), 2), ring, constantIsA ? constant : x,
           constantIsA ? x : constant, out, kernels::Acc::Set, p.pool);
}

void localReduceSum(Machine &p) {
  const core::Shape &shape = p.inInfo(0).shape;
  // The kept dimensions' places in the dense result; 0 where summed.
  core::Strides to(shape.size(), 0);
  std::vector<bool> summed(shape.size(), false);
  for (int64_t axis : p.instr().imm[0])
    summed[static_cast<size_t>(axis)] = true;
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;)
    if (!summed[d]) {
      to[d] = stride;
      stride *= shape[d];
    }
  const uint64_t mask = resultMask(p);
  const size_t n = p.inSize(0);
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    std::fill(out.begin(), out.end(), 0);
    if (n == 0)
      return;
    const kernels::Loops loops =
        kernels::collapseLoops(shape, {core::rowMajorStrides(shape), to});
    const size_t last = loops.rank() - 1;
    const int64_t cols = loops.shape[last], step = loops.strides[1][last];
    const uint64_t *from = Machine::array(p.in(0), i).data();
    kernels::LoopCursor<2> at(loops, last, 0);
    const int64_t rows = static_cast<int64_t>(n) / cols;
    for (int64_t r = 0; r < rows; ++r, at.next()) {
      const uint64_t *row = from + at.offset[0];
      uint64_t *sum = out.data() + at.offset[1];
      if (step == 0) {
        uint64_t total = 0;
        for (int64_t c = 0; c < cols; ++c)
          total += row[c];
        *sum += total;
      } else {
        for (int64_t c = 0; c < cols; ++c)
          sum[c * step] += row[c];
      }
    }
    for (uint64_t &v : out)
      v &= mask;
  });
}

} // namespace

MPC_LOCAL_OP(Add)
MPC_LOCAL_OP(Sub)
MPC_LOCAL_OP(Neg)
MPC_LOCAL_OP(AddConst)
MPC_LOCAL_OP(MulConst)
MPC_LOCAL_OP(Shl)
MPC_LOCAL_OP(Drop)
MPC_LOCAL_OP(ReduceSum)

void dealMatMulConst(Dealer &p) {
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    timesConstant(p, Machine::array(p.in(0), i), out);
    p.gemmMacs += MatMulDims::of(p.instr(), 2).macs();
  });
}

/// The mask's product is known offline; kept for begin.
void prepareMatMulConst(Evaluator &p) {
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    timesConstant(p, Machine::array(p.in(0), i), out);
    p.offlineGemmMacs += MatMulDims::of(p.instr(), 2).macs();
    if (i == 1 && keptBytes(p))
      p.keep(out, p.outInfo().ring);
  });
}

void beginMatMulConst(Evaluator &p) {
  const bool kept = keptBytes(p);
  forEachArray(p, p.outSize(), [&](int i, Words &out) {
    if (i == 1 && kept) {
      out = p.takeKept(p.outSize(), p.outInfo().ring);
      return;
    }
    timesConstant(p, Machine::array(p.in(0), i), out);
    p.gemmMacs += MatMulDims::of(p.instr(), 2).macs();
  });
}

// masked -> additive: a1 = m - l1, a2 = -l2; the dealer holds nothing of it.
void dealToAdditive(Dealer &) {}
void beginToAdditive(Evaluator &p) {
  const uint64_t mask = resultMask(p);
  const uint64_t first = p.party == 1;
  const Share &x = p.in(0);
  Words a(p.outSize());
  for (size_t i = 0; i < a.size(); ++i)
    a.data()[i] = (first * x.a.data()[i] - x.b.data()[i]) & mask;
  p.out().a = std::move(a);
}

} // namespace mpc::proto

//===- runtime/emu/EmulatorOps.cpp ----------------------------------------===//
#include "runtime/emu/EmulatorOps.h"

#include "runtime/core/Ring.h"
#include "runtime/kernels/Elementwise.h"
#include "runtime/kernels/ExpTable.h"
#include "runtime/kernels/Fourier.h"
#include "runtime/kernels/Gemm.h"
#include "runtime/kernels/Spline.h"
#include "runtime/kernels/Strided.h"
#include "runtime/plan/RangeLinks.h"

#include <fmt/format.h>

namespace mpc::emu {
namespace {

using core::reduce;
using core::toSigned;
using plan::PlanOp;

constexpr size_t kGrain = 1024; ///< elements a thread takes at least

Elements make(const OpContext &c) {
  return Elements(static_cast<size_t>(c.result().numel()));
}

unsigned unsignedImm(const OpContext &c, size_t i) {
  return static_cast<unsigned>(c.in.scalar(i));
}

/// Constants are signed; as ring elements they are their low bits.
const uint64_t *words(const plan::ConstInfo &k) {
  return reinterpret_cast<const uint64_t *>(k.data.data());
}

/// One coin an element; zeros if no bits are wanted.
Elements coinsFor(const OpContext &c, unsigned bits, size_t n) {
  Elements r(n, 0);
  if (bits != 0)
    c.coins.coins(c.index, bits, r);
  return r;
}

template <class F> Elements map(const OpContext &c, F f) {
  Elements out = make(c);
  uint64_t mask = core::ringMask(c.result().ring);
  kernels::mapElements(out.data(), c.args[0].data(), c.result().numel(), c.pool,
                       [=](uint64_t x) { return f(x) & mask; });
  return out;
}

template <class F>
Elements binary(const OpContext &c, const uint64_t *b,
                const core::Shape &shapeB, F f) {
  Elements out = make(c);
  uint64_t mask = core::ringMask(c.result().ring);
  kernels::broadcastBinary(
      out.data(), c.result().shape, c.args[0].data(), c.arg(0).shape, b, shapeB,
      c.pool, [=](uint64_t x, uint64_t y) { return f(x, y) & mask; });
  return out;
}

template <class F> Elements binary(const OpContext &c, F f) {
  return binary(c, c.args[1].data(), c.arg(1).shape, f);
}

template <class F> Elements withConst(const OpContext &c, F f) {
  return binary(c, words(c.constant(0)), c.constant(0).shape, f);
}

/// out[i] = f(i), in parallel.
template <class F> Elements generate(const OpContext &c, F f) {
  Elements out = make(c);
  c.pool.parallelFor(out.size(), kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      out[i] = f(i);
  });
  return out;
}

Elements matmul(const OpContext &c, size_t first, const uint64_t *a,
                const uint64_t *b) {
  int64_t batch = c.in.scalar(first), m = c.in.scalar(first + 1),
          k = c.in.scalar(first + 2), n = c.in.scalar(first + 3);
  Elements out = make(c);
  kernels::gemmBatch(batch, kernels::viewOf(a, m, k), c.in.scalar(first + 4),
                     kernels::viewOf(b, k, n), c.in.scalar(first + 5),
                     c.result().ring, out.data(), n, m * n, kernels::Acc::Set,
                     c.pool);
  return out;
}

Elements reduceSum(const OpContext &c) {
  const core::Shape &x = c.arg(0).shape;
  Elements out = make(c);
  if (c.args[0].empty())
    return out;
  core::Shape kept = x;
  for (int64_t a : c.in.imm[0])
    kept[static_cast<size_t>(a)] = 1;
  kernels::Loops loops = kernels::collapseLoops(
      x, {core::rowMajorStrides(x), core::broadcastStrides(kept, x)});
  size_t last = loops.rank() - 1;
  int64_t rows = static_cast<int64_t>(c.args[0].size()) / loops.shape[last];
  kernels::LoopCursor<2> at(loops, last, 0);
  for (int64_t r = 0; r < rows; ++r, at.next())
    for (int64_t i = 0; i < loops.shape[last]; ++i)
      out[static_cast<size_t>(at.offset[1] + i * loops.strides[1][last])] +=
          c.args[0][static_cast<size_t>(at.offset[0] +
                                        i * loops.strides[0][last])];
  for (uint64_t &v : out)
    v = reduce(v, c.result().ring);
  return out;
}

Elements strided(const OpContext &c) {
  Elements out = make(c);
  if (!out.empty())
    kernels::stridedCopy(out.data(), c.result().shape,
                         c.args[0].data() + c.in.scalar(0), c.in.imm[1],
                         c.pool);
  return out;
}

Elements concat(const OpContext &c) {
  Elements out = make(c);
  core::Strides to = core::rowMajorStrides(c.result().shape);
  auto axis = static_cast<size_t>(c.in.scalar(0));
  int64_t at = 0;
  for (size_t i = 0; i < c.args.size(); ++i) {
    const core::Shape &s = c.arg(i).shape;
    if (!c.args[i].empty())
      kernels::stridedCopy(out.data() + at * to[axis], to, s, c.args[i].data(),
                           core::rowMajorStrides(s), c.pool);
    at += s[axis];
  }
  return out;
}

Elements take(const OpContext &c) {
  const std::vector<int64_t> &from = c.constant(0).data;
  return generate(c, [&](size_t i) {
    return from[i] < 0 ? 0 : c.args[0][static_cast<size_t>(from[i])];
  });
}

/// P1's share contributes floor(r / 2^t) = 0 of its low bits r, P2's the
/// ceiling: z becomes ceil((z - r) / 2^t) in the ring without the low t bits.
Elements trunc(const OpContext &c) {
  unsigned t = unsignedImm(c, 0), k = c.arg(0).ring;
  if (t == 0)
    return map(c, [](uint64_t z) { return z; });
  Elements r = coinsFor(c, t, c.args[0].size());
  uint64_t out = core::ringMask(k - t);
  return generate(c, [&](size_t i) {
    return -(reduce(r[i] - c.args[0][i], k) >> t) & out;
  });
}

Elements extend(const OpContext &c) {
  unsigned k = c.arg(0).ring;
  return map(c,
             [k](uint64_t x) { return static_cast<uint64_t>(toSigned(x, k)); });
}

Result<Elements> spline(const OpContext &c) {
  kernels::SplineTable t;
  t.inputBits = unsignedImm(c, 1);
  t.segmentBits = unsignedImm(c, 2);
  t.degree = unsignedImm(c, 3);
  t.payloadFrac = unsignedImm(c, 4);
  t.coeffFrac = unsignedImm(c, 5);
  t.ringBits = c.result().ring;
  t.coeffs = c.constant(0).data;
  MPC_TRY(kernels::validate(t));
  kernels::PreparedSpline prepared(t);
  Elements low = coinsFor(c, t.lowBits(), c.args[0].size());
  return generate(
      c, [&](size_t i) { return prepared.plain(c.args[0][i], low[i]); });
}

Result<Elements> exp(const OpContext &c) {
  kernels::ExpParams p;
  p.window = unsignedImm(c, 0);
  p.depth = unsignedImm(c, 1);
  p.inFrac = unsignedImm(c, 2);
  p.tableFrac = unsignedImm(c, 3);
  p.publicFrac = unsignedImm(c, 4);
  MPC_TRY(kernels::validate(p));
  Elements low = coinsFor(c, p.lowBits(), c.args[0].size());
  return generate(c, [&](size_t i) {
    return reduce(kernels::expPlain(p, c.args[0][i], low[i]), c.result().ring);
  });
}

Result<Elements> fourier(const OpContext &c) {
  kernels::FourierTable t;
  t.harmonics = kernels::fourierHarmonics(c.constant(0).data);
  t.window = unsignedImm(c, 1);
  t.step = static_cast<uint64_t>(c.in.scalar(2));
  t.resultFrac = unsignedImm(c, 3);
  t.offset = c.in.scalar(4);
  t.slope = c.in.scalar(5);
  t.ringBits = c.result().ring;
  MPC_TRY(kernels::validate(t, c.arg(0).ring));
  Elements masks = coinsFor(c, t.window, c.args[0].size()), out = make(c);
  c.pool.parallelFor(out.size(), kGrain, [&](size_t begin, size_t end) {
    const size_t n = end - begin;
    kernels::fourierPlain(t, c.args[0].subspan(begin, n),
                          View(masks).subspan(begin, n),
                          std::span(out).subspan(begin, n), c.pool.simd());
  });
  return out;
}

/// The mask's dropped bits carry into the ones compared.
Elements sign(const OpContext &c) {
  unsigned window = unsignedImm(c, 0), drop = unsignedImm(c, 1);
  Elements low = coinsFor(c, drop, c.args[1].size());
  return generate(c, [&](size_t i) {
    // x + c may leave the ring of x; bits above the window do not matter.
    uint64_t x = c.args[1][i] + low[i];
    return x >> drop >> (window - 1) & 1;
  });
}

Result<Elements> oneHot(const OpContext &c) {
  unsigned window = unsignedImm(c, 0);
  auto rows = static_cast<uint64_t>(c.in.scalar(1));
  Elements out = make(c);
  for (size_t i = 0; i < c.args[0].size(); ++i) {
    uint64_t index = window ? reduce(c.args[0][i], window) : 0;
    if (index >= rows)
      return Error{
          fmt::format("index {} is out of range for {} rows", index, rows)};
    out[i * rows + index] = 1;
  }
  return out;
}

Elements selectWords(const OpContext &c) {
  Elements out = make(c);
  const size_t rows = static_cast<size_t>(c.arg(1).shape[0]),
               d = static_cast<size_t>(c.arg(1).shape[1]);
  for (size_t i = 0; i < c.args[0].size(); ++i)
    if (c.args[0][i])
      for (size_t j = 0; j < d; ++j)
        out[i / rows * d + j] ^= c.args[1][i % rows * d + j];
  return out;
}

/// The parties add random words of refused elements; here they come from the
/// place of the element.
Elements inRange(const OpContext &c) {
  const std::vector<plan::RangeLink> links = plan::linksOf(c.in.imm[2]);
  const unsigned bits = plan::coinBits(links);
  const Elements low = coinsFor(c, bits, c.args[0].size());
  Elements out = make(c);
  for (size_t i = 0; i < c.args[0].size(); ++i)
    for (size_t k = 0; k < links.size(); ++k)
      if (links[k].refuses(c.args[0][i], low[i])) {
        SeededCoins word(c.index * plan::RangeLink::kMaxLinks + k);
        word.coins(i, 1, out);
      }
  return out;
}

} // namespace

Result<Elements> evaluate(const OpContext &c) {
  using W = uint64_t;
  switch (c.in.op) {
  case PlanOp::Input:
  case PlanOp::Weight:
  case PlanOp::Output:
  case PlanOp::Flush:
  case PlanOp::Range:
  case PlanOp::Guard:
    break;
  case PlanOp::Add:
    return binary(c, [](W x, W y) { return x + y; });
  case PlanOp::Sub:
    return binary(c, [](W x, W y) { return x - y; });
  case PlanOp::Neg:
    return map(c, [](W x) { return -x; });
  case PlanOp::AddConst:
    return withConst(c, [](W x, W y) { return x + y; });
  case PlanOp::MulConst:
    return withConst(c, [](W x, W y) { return x * y; });
  case PlanOp::Shl: {
    unsigned bits = unsignedImm(c, 0);
    return map(c, [bits](W x) { return x << bits; });
  }
  case PlanOp::MatMulConst: {
    const uint64_t *k = words(c.constant(0)), *x = c.args[0].data();
    return c.in.scalar(1) == 0 ? matmul(c, 2, k, x) : matmul(c, 2, x, k);
  }
  case PlanOp::ReduceSum:
    return reduceSum(c);
  case PlanOp::Drop:
  case PlanOp::ToAdditive:
  case PlanOp::FromBits:
    return map(c, [](W x) { return x; });
  case PlanOp::Strided:
    return strided(c);
  case PlanOp::Concat:
    return concat(c);
  case PlanOp::Take:
    return take(c);
  case PlanOp::Mul:
  case PlanOp::BitMul:
    return binary(c, [](W x, W y) { return x * y; });
  case PlanOp::MatMul:
    return matmul(c, 0, c.args[0].data(), c.args[1].data());
  case PlanOp::Trunc:
    return trunc(c);
  case PlanOp::Extend:
    return extend(c);
  case PlanOp::Spline:
    return spline(c);
  case PlanOp::Exp:
    return exp(c);
  case PlanOp::Fourier:
    return fourier(c);
  case PlanOp::Digits:
    return Elements{}; // `sign` looks at x itself
  case PlanOp::Sign:
    return sign(c);
  case PlanOp::BitXor:
    return binary(c, [](W x, W y) { return x ^ y; });
  case PlanOp::BitNot:
    return map(c, [](W x) { return x ^ 1; });
  case PlanOp::BitAnd:
    return binary(c, [](W x, W y) { return x & y; });
  case PlanOp::BitMux: {
    Elements r(c.args[0].size());
    for (size_t i = 0; i < r.size(); ++i)
      r[i] = c.args[2 + 2 * c.args[0][i] + c.args[1][i]][i];
    return r;
  }
  case PlanOp::OneHot:
  case PlanOp::OneHotBits:
    return oneHot(c);
  case PlanOp::SelectWords:
    return selectWords(c);
  case PlanOp::FromWords: {
    unsigned w = c.arg(0).ring;
    return map(c, [w](W x) { return static_cast<W>(toSigned(x, w)); });
  }
  case PlanOp::InRange:
    return inRange(c);
  }
  assert(false && "instructions without operands are the driver's");
  __builtin_unreachable();
}

} // namespace mpc::emu

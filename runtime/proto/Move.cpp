//===- runtime/proto/Move.cpp - strided, concat, take; bit_xor, bit_not ---===//
//
// Ops that move elements, whatever they are; packed bits are spread out for it.
//
//===----------------------------------------------------------------------===//
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Local.h"

#include "runtime/kernels/Strided.h"

namespace mpc::proto {
namespace {

using plan::Form;

/// Runs `move(inputs, out)` on word-per-element arrays.
template <class F> void moveElements(Machine &p, F move) {
  const bool bits = p.outInfo().form == Form::Bits;
  const size_t n = p.outSize();
  for (int i = 0; i < 2; ++i) {
    if (!p.holds(p.instr().out, i))
      continue;
    std::vector<Words> spread;
    std::vector<const uint64_t *> in;
    for (size_t k = 0; k < p.instr().in.size(); ++k) {
      const Words &x = Machine::array(p.in(k), i);
      if (bits)
        spread.push_back(spreadBits(x, p.inSize(k)));
      in.push_back(bits ? spread.back().data() : x.data());
    }
    Words out(n);
    if (n != 0)
      move(in, out.data());
    Machine::array(p.out(), i) = bits ? gatherBits(out) : std::move(out);
  }
}

void localStrided(Machine &p) {
  moveElements(p, [&](const auto &in, uint64_t *out) {
    kernels::stridedCopy(out, p.outInfo().shape, in[0] + p.imm(0),
                         p.instr().imm[1], p.pool);
  });
}

void localConcat(Machine &p) {
  const auto axis = static_cast<size_t>(p.imm(0));
  const core::Strides strides = core::rowMajorStrides(p.outInfo().shape);
  moveElements(p, [&](const auto &in, uint64_t *out) {
    for (size_t k = 0; k < in.size(); ++k) {
      const core::Shape &shape = p.inInfo(k).shape;
      if (p.inSize(k) != 0)
        kernels::stridedCopy(out, strides, shape, in[k],
                             core::rowMajorStrides(shape), p.pool);
      out += shape[axis] * strides[axis];
    }
  });
}

void localTake(Machine &p) {
  const std::vector<int64_t> &indices = p.constant(0).data;
  const size_t n = p.outSize();
  moveElements(p, [&](const auto &in, uint64_t *out) {
    for (size_t i = 0; i < n; ++i)
      out[i] = indices[i] < 0 ? 0 : in[0][indices[i]];
  });
}

void localBitXor(Machine &p) {
  forEachArray(p, bitWords(p.outSize()), [&](int i, Words &out) {
    const Words &x = Machine::array(p.in(0), i),
                &y = Machine::array(p.in(1), i);
    for (size_t k = 0; k < out.size(); ++k)
      out.data()[k] = x.data()[k] ^ y.data()[k];
  });
}

void localBitNot(Machine &p) {
  const uint64_t adds = p.addsPublic(Form::Bits) ? ~uint64_t{0} : 0;
  forEachArray(p, bitWords(p.outSize()), [&](int i, Words &out) {
    const Words &x = Machine::array(p.in(0), i);
    for (size_t k = 0; k < out.size(); ++k)
      out.data()[k] = x.data()[k] ^ (i == 0 ? adds : 0);
    clearTail(out, p.outSize());
  });
}

} // namespace

MPC_LOCAL_OP(Strided)
MPC_LOCAL_OP(Concat)
MPC_LOCAL_OP(Take)
MPC_LOCAL_OP(BitXor)
MPC_LOCAL_OP(BitNot)

} // namespace mpc::proto
